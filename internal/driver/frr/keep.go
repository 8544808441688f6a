package frr

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
	"github.com/viaduct-sdn/viaduct/internal/render/frr"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
)

// settleTime is how long a bgpd must run until zebra's state is complete: the time in which it
// receives its peers' routes again.
const settleTime = (frr.DeferTime + 10) * time.Second

// keeper is the driver that keeps the kernel's forwarding entries to other nodes while bgpd is
// down. Its peers keep the node's routes then (graceful restart, RFC 4724), and zebra keeps
// those in VRFs; but zebra removes every remote MAC address, neighbour and VTEP from the kernel
// as soon as bgpd's connection ends. keeper restores them at once. When bgpd has received its
// peers' routes again, it removes those that zebra has not adopted.
type keeper struct {
	d    *Driver
	show func(ctx context.Context, daemon, command string) (string, error)
	now  func() time.Time
	// bgpd is the process that was seen last, and since when.
	bgpd  int
	since time.Time
	// known are the kernel's entries for reaching other nodes when bgpd last ran, by their
	// keys; restored are those that were put back.
	known, restored map[string]remote
}

// remote is a kernel entry for reaching another node.
type remote struct {
	rtnl.Neighbour
	// arp is true for a neighbour, false for an entry of a forwarding database.
	arp bool
}

func (r remote) key() string {
	return strconv.FormatBool(r.arp) + strconv.Itoa(r.Index) + strconv.Itoa(int(r.Flags&unix.NTF_SELF)) + r.MAC.String() + r.Dst.String()
}

// restore and remove return the requests for it.
func (r remote) restore() *rtnl.Message {
	if r.arp {
		return rtnl.RestoreNeighbour(r.Neighbour)
	}
	return rtnl.Restore(r.Neighbour)
}

func (r remote) remove() *rtnl.Message {
	if r.arp {
		return rtnl.RemoveNeighbour(r.Neighbour)
	}
	return rtnl.Remove(r.Neighbour)
}

// Keep returns the driver that keeps the entries for other nodes while bgpd is down. It runs
// before the driver itself, which may be busy for seconds with starting bgpd.
func (d *Driver) Keep() driver.Driver {
	return &keeper{d: d, show: d.Show, now: time.Now, known: map[string]remote{}, restored: map[string]remote{}}
}

// Name implements driver.Driver.
func (*keeper) Name() string { return "frr-keep" }

// Reconcile implements driver.Driver. zebra's entries in the kernel are not declared, so a dry
// run finds nothing.
func (k *keeper) Reconcile(ctx context.Context, want *desired.Space, dryRun bool) (driver.Result, error) {
	_, zebra := k.d.process("zebra")
	if dryRun || want.FRR == nil || !restartsGracefully(want.FRR) || !zebra {
		if !dryRun {
			clear(k.known)
			clear(k.restored)
		}
		return driver.Result{}, nil
	}
	conn, err := rtnl.Open(k.d.o.Namespace)
	if err != nil {
		return driver.Result{}, fmt.Errorf("keep the ways to other nodes: %w", err)
	}
	defer conn.Close()
	have, err := remotes(ctx, conn, want)
	if err != nil {
		return driver.Result{}, fmt.Errorf("read the ways to other nodes: %w", err)
	}
	p, runs := k.d.process("bgpd")
	switch {
	case p.pid != k.bgpd: // it ended, or ended and restarted
		k.bgpd, k.since = p.pid, k.now()
		return k.guard(ctx, conn, want, have)
	case !runs:
		return k.restoreMissing(ctx, conn, have), nil
	case k.now().Sub(k.since) < settleTime:
		for key, r := range have {
			k.known[key] = r
		}
		return driver.Result{}, nil
	}
	k.known = have
	return k.removeStale(ctx, conn, have), nil
}

// restartsGracefully reports whether the node's bgpd restarts gracefully: otherwise its peers
// have forgotten the node, and it sends to them in vain.
func restartsGracefully(f *desired.FRR) bool {
	return slices.ContainsFunc(f.Blocks, func(b desired.FRRBlock) bool {
		return slices.ContainsFunc(b.Lines, func(l string) bool { return strings.TrimSpace(l) == "bgp graceful-restart" })
	})
}

// The times in which zebra removes entries from the kernel after bgpd's end: it is done when
// for quiet none was removed, and is waited for no longer than atMost.
const (
	quiet  = 200 * time.Millisecond
	atMost = 3 * time.Second
	glance = 5 * time.Millisecond
)

