package frr

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

// learnTimeout is how long zebra may take to learn a host; a busy one needs a second or
// two. After that the host is relearned, and again after the same time.
const learnTimeout = 5 * time.Second

// hosts is the driver that keeps FRR's view of the node's own hosts equal to the kernel's.
// zebra learns of them by the kernel's notifications and never asks again: if it missed a host,
// or forgot it when another node withdrew a host that had moved to this one (FRRouting#21473),
// no other node finds that host. hosts does not decide anything itself. It has the kernel
// relearn the MAC address from the host's next frame, and probe the address; the result is a
// notification, or the host is in fact down.
type hosts struct {
	d *Driver
	// show queries a daemon, and now is the clock.
	show func(ctx context.Context, daemon, command string) (string, error)
	now  func() time.Time
	// unseen are the hosts that zebra does not have, and since when.
	unseen map[host]time.Time
}

// host is a MAC address in a VNI, or an IP address there.
type host struct {
	vni uint32
	mac string
	ip  netip.Addr
}

func (h host) String() string {
	if h.ip.IsValid() {
		return h.ip.String() + " (" + h.mac + ")"
	}
	return h.mac
}

// Hosts returns the driver that has FRR learn the node's hosts that it missed. It runs after
// the driver itself.
func (d *Driver) Hosts() driver.Driver {
	return &hosts{d: d, show: d.Show, now: time.Now, unseen: map[host]time.Time{}}
}

// Name implements driver.Driver.
func (*hosts) Name() string { return "frr-hosts" }

// Reconcile implements driver.Driver. A host that zebra has not learned yet does
// not differ from anything declared, so a dry run finds nothing.
func (h *hosts) Reconcile(ctx context.Context, want *desired.Space, dryRun bool) (driver.Result, error) {
	bridges := map[string]uint32{} // bridge -> its VNI
	for _, l := range want.Links {
		if l.VXLAN != nil && l.Master != "" && l.Port != nil && l.Port.NoLearning {
			bridges[l.Master] = l.VXLAN.ID
		}
	}
	if _, runs := h.d.process("zebra"); dryRun || want.FRR == nil || len(bridges) == 0 || !runs {
		clear(h.unseen)
		return driver.Result{}, nil
	}
	conn, err := rtnl.Open(h.d.o.Namespace)
	if err != nil {
		return driver.Result{}, fmt.Errorf("compare the node's hosts with FRR's: %w", err)
	}
	defer conn.Close()
	have, err := localHosts(ctx, conn, bridges)
	if err != nil {
		return driver.Result{}, fmt.Errorf("read the node's hosts: %w", err)
	}
	known, err := h.learned(ctx)
	if err != nil {
		return driver.Result{}, nil //nolint:nilerr // the driver itself reports a zebra that does not answer
	}
	return h.relearn(ctx, conn, have, known)
}

// relearn sends the requests that have the kernel notify zebra of the hosts that it
// missed.
func (h *hosts) relearn(ctx context.Context, conn *rtnl.Conn, have map[host]*rtnl.Message, known *learned) (driver.Result, error) {
	now := h.now()
	var due []host
	for k := range have {
		switch since, waits := h.unseen[k]; {
		case known.has(k):
			delete(h.unseen, k)
		case !waits:
			h.unseen[k] = now
		case now.Sub(since) >= learnTimeout:
			due = append(due, k)
			h.unseen[k] = now
		}
	}
	for k := range h.unseen {
		if have[k] == nil {
			delete(h.unseen, k)
		}
	}
	slices.SortFunc(due, func(a, b host) int {
		return cmp.Or(cmp.Compare(a.vni, b.vni), cmp.Compare(a.mac, b.mac), a.ip.Compare(b.ip))
	})
	var r driver.Result
	var msgs []*rtnl.Message
	for _, k := range due {
		msgs = append(msgs, have[k])
		r.Changes = append(r.Changes, diff.Change{Action: diff.Update, Type: desired.TypeFRR, Name: fmt.Sprintf("host %s in VNI %d", k, k.vni), Fields: []diff.Field{
			{Name: "state", Old: "not seen by FRR", New: "learned anew"},
		}})
	}
	r.Writes = len(msgs)
	conn.Do(ctx, msgs) // a host that went down in the meantime is no failure; any other is tried again
	return r, nil
}

