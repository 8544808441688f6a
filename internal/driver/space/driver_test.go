package space

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/driver/link"
	"github.com/viaduct-sdn/viaduct/internal/driver/nft"
	"github.com/viaduct-sdn/viaduct/internal/driver/route"
	"github.com/viaduct-sdn/viaduct/internal/driver/sysctl"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/naming"
	"github.com/viaduct-sdn/viaduct/test/requires"
)

// lab is a directory of namespaces with the real drivers.
type lab struct {
	*testing.T
	dir   netns.Dir
	state string
	d     *Driver
}

func newLab(t *testing.T) *lab {
	requires.Root(t)
	l := &lab{T: t, dir: netns.Dir(filepath.Join(t.TempDir(), "netns")), state: t.TempDir()}
	l.restart()
	t.Cleanup(func() {
		if _, err := l.d.Reconcile(context.Background(), &desired.Node{}, false); err != nil {
			t.Error(err)
		}
		if err := errors.Join(l.d.Close(), l.dir.Remove()); err != nil {
			t.Error(err)
		}
	})
	return l
}

// restart recreates the driver, as a restart of the agent does.
func (l *lab) restart() {
	if l.d != nil {
		if err := l.d.Close(); err != nil {
			l.Fatal(err)
		}
	}
	l.d = New(Options{Dir: l.dir, Drivers: l.drivers, Records: l.records, Forget: func(space string) error { return os.Remove(l.record(space)) }})
}

func (l *lab) drivers(ns *netns.NS, space string) ([]driver.Driver, error) {
	links, err := link.New(link.Options{Namespace: ns})
	if err != nil {
		return nil, err
	}
	routes, err := route.New(ns)
	return []driver.Driver{nft.New(nft.Options{Namespace: ns, StateFile: l.record(space)}), links, sysctl.New(ns), routes}, err
}

func (l *lab) record(space string) string { return filepath.Join(l.state, space+".json") }

func (l *lab) records() ([]string, error) {
	files, err := os.ReadDir(l.state)
	var out []string
	for _, f := range files {
		out = append(out, strings.TrimSuffix(f.Name(), ".json"))
	}
	return out, err
}

// recorded fails unless the drivers keep records of these spaces only.
func (l *lab) recorded(want ...string) {
	l.Helper()
	if got, err := l.records(); err != nil || !slices.Equal(got, want) {
		l.Errorf("records of %v, %v, want %v", got, err, want)
	}
}

func (l *lab) reconcile(dryRun bool, want ...desired.NamedSpace) driver.Result {
	l.Helper()
	r, err := l.d.Reconcile(context.Background(), &desired.Node{Spaces: want}, dryRun)
	if err != nil {
		l.Fatal(err)
	}
	return r
}

// settled fails unless there is nothing to do.
func (l *lab) settled(want ...desired.NamedSpace) {
	l.Helper()
	if r := l.reconcile(false, want...); r.Writes != 0 || len(r.Changes) != 0 {
		l.Errorf("not settled: %d writes, %v", r.Writes, r.Changes)
	}
}

// in runs f in a space.
func (l *lab) in(space string, f func() error) {
	l.Helper()
	ns, err := l.dir.Open(naming.Namespace(space))
	if err == nil {
		err = errors.Join(ns.Run(f), ns.Close())
	}
	if err != nil {
		l.Error(err)
	}
}

// router is a space with a leg, a route, a filter and forwarding. All spaces have the same
// names and addresses, as tenants may.
func router(name string) desired.NamedSpace {
	owner := "sector/" + name
	return desired.NamedSpace{Name: name, Owner: owner, Space: desired.Space{
		Links:     []desired.Link{{Name: "leg0", Kind: desired.LinkBridge, Owner: owner, MTU: 1400, Bridge: &desired.Bridge{}}},
		Addresses: []desired.Address{{Link: "leg0", Prefix: netip.MustParsePrefix("10.0.0.1/24"), Owner: owner}},
		Routes:    []desired.Route{{Dst: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("10.0.0.254"), Link: "leg0", Owner: owner}},
		Sysctls:   []desired.Sysctl{{Key: "net.ipv4.ip_forward", Value: "1", Owner: owner}},
		Tables: []desired.Table{{Family: "inet", Name: "viaduct", Chains: []desired.Chain{{
			Name: "forward", Type: "filter", Hook: "forward", Priority: "filter", Rules: []desired.Rule{{Text: "tcp dport 25 drop", Owner: owner}},
		}}}},
	}}
}

