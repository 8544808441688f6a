package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/driver/link"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
	"github.com/viaduct-sdn/viaduct/test/bench/report"
	"github.com/viaduct-sdn/viaduct/test/bench/workload"
)

// runFloor measures the bare requests that make the VNet, all computed before the
// measurement; the drivers must find nothing to do after them.
func runFloor(ctx context.Context, n *node) (f figures, err error) {
	h, err := newHost(ctx, n)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stopFRR(""), h.Close()) }()
	if err := h.prepare(ctx); err != nil {
		return nil, err
	}
	times, updates, err := n.measureAdds(ctx, adds, func(with bool) (time.Duration, error) {
		if !with {
			// Its lines are not the driver's, which therefore keeps them.
			_, err := n.vtysh(ctx, false, "configure terminal", fmt.Sprintf("router bgp %d", workload.OutsideASN), "address-family l2vpn evpn", fmt.Sprintf("no vni %d", n.vni()))
			if err == nil {
				_, _, err = h.pass(ctx, false)
			}
			return 0, errors.Join(err, n.checkFRR(ctx, false))
		}
		r, err := h.requests(ctx)
		if err != nil {
			return 0, err
		}
		took, err := r.run(ctx)
		if err == nil {
			err = h.differs(ctx)
		}
		return took, errors.Join(err, n.checkFRR(ctx, true))
	})
	if err != nil {
		return nil, err
	}
	return figures{"add1": report.Median(times), "updates": updates}, nil
}

// differs fails if a driver would change anything, but for those of FRR and of the
// filter: they remember what they applied, and the floor is not theirs.
func (h *host) differs(ctx context.Context) error {
	want, err := h.want(ctx, true)
	if err != nil {
		return err
	}
	for _, stage := range h.Stages() {
		d, ok := stage.Driver.(driver.OnHost)
		if !ok {
			continue // of named spaces, which there are none of here
		}
		if !slices.Contains([]string{"link", "route", "sysctl"}, stage.Name) {
			continue
		}
		r, err := d.Driver.Reconcile(ctx, want, true)
		if err != nil {
			return err
		}
		if len(r.Changes) > 0 {
			return fmt.Errorf("the floor made something else than the drivers do: %s", r.Changes[0])
		}
	}
	return nil
}

// requests is everything that makes one VNet.
type requests struct {
	conn     *rtnl.Conn
	links    []*rtnl.Message
	settings map[string]string // below /proc/sys
	nft, frr string
}

// requests works out how the state with the VNet differs from the one without.
func (h *host) requests(ctx context.Context) (*requests, error) {
	without, err := h.want(ctx, false)
	if err != nil {
		return nil, err
	}
	with, err := h.want(ctx, true)
	if err != nil {
		return nil, err
	}
	r := &requests{settings: map[string]string{}}
	if r.conn, err = rtnl.Open(nil); err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, l := range without.Links {
		known[l.Name] = true
	}
	indexes := map[string]int{}
	for _, bridgesFirst := range []bool{true, false} {
		for _, l := range with.Links {
			if !known[l.Name] && (l.Kind == desired.LinkBridge) == bridgesFirst {
				indexes[l.Name] = 1<<20 + len(indexes)
				r.link(&l, indexes)
			}
		}
	}
	for _, a := range with.Addresses {
		if i := indexes[a.Link]; i != 0 {
			r.links = append(r.links, rtnl.AddAddress(i, a.Prefix, link.AddressProtocol, a.NoRoute))
		}
	}
	have := map[desired.Sysctl]bool{}
	for _, s := range without.Sysctls {
		have[s] = true
	}
	for _, s := range with.Sysctls {
		if !have[s] {
			r.settings["/proc/sys/"+strings.ReplaceAll(s.Key, ".", "/")] = s.Value
		}
	}
	r.elements(without, with)
	r.frr = newLines(without.FRR, with.FRR)
	return r, nil
}

