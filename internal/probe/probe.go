// Package probe finds out what the kernel and the userland of a node can do,
// by doing it: in a network namespace of its own, which vanishes with the probe.
// Its results are facts, which compile takes into account; it stands beside the
// one-way flow and changes nothing that could be noticed.
package probe

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/netns"
	"github.com/viaduct-sdn/viaduct/internal/rtnl"
)

// natRules is what source NAT needs of nftables.
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

// Features tries every feature that this release asks for. A feature that the
// kernel does not know is false; one that could not be tried, for lack of memory
// for instance, is left out, so that what stands is not given up for it. The
// error is set only if nothing could be tried. It takes some tens of
// milliseconds.
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

	// Separate requests: one that is refused does not hinder the other.
	outcome := conn.Do(ctx, []*rtnl.Message{
		newLink("probe-br", "bridge", func(*rtnl.Message) {}),
		newLink("probe-vlan", "bridge", func(m *rtnl.Message) { m.Uint8(unix.IFLA_BR_VLAN_FILTERING, 1) }),
		newLink("probe-vx", "vxlan", func(m *rtnl.Message) {
			m.Uint32(unix.IFLA_VXLAN_ID, 1)
			m.Uint16BE(unix.IFLA_VXLAN_PORT, model.DefaultVXLANPort)
		}),
	})
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
	if has, known := nat(ctx, ns); known {
		found[model.FeatureNFTNAT] = has
	}
	for feature, err := range map[model.Feature]error{
		model.FeatureBridge: outcome[0], model.FeatureVLANFiltering: outcome[1], model.FeatureVXLAN: outcome[2],
	} {
		switch {
		case err == nil:
			found[feature] = true
		case errors.Is(err, unix.EOPNOTSUPP):
			found[feature] = false
		}
	}
	if found[model.FeatureVLANFiltering] {
		found[model.FeatureVLANFiltering] = filtersVLANs(links)
	}
	return found, nil
}

// newLink builds the request that makes a link.
func newLink(name, kind string, data func(*rtnl.Message)) *rtnl.Message {
	return rtnl.NewMessage(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, rtnl.IfInfo(unix.AF_UNSPEC, 0, false)).
		String(unix.IFLA_IFNAME, name).
		Nest(unix.IFLA_LINKINFO, func(m *rtnl.Message) {
			m.String(unix.IFLA_INFO_KIND, kind)
			m.Nest(unix.IFLA_INFO_DATA, data)
		})
}

// filtersVLANs reports whether a bridge really took the setting: some kernels
// built without it ignore the wish and say nothing.
func filtersVLANs(links []rtnl.Link) bool {
	for _, l := range links {
		if l.Bridge != nil && l.Bridge.VLANFiltering != nil && *l.Bridge.VLANFiltering {
			return true
		}
	}
	return false
}

// nat reports whether the kernel takes NAT rules. Without the program nft, or if
// it could not be run, that is not known: the nft driver tells what is missing.
func nat(ctx context.Context, ns *netns.NS) (has, known bool) {
	cmd := exec.CommandContext(ctx, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(natRules)
	err := ns.Run(cmd.Run)
	var refused *exec.ExitError
	return err == nil, err == nil || errors.As(err, &refused)
}