// stands fails unless a space is as router says.
func (l *lab) stands(space string) {
	l.Helper()
	l.in(space, func() error {
		i, err := net.InterfaceByName("leg0")
		if err != nil || i.MTU != 1400 {
			l.Errorf("space %s: leg0 %+v, %v", space, i, err)
		} else if addrs, err := i.Addrs(); err != nil || !slices.ContainsFunc(addrs, func(a net.Addr) bool { return a.String() == "10.0.0.1/24" }) {
			l.Errorf("space %s: addresses %v, %v", space, addrs, err)
		}
		lo, err := net.InterfaceByName("lo")
		if err != nil || lo.Flags&net.FlagUp == 0 {
			l.Errorf("space %s: lo %+v, %v", space, lo, err)
		}
		if b, err := os.ReadFile("/proc/thread-self/net/route"); err != nil || !strings.Contains(string(b), "\tFE00000A\t") { // 10.0.0.254
			l.Errorf("space %s: routes %s, %v", space, b, err)
		}
		return err
	})
	l.in(space, func() error {
		out, err := exec.Command("nft", "list", "table", "inet", "viaduct").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "tcp dport 25") {
			l.Errorf("space %s: filter %s, %v", space, out, err)
		}
		return nil
	})
	// What is below /proc/sys is the namespace's of the thread.
	l.in(space, func() error {
		b, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
		if string(b) != "1\n" {
			l.Errorf("space %s does not forward", space)
		}
		return err
	})
}

// Spaces come with all that is in them, beside each other, and stay through a restart of
// the agent; what else is removed is made again, and what nobody wants goes.
func TestSpaces(t *testing.T) {
	l := newLab(t)
	red, blue := router("red"), router("blue")
	if planned := l.reconcile(true, red); len(planned.Changes) < 6 || planned.Changes[0].String() != "+ space red" || planned.Changes[1].Space != "red" {
		t.Errorf("plan %v", planned.Changes)
	}
	if names, err := l.dir.List(); err != nil || len(names) != 0 {
		t.Fatalf("a plan made %v, %v", names, err)
	}
	l.reconcile(false, red, blue)
	l.settled(red, blue)
	l.stands("red")
	l.stands("blue")

	l.restart()
	l.settled(red, blue)

	if err := l.dir.Delete(naming.Namespace("red")); err != nil { // somebody else does
		t.Fatal(err)
	}
	r := l.reconcile(false, red, blue)
	if len(r.Changes) == 0 || r.Changes[0].String() != "+ space red" || slices.ContainsFunc(r.Changes, func(c diff.Change) bool { return c.Space == "blue" }) {
		t.Errorf("repair %v", r.Changes)
	}
	l.stands("red")
	l.settled(red, blue)

	blue.Links[0].MTU = 1300
	if r := l.reconcile(false, red, blue); len(r.Changes) != 1 || r.Changes[0].String() != "~ link leg0 in space blue: mtu 1400 -> 1300" {
		t.Errorf("change %v", r.Changes)
	}

	if r := l.reconcile(false, red); len(r.Changes) != 1 || r.Changes[0].String() != "- space blue" {
		t.Errorf("removal %v", r.Changes)
	}
	if _, err := l.dir.Open(naming.Namespace("blue")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("blue is still there: %v", err)
	}
	l.recorded("red")
	l.stands("red")
}

// What happens in a space wakes whoever listens, also in one that came later; the channel
// is closed when listening ends.
func TestEvents(t *testing.T) {
	l := newLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events, err := l.d.Events(ctx)
	if err != nil {
		t.Fatal(err)
	}
	red := router("red")
	l.reconcile(false, red)
	for quiet := false; !quiet; { // the driver's own work tells too
		select {
		case <-events:
		case <-time.After(200 * time.Millisecond):
			quiet = true
		}
	}
	l.in("red", func() error { return exec.Command("ip", "link", "del", "leg0").Run() })
	select {
	case <-events:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing is told of a link that somebody deleted in the space")
	}
	l.reconcile(false, red)
	l.stands("red")
	cancel()
	for range events { //nolint:revive // until it is closed
	}
}

