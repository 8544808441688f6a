// Package probe detects the features of a node's kernel and userland by trying them: in
// its own network namespace, which is removed with the probe. Its results are facts, which
// compile uses; it is next to the one-way flow and has no noticeable side effects.
package probe

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// natRules are the nftables features for source NAT.
const natRules = `table inet viaduct_probe {
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 192.0.2.0/24 masquerade
	}
	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state established accept
	}
}
`

// bridgeRules are the nftables features for filters inside VNets, and bridgeStateRules the
// additional ones for rules there: the bridge of a frame and its connection.
const (
	bridgeRules = `table bridge viaduct_probe {
	set names {
		type ifname . ether_addr
	}
	chain forward {
		type filter hook forward priority filter; policy accept;
		iifname . ether saddr @names drop
	}
	chain output {
		type filter hook output priority filter; policy accept;
		oifname "probe" ether type ip6 icmpv6 type nd-router-advert drop
	}
	chain postrouting {
		type filter hook postrouting priority filter; policy accept;
		ether type arp arp daddr ip 192.0.2.1 drop
	}
}
`
	bridgeStateRules = `table bridge viaduct_probe {
	chain forward {
		type filter hook forward priority filter; policy accept;
		meta ibrname "none" ct state established accept
	}
}
`
)

// logRules log to programs, to any group.
const logRules = `table inet viaduct_probe_log {
	chain logs {
		log prefix "probe" group 1
	}
}
`

// rulesets are tried for the features of nftables.
var rulesets = map[model.Feature]string{
	model.FeatureNFTNAT: natRules, model.FeatureNFTBridge: bridgeRules, model.FeatureNFTBridgeState: bridgeStateRules, model.FeatureNFTLog: logRules,
}

// Features tries every feature that this release needs. A feature that the kernel does not
// know is false; one that could not be tried, for lack of memory for instance, is omitted,
// so that existing objects are not removed because of it. The error is set only if nothing
// could be tried. It needs some tens of milliseconds.
func Features(ctx context.Context) (map[model.Feature]bool, error) {
	ns, err := netns.New()
	if err != nil {
		return nil, fmt.Errorf("find out what the kernel can do: %w", err)
	}
	defer func() { _ = ns.Close() }()
	conn, err := rtnl.Open(ns)
	if err != nil {
		return nil, fmt.Errorf("find out what the kernel can do: %w", err)
	}
	defer func() { _ = conn.Close() }()

	tries := linkTries()
	msgs := make([]*rtnl.Message, len(tries))
	for i, t := range tries {
		msgs[i] = t.msg
	}
	// Separate requests: a rejected one does not affect the others. The kernel loads the
	// module that a kind of link needs.
	outcome := conn.Do(ctx, msgs)
	links, err := conn.Links(ctx)
	if err != nil {
		return nil, fmt.Errorf("find out what the kernel can do: %w", err)
	}
	for _, err := range outcome {
		if errors.Is(err, unix.EPERM) {
			return nil, fmt.Errorf("find out what the kernel can do: %w", err)
		}
	}
	found := map[model.Feature]bool{}
	for feature, rules := range rulesets {
		if has, known := accepts(ctx, ns, rules); known {
			found[feature] = has
		}
	}
	for i, t := range tries {
		switch err := outcome[i]; {
		case err == nil:
			found[t.feature] = true
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EPROTONOSUPPORT):
			found[t.feature] = false
		}
	}
	if found[model.FeatureVLANFiltering] {
		found[model.FeatureVLANFiltering] = filtersVLANs(links)
	}
	return found, nil
}

// parentIndex is the index of the link that the VLAN devices are tried on.
const parentIndex = 1 << 24

// try is a link with a creation that proves a feature.
type try struct {
	feature model.Feature
	msg     *rtnl.Message
}

// linkTries are the features that creating a link proves.
func linkTries() []try {
	vlan := func(name string, parent int, protocol uint16) *rtnl.Message {
		return newLink(name, 0, "vlan", func(m *rtnl.Message) {
			m.Uint16(unix.IFLA_VLAN_ID, 1)
			m.Uint16BE(unix.IFLA_VLAN_PROTOCOL, protocol)
		}).Uint32(unix.IFLA_LINK, uint32(parent))
	}
	none := func(*rtnl.Message) {}
	return []try{
		{model.FeatureBridge, newLink("probe-br", parentIndex, "bridge", none)},
		{model.FeatureVLANFiltering, newLink("probe-filter", 0, "bridge", func(m *rtnl.Message) { m.Uint8(unix.IFLA_BR_VLAN_FILTERING, 1) })},
		{model.FeatureVXLAN, newLink("probe-vx", 0, "vxlan", func(m *rtnl.Message) {
			m.Uint32(unix.IFLA_VXLAN_ID, 1)
			m.Uint16BE(unix.IFLA_VXLAN_PORT, model.DefaultVXLANPort)
		})},
		{model.FeatureVeth, newLink("probe-veth", 0, "veth", none)},
		{model.FeatureDummy, newLink("probe-dummy", 0, "dummy", none)},
		{model.FeatureVRF, newLink("probe-vrf", 0, "vrf", func(m *rtnl.Message) { m.Uint32(unix.IFLA_VRF_TABLE, 1) })},
		{model.FeatureVLAN, vlan("probe-q", parentIndex, unix.ETH_P_8021Q)},
		{model.FeatureVLANAD, vlan("probe-ad", parentIndex, unix.ETH_P_8021AD)},
	}
}

// newLink builds the request that creates a link; with index 0 the kernel numbers it.
func newLink(name string, index int, kind string, data func(*rtnl.Message)) *rtnl.Message {
	return rtnl.NewMessage(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, rtnl.IfInfo(unix.AF_UNSPEC, index, false)).
		String(unix.IFLA_IFNAME, name).
		Nest(unix.IFLA_LINKINFO, func(m *rtnl.Message) {
			m.String(unix.IFLA_INFO_KIND, kind)
			m.Nest(unix.IFLA_INFO_DATA, data)
		})
}

// filtersVLANs reports whether a bridge really has the setting: some kernels built without
// it silently ignore it.
func filtersVLANs(links []rtnl.Link) bool {
	for _, l := range links {
		if l.Bridge != nil && l.Bridge.VLANFiltering != nil && *l.Bridge.VLANFiltering {
			return true
		}
	}
	return false
}

// accepts reports whether the kernel accepts rules of nftables. Without the program nft,
// or if it could not be run, that is unknown: the nft driver reports the missing program.
func accepts(ctx context.Context, ns *netns.NS, rules string) (has, known bool) {
	cmd := exec.CommandContext(ctx, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	err := ns.Run(cmd.Run)
	var refused *exec.ExitError
	return err == nil, err == nil || errors.As(err, &refused)
}