// link makes a link in as few requests as the kernel accepts.
func (r *requests) link(l *desired.Link, indexes map[string]int) {
	i := indexes[l.Name]
	master := indexes[l.Master]
	if master == 0 {
		if dev, err := net.InterfaceByName(l.Master); err == nil {
			master = dev.Index
		}
	}
	m := rtnl.NewMessage(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, rtnl.IfInfo(unix.AF_UNSPEC, i, false)).
		String(unix.IFLA_IFNAME, l.Name).Uint32(unix.IFLA_GROUP, desired.LinkGroup).Uint32(unix.IFLA_MASTER, uint32(master))
	if mac, err := net.ParseMAC(l.MAC); err == nil {
		m.Bytes(unix.IFLA_ADDRESS, mac)
	}
	m.Nest(unix.IFLA_LINKINFO, func(m *rtnl.Message) {
		m.String(unix.IFLA_INFO_KIND, string(l.Kind))
		m.Nest(unix.IFLA_INFO_DATA, func(m *rtnl.Message) {
			if l.VXLAN == nil {
				m.Uint32(unix.IFLA_BR_FORWARD_DELAY, 0)
				return
			}
			m.Uint32(unix.IFLA_VXLAN_ID, l.VXLAN.ID).Addr(unix.IFLA_VXLAN_LOCAL, l.VXLAN.Local).
				Uint16BE(unix.IFLA_VXLAN_PORT, l.VXLAN.Port).Bool(unix.IFLA_VXLAN_LEARNING, false)
		})
	})
	// The kernel accepts the generation mode of link-local addresses only for an
	// existing link, and not in the request that brings it up.
	addrGen := rtnl.NewMessage(unix.RTM_SETLINK, 0, rtnl.IfInfo(unix.AF_UNSPEC, i, false)).
		Nest(unix.IFLA_AF_SPEC, func(m *rtnl.Message) {
			m.Nest(unix.AF_INET6, func(m *rtnl.Message) { m.Uint8(unix.IFLA_INET6_ADDR_GEN_MODE, rtnl.AddrGenNone) })
		})
	up := rtnl.NewMessage(unix.RTM_SETLINK, 0, rtnl.IfInfo(unix.AF_UNSPEC, i, true)).Uint32(unix.IFLA_MTU, uint32(l.MTU))
	r.links = append(r.links, m, addrGen, up)
	if l.Port != nil {
		r.links = append(r.links, rtnl.NewMessage(unix.RTM_SETLINK, 0, rtnl.IfInfo(unix.AF_BRIDGE, i, false)).
			Nest(unix.IFLA_PROTINFO, func(m *rtnl.Message) {
				m.Bool(unix.IFLA_BRPORT_LEARNING, !l.Port.NoLearning).Bool(unix.IFLA_BRPORT_NEIGH_SUPPRESS, l.Port.NeighSuppress)
			}))
	}
}

// elements are those of the filter's sets that are new, and its rules that differ.
func (r *requests) elements(without, with *desired.Space) {
	var b strings.Builder
	old := map[string]bool{}
	for _, t := range without.Tables {
		for _, s := range t.Sets {
			for _, e := range s.Elements {
				old[s.Name+" "+e] = true
			}
		}
	}
	for _, t := range with.Tables {
		for i, c := range t.Chains {
			if was := without.Tables[0].Chains[i]; fmt.Sprint(was) != fmt.Sprint(c) {
				fmt.Fprintf(&b, "flush chain %s %s %s\n", t.Family, t.Name, c.Name)
				for _, rule := range c.Rules {
					fmt.Fprintf(&b, "add rule %s %s %s %s\n", t.Family, t.Name, c.Name, rule.Text)
				}
			}
		}
		for _, s := range t.Sets {
			for _, e := range s.Elements {
				if !old[s.Name+" "+e] {
					fmt.Fprintf(&b, "add element %s %s %s { %s }\n", t.Family, t.Name, s.Name, e)
				}
			}
		}
	}
	r.nft = b.String()
}

// newLines is the configuration to send to FRR: new lines, below the heads that contain them.
func newLines(without, with *desired.FRR) string {
	old := map[string]bool{}
	each(without, func(path []string) { old[strings.Join(path, "\n")] = true })
	var b strings.Builder
	var open []string
	each(with, func(path []string) {
		if old[strings.Join(path, "\n")] {
			return
		}
		for i, head := range path {
			if i >= len(open) || open[i] != head {
				open = open[:min(i, len(open))]
				b.WriteString(head + "\n")
			}
		}
		open = append(open[:0], path...)
	})
	return b.String()
}

// each calls f with every line of a configuration, below its heads.
func each(c *desired.FRR, f func(path []string)) {
	for _, block := range c.Blocks {
		path := []string{block.Head}
		f(path)
		for _, line := range block.Lines {
			depth := len(line) - len(strings.TrimLeft(line, " "))
			path = append(path[:min(depth, len(path))], line)
			f(path)
		}
	}
}

// run makes all of it and returns how long that took.
func (r *requests) run(ctx context.Context) (time.Duration, error) {
	const file = "/run/viaduct/lines"
	if err := os.WriteFile(file, []byte(r.frr), 0o600); err != nil {
		return 0, err
	}
	start := time.Now()
	nft := exec.CommandContext(ctx, "nft", "-f", "-")
	nft.Stdin = strings.NewReader(r.nft)
	out, err := nft.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("nft: %w: %s\n%s", err, out, r.nft)
	}
	if err := errors.Join(r.conn.Do(ctx, r.links)...); err != nil {
		return 0, err
	}
	for path, value := range r.settings {
		if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
			return 0, err
		}
	}
	if err := command(ctx, "vtysh", "-f", file); err != nil {
		return 0, err
	}
	took := time.Since(start)
	return took, r.conn.Close()
}