// A space that is unwanted after a reboot, which has ended its namespace, leaves no record;
// one that is still wanted keeps its own, and a look at the differences removes none.
func TestRecordsAfterReboot(t *testing.T) {
	l := newLab(t)
	l.reconcile(false, router("blue"), router("red"))
	l.recorded("blue", "red")
	for _, name := range []string{"blue", "red"} {
		if err := l.dir.Delete(naming.Namespace(name)); err != nil {
			t.Fatal(err)
		}
	}
	l.restart()
	l.reconcile(true, router("red"))
	l.recorded("blue", "red")
	l.reconcile(false, router("red"))
	l.recorded("red")
	l.stands("red")
}

// A driver that begins to listen while listening ends does not send to a closed channel.
func TestEventsEndWhileOneBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		d := New(Options{})
		events, err := d.Events(ctx)
		if err != nil {
			t.Fatal(err)
		}
		ending := eventful(func() <-chan struct{} {
			cancel()
			synctest.Wait() // everything that follows from the end has happened
			source := make(chan struct{}, 1)
			source <- struct{}{}
			close(source)
			return source
		})
		if err := d.listen(&opened{drivers: []driver.Driver{ending}}); err != nil {
			t.Fatal(err)
		}
		for range events { //nolint:revive // until it is closed
		}
	})
}

// eventful is a driver with a source of events.
type eventful func() <-chan struct{}

func (eventful) Name() string { return "eventful" }

func (eventful) Reconcile(context.Context, *desired.Space, bool) (driver.Result, error) {
	return driver.Result{}, nil
}

func (e eventful) Events(context.Context) (<-chan struct{}, error) { return e(), nil }

// A namespace that is not Viaduct's stays, and a name without a namespace, as a kill leaves
// it behind, is no obstacle.
func TestOthersStay(t *testing.T) {
	l := newLab(t)
	if err := l.dir.Make("other", nil); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(string(l.dir), naming.Namespace("red"))
	if err := os.WriteFile(left, nil, 0o444); err != nil {
		t.Fatal(err)
	}
	l.reconcile(false, router("red"))
	l.stands("red")
	l.reconcile(false)
	ns, err := l.dir.Open("other")
	if err != nil {
		t.Fatal(err)
	}
	_ = ns.Close()
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("red is still there: %v", err)
	}
}

// One space that cannot be made as wanted keeps no other from it, and its error names the
// object.
func TestOneFaultDoesNotSpread(t *testing.T) {
	l := newLab(t)
	bad := router("bad")
	bad.Sysctls = append(bad.Sysctls, desired.Sysctl{Key: "net.ipv4.no_such", Value: "1", Owner: "sector/bad"})
	_, err := l.d.Reconcile(context.Background(), &desired.Node{Spaces: []desired.NamedSpace{bad, router("red")}}, false)
	if failed := driver.ObjectErrors(err); len(failed) != 1 || failed[0].Owner != "sector/bad" {
		t.Errorf("errors %v", err)
	}
	l.stands("bad")
	l.stands("red")
}

// A namespace that Viaduct did not make stays, even with a name of a space, and whoever
// wants its name is told of it.
func TestForeignNamespaceWithTheNameOfASpace(t *testing.T) {
	l := newLab(t)
	if err := l.dir.Make(naming.Namespace("red"), nil); err != nil {
		t.Fatal(err)
	}
	before, err := l.dir.Open(naming.Namespace("red"))
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	l.settled()
	_, err = l.d.Reconcile(context.Background(), &desired.Node{Spaces: []desired.NamedSpace{router("red"), router("blue")}}, false)
	var conflict *driver.Conflict
	if failed := driver.ObjectErrors(err); len(failed) != 1 || failed[0].Owner != "sector/red" || !errors.As(err, &conflict) {
		t.Errorf("errors %v", err)
	}
	l.stands("blue")
	l.reconcile(false)
	after, err := l.dir.Open(naming.Namespace("red"))
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	if same, err := before.Same(after); err != nil || !same {
		t.Errorf("the namespace was replaced: %v, %v", same, err)
	}
	l.in("red", func() error {
		if links, err := net.Interfaces(); err != nil || len(links) != 1 {
			t.Errorf("the namespace was changed: %v, %v", links, err)
		}
		return nil
	})
}