// guard restores the entries that zebra removes from the kernel, until it stops: the driver
// that runs next may be busy for seconds with starting bgpd.
func (k *keeper) guard(ctx context.Context, conn *rtnl.Conn, want *desired.Space, have map[string]remote) (driver.Result, error) {
	var all driver.Result
	begin := time.Now()
	for last := begin; len(k.known) > 0 && time.Since(last) < quiet && time.Since(begin) < atMost; sleep.Context(ctx, glance) {
		r := k.restoreMissing(ctx, conn, have)
		if r.Writes > 0 {
			last = time.Now()
		}
		all.Writes += r.Writes
		all.Changes = append(all.Changes, r.Changes...)
		var err error
		if have, err = remotes(ctx, conn, want); err != nil {
			return all, fmt.Errorf("read the ways to other nodes: %w", err)
		}
	}
	return all, nil
}

// restoreMissing restores known entries that are missing.
func (k *keeper) restoreMissing(ctx context.Context, conn *rtnl.Conn, have map[string]remote) driver.Result {
	var lost []remote
	for key, r := range k.known {
		if _, found := have[key]; !found {
			lost = append(lost, r)
			k.restored[key] = r
		}
	}
	return send(ctx, conn, lost, remote.restore, "taken out of the kernel by zebra without bgpd", "put back")
}

// removeStale removes restored entries that zebra does not have.
func (k *keeper) removeStale(ctx context.Context, conn *rtnl.Conn, have map[string]remote) driver.Result {
	if len(k.restored) == 0 {
		return driver.Result{}
	}
	text := ""
	for _, command := range []string{
		"show evpn mac vni all json", "show evpn arp-cache vni all json", "show evpn rmac vni all json", "show evpn next-hops vni all json", "show evpn vni detail json",
	} {
		answer, err := k.show(ctx, "zebra", command)
		if err != nil {
			return driver.Result{} // the driver itself reports a zebra that does not answer
		}
		text += answer
	}
	var stale []remote
	for key, r := range k.restored {
		owned := strings.Contains(text, `"`+r.MAC.String()+`"`) || r.Dst.IsValid() && strings.Contains(text, `"`+r.Dst.String()+`"`)
		if _, found := have[key]; found && !owned {
			stale = append(stale, r)
			delete(k.known, key)
		}
	}
	clear(k.restored)
	return send(ctx, conn, stale, remote.remove, "put back while bgpd was away", "gone")
}

// send makes requests of entries, in a stable order, and reports the changes.
func send(ctx context.Context, conn *rtnl.Conn, entries []remote, request func(remote) *rtnl.Message, old, now string) driver.Result {
	slices.SortFunc(entries, func(a, b remote) int { return strings.Compare(a.key(), b.key()) })
	var r driver.Result
	var msgs []*rtnl.Message
	for _, e := range entries {
		msgs = append(msgs, request(e))
		name := e.MAC.String()
		if e.Dst.IsValid() {
			name += " at " + e.Dst.String()
		}
		r.Changes = append(r.Changes, diff.Change{Action: diff.Update, Type: desired.TypeFRR, Name: "way to " + name, Fields: []diff.Field{{Name: "state", Old: old, New: now}}})
	}
	r.Writes = len(msgs)
	conn.Do(ctx, msgs) // changes by zebra in the meantime stay
	return r
}

// remotes returns the entries that zebra made on the links of EVPN, by their keys.
func remotes(ctx context.Context, conn *rtnl.Conn, want *desired.Space) (map[string]remote, error) {
	names := map[string]bool{} // true: a VXLAN device, false: a bridge
	for _, l := range want.Links {
		if l.VXLAN != nil && l.Master != "" && l.Port != nil && l.Port.NoLearning {
			names[l.Name], names[l.Master] = true, false
		}
	}
	links, err := conn.Links(ctx)
	if err != nil {
		return nil, err
	}
	tunnels, bridges := map[int]bool{}, map[int]bool{}
	for _, l := range links {
		tunnel, known := names[l.Name]
		tunnels[l.Index], bridges[l.Index] = known && tunnel, known && !tunnel
	}
	out := map[string]remote{}
	add := func(r remote) { out[r.key()] = r }
	entries, err := conn.Forwarding(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		flood := e.Flags&unix.NTF_SELF != 0 && e.MAC.String() == desired.FloodMAC
		if tunnels[e.Index] && (flood && e.Dst.IsValid() || e.Flags&unix.NTF_EXT_LEARNED != 0) {
			add(remote{Neighbour: e})
		}
	}
	neighbours, err := conn.Neighbours(ctx)
	if err != nil {
		return nil, err
	}
	for _, n := range neighbours {
		if bridges[n.Index] && n.Flags&unix.NTF_EXT_LEARNED != 0 && n.State&unix.NUD_NOARP != 0 {
			add(remote{n, true})
		}
	}
	return out, nil
}
