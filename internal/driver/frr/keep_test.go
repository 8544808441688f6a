package frr

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/test/scratch"
)

// remoteEntries are what zebra has in the kernel of another node.
var remoteEntries = []string{
	"bridge fdb replace 02:00:00:00:00:02 dev vx1 dst 192.168.0.2 self dynamic extern_learn",
	"bridge fdb replace 02:00:00:00:00:02 dev vx1 master dynamic extern_learn",
	"bridge fdb append 00:00:00:00:00:00 dev vx1 dst 192.168.0.2 self permanent",
	"ip neigh replace 10.0.1.6 lladdr 02:00:00:00:00:02 dev net1 nud noarp extern_learn",
}

var withoutEntries = []string{
	"ip neigh del 10.0.1.6 dev net1",
	"bridge fdb del 02:00:00:00:00:02 dev vx1 dst 192.168.0.2 self",
	"bridge fdb del 02:00:00:00:00:02 dev vx1 master",
	"bridge fdb del 00:00:00:00:00:00 dev vx1 dst 192.168.0.2 self",
}

// ways is the kernel's view of other nodes, without what is the node's own.
func (l *lab) ways() string {
	l.t.Helper()
	var out []string
	for _, c := range []string{"bridge fdb show dev vx1", "ip neigh show dev net1"} {
		for line := range strings.Lines(scratch.Run(l.t, l.opts.Namespace, c)) {
			if strings.Contains(line, "192.168.0.2") || strings.Contains(line, "extern_learn") {
				out = append(out, strings.TrimSpace(line))
			}
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// What zebra takes out of the kernel when bgpd crashes is put back, and let go of when
// bgpd is back and zebra has nothing of it. What goes while bgpd runs stays away.
func TestKeepsWaysWhileBGPDIsAway(t *testing.T) {
	l := newLab(t)
	want := l.guests()
	want.FRR.Blocks = append(want.FRR.Blocks, desired.FRRBlock{Head: "router bgp 65000", Lines: []string{" bgp graceful-restart"}, Owner: "controller/ctl"})
	l.apply(config(evpn, "bfdd", "bgpd"))
	run := func(commands []string) {
		for _, c := range commands {
			scratch.Run(t, l.opts.Namespace, c)
		}
	}
	now, answer := time.Now(), ""
	k := l.d.Keep().(*keeper)
	k.now = func() time.Time { return now }
	k.show = func(context.Context, string, string) (string, error) { return answer, nil }
	run([]string{"ip neigh del 10.0.1.6 dev net1"}) // of guests
	reconcile(t, k, want)
	run(remoteEntries)
	now = now.Add(settleTime)
	reconcile(t, k, want)
	before := l.ways()
	contains(t, before, "10.0.1.6 lladdr 02:00:00:00:00:02 extern_learn NOARP", "02:00:00:00:00:02 dst 192.168.0.2 self extern_learn", "00:00:00:00:00:00 dst 192.168.0.2 self permanent")

	l.kill("bgpd")
	run(withoutEntries)
	if r := reconcile(t, k, want); r.Writes != 4 || len(r.Changes) != 4 {
		t.Errorf("%d writes: %v", r.Writes, r.Changes)
	}
	if after := l.ways(); after != before {
		t.Errorf("with bgpd away the ways are\n%s\nwant\n%s", after, before)
	}

	l.apply(config(evpn, "bfdd", "bgpd")) // bgpd is back
	if r := reconcile(t, k, want); r.Writes != 0 {
		t.Errorf("bgpd is back: %v", r.Changes)
	}
	now = now.Add(settleTime)
	answer = `{"11000":{"macs":{"02:00:00:00:00:02":{"type":"remote"}}}}`
	if r := reconcile(t, k, want); r.Writes != 1 { // the tunnel end is nowhere in the answer
		t.Errorf("bgpd has settled, and zebra has the MAC address: %v", r.Changes)
	}
	run(withoutEntries[1:3])
	if r := reconcile(t, k, want); r.Writes != 0 {
		t.Errorf("zebra took entries away while bgpd runs: %v", r.Changes)
	}
}