// descriptors counts the process's open sockets and namespaces.
func descriptors(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, f := range files {
		to, err := os.Readlink("/proc/self/fd/" + f.Name())
		if err == nil && (strings.HasPrefix(to, "socket:") || strings.HasPrefix(to, "net:")) {
			count++
		}
	}
	return count
}

// What keeps a namespace alive, sockets and handles, is closed with its space, also where
// its drivers cannot be made or cannot listen; what failed is tried again.
func TestNothingStaysOpen(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // what is forgotten must not be closed by finalizers
	l := newLab(t)
	before := descriptors(t)
	l.reconcile(false, router("red"))
	l.reconcile(false)
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors are open after a space was removed, %d before", after, before)
	}

	fault := errors.New("no memory")
	l.d.listen = func(*opened) error { return fault }
	for range 3 {
		if _, err := l.d.Reconcile(context.Background(), &desired.Node{Spaces: []desired.NamedSpace{router("red")}}, false); !errors.Is(err, fault) {
			t.Errorf("a space that cannot be listened to: %v", err)
		}
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors are open after listening failed, %d before", after, before)
	}
	l.d.listen = func(*opened) error { return nil }
	l.reconcile(false, router("red"))
	l.stands("red")
}

// counting is a driver that counts how often it is run, and reports a change when told.
type counting struct {
	runs   int
	events chan struct{}
}

func (*counting) Name() string { return "counting" }

func (c *counting) Reconcile(context.Context, *desired.Space, bool) (driver.Result, error) {
	c.runs++
	return driver.Result{}, nil
}

func (c *counting) Events(context.Context) (<-chan struct{}, error) { return c.events, nil }

// A settled space is read again only when it is wanted otherwise, when a change in it is
// reported, or, a few at a time, when it has not been read for long.
func TestSettledSpacesAreNotRead(t *testing.T) {
	dir := netns.Dir(t.TempDir())
	t.Cleanup(func() { _ = dir.Remove() })
	drivers := map[string]*counting{}
	d := New(Options{Dir: dir, Drivers: func(ns *netns.NS, space string) ([]driver.Driver, error) {
		drivers[space] = &counting{events: make(chan struct{})}
		return []driver.Driver{drivers[space]}, nil
	}})
	t.Cleanup(func() { _ = d.Close() })
	woken, err := d.Events(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	node := &desired.Node{Spaces: []desired.NamedSpace{{Name: "a"}, {Name: "b"}}}
	pass := func(dryRun bool, a, b int) {
		t.Helper()
		if _, err := d.Reconcile(t.Context(), node, dryRun); err != nil {
			t.Fatal(err)
		}
		if drivers["a"].runs != a || drivers["b"].runs != b {
			t.Errorf("read %d and %d times, want %d and %d", drivers["a"].runs, drivers["b"].runs, a, b)
		}
	}
	pass(false, 1, 1)
	pass(false, 1, 1)
	pass(true, 2, 2) // drift is looked for everywhere
	pass(false, 2, 2)
	node.Spaces[0].Sysctls = []desired.Sysctl{{Key: "net.ipv4.ip_forward", Value: "1"}}
	pass(false, 3, 2)
	pass(false, 3, 2)
	drivers["b"].events <- struct{}{}
	<-woken
	pass(false, 3, 3)
	pass(false, 3, 3)
	for _, in := range d.open {
		in.settled.at = in.settled.at.Add(-reviewAfter)
	}
	pass(false, 4, 4)
	pass(false, 4, 4)
	for _, in := range d.open {
		in.settled.at = in.settled.at.Add(-reviewAfter)
	}
	reviews := 1
	now := time.Now()
	if d.open["a"].settled.holds(&node.Spaces[0].Space, now, &reviews) || reviews != 0 || !d.open["b"].settled.holds(&node.Spaces[1].Space, now, &reviews) {
		t.Error("more spaces were reviewed than a pass may")
	}
}