// localHosts returns the hosts behind ports of the bridges, with the request by
// which the kernel verifies each.
func localHosts(ctx context.Context, conn *rtnl.Conn, bridges map[string]uint32) (map[host]*rtnl.Message, error) {
	links, err := conn.Links(ctx)
	if err != nil {
		return nil, err
	}
	vnis, ports := map[int]uint32{}, map[int]uint32{} // of bridges, and of ports that hosts are behind
	for _, l := range links {
		if vni := bridges[l.Name]; vni != 0 {
			vnis[l.Index] = vni
		}
	}
	for _, l := range links {
		if vni := vnis[l.Master]; vni != 0 && l.VXLAN == nil {
			ports[l.Index] = vni
		}
	}
	entries, err := conn.Forwarding(ctx)
	if err != nil {
		return nil, err
	}
	out := map[host]*rtnl.Message{}
	const fixed = unix.NUD_PERMANENT | unix.NUD_NOARP // the bridge's own, and entries of operators
	for _, e := range entries {
		if vni := ports[e.Index]; vni != 0 && e.State&fixed == 0 && e.Flags&(unix.NTF_SELF|unix.NTF_EXT_LEARNED) == 0 {
			out[host{vni: vni, mac: e.MAC.String()}] = rtnl.DeleteStatic(e.Index, e.MAC)
		}
	}
	neighbours, err := conn.Neighbours(ctx)
	if err != nil {
		return nil, err
	}
	const valid = unix.NUD_REACHABLE | unix.NUD_STALE | unix.NUD_DELAY | unix.NUD_PROBE
	for _, n := range neighbours {
		vni := vnis[n.Index]
		if vni == 0 || n.State&valid == 0 || n.Flags&unix.NTF_EXT_LEARNED != 0 || n.Dst.IsLinkLocalUnicast() {
			continue
		}
		// An address with a MAC address that is not behind a port is about to be
		// updated.
		if out[host{vni: vni, mac: n.MAC.String()}] != nil {
			out[host{vni: vni, mac: n.MAC.String(), ip: n.Dst}] = rtnl.Probe(n.Index, n.Dst, n.MAC)
		}
	}
	return out, nil
}

// learned holds zebra's hosts: the VNIs that it knows, and the local hosts.
type learned struct {
	vnis  map[uint32]bool
	hosts map[host]bool
}

// has reports whether zebra has a host, or does not handle its VNI.
func (l *learned) has(h host) bool { return l.hosts[h] || !l.vnis[h.vni] }

// learned queries zebra's hosts.
func (h *hosts) learned(ctx context.Context) (*learned, error) {
	out := &learned{vnis: map[uint32]bool{}, hosts: map[host]bool{}}
	var macs map[uint32]struct {
		MACs map[string]struct{ Type string }
	}
	if err := h.query(ctx, "show evpn mac vni all json", &macs); err != nil {
		return nil, err
	}
	for vni, v := range macs {
		out.vnis[vni] = true
		for mac, m := range v.MACs {
			if m.Type == "local" {
				out.hosts[host{vni: vni, mac: mac}] = true
			}
		}
	}
	var addresses map[uint32]map[string]json.RawMessage // next to "numArpNd"
	if err := h.query(ctx, "show evpn arp-cache vni all json", &addresses); err != nil {
		return nil, err
	}
	for vni, list := range addresses {
		out.vnis[vni] = true
		for text, raw := range list {
			var n struct{ Type, State, MAC string }
			ip, err := netip.ParseAddr(text)
			if err == nil && json.Unmarshal(raw, &n) == nil && n.Type == "local" && n.State == "active" {
				out.hosts[host{vni: vni, mac: n.MAC, ip: ip}] = true
			}
		}
	}
	return out, nil
}

// query queries zebra in JSON.
func (h *hosts) query(ctx context.Context, command string, into any) error {
	text, err := h.show(ctx, "zebra", command)
	if err == nil && text != "" {
		err = json.Unmarshal([]byte(text), into)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	return nil
}
