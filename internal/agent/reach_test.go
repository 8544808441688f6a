package agent

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/test/scratch"
)

// An end that says nothing counts as reached; one that nobody has, and one to which no
// route leads, are told after two rounds, and forgotten when they answer.
func TestEndsThatCannotBeReached(t *testing.T) {
	here, there := scratch.New(t), scratch.New(t)
	scratch.Run(t, here, fmt.Sprintf("ip link add eth0 type veth peer name eth0 netns /proc/%d/fd/%d", os.Getpid(), there.FD()))
	for _, command := range []string{"ip addr add 192.0.2.1/24 dev eth0", "ip addr add 2001:db8::1/64 dev eth0 nodad", "ip link set eth0 up", "ip link set lo up"} {
		scratch.Run(t, here, command)
	}
	for _, command := range []string{"ip addr add 192.0.2.2/24 dev eth0", "ip addr add 2001:db8::2/64 dev eth0 nodad", "ip link set eth0 up", "ip link set lo up"} {
		scratch.Run(t, there, command)
	}
	four, six := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	var targets []target
	for _, remote := range []string{"192.0.2.2", "192.0.2.3", "198.51.100.1"} {
		targets = append(targets, target{four, netip.MustParseAddr(remote), 4789})
	}
	for _, remote := range []string{"2001:db8::2", "2001:db8::3"} {
		targets = append(targets, target{six, netip.MustParseAddr(remote), 4789})
	}
	var r reach
	now := time.Unix(1e9, 0)
	probe := func() string {
		now = now.Add(reachEvery)
		var found map[netip.Addr]string
		inside(t, here, func() { found = r.probe(now, targets) })
		var out []string
		for _, target := range targets {
			if why := found[target.remote]; why != "" {
				out = append(out, target.remote.String()+": "+why)
			}
		}
		return strings.Join(out, "\n")
	}
	if got := probe(); got != "" {
		t.Errorf("after one round:\n%s", got)
	}
	const nobody = ": nothing answers at its address, or a router on the way refuses"
	want := "192.0.2.3" + nobody + "\n198.51.100.1: no route leads to it\n2001:db8::3" + nobody
	got := ""
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline) && got != want; got = probe() {
		<-time.After(3500 * time.Millisecond) // the kernel asks three times, a second apart
	}
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	scratch.Run(t, there, "ip addr add 192.0.2.3/24 dev eth0")
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline) && strings.Contains(got, "192.0.2.3"); got = probe() {
		<-time.After(time.Second)
	}
	if strings.Contains(got, "192.0.2.3") {
		t.Errorf("an end that came is still told:\n%s", got)
	}
}

func inside(t *testing.T, ns *netns.NS, f func()) {
	t.Helper()
	if err := ns.Run(func() error { f(); return nil }); err != nil {
		t.Fatal(err)
	}
}
