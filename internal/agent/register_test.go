package agent

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/driver/space"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/test/requires"
)

// hostStages are those of a real node, none of which has run.
func hostStages(t *testing.T) []Stage {
	t.Helper()
	list, err := stages(HostOptions{Data: t.TempDir()}, func(string) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, c := range all[interface{ Close() error }](list) {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return list
}

// Each stage stands after those that it names, has one driver, and is called as that calls
// itself in errors and logs.
func TestStagesAreInOrder(t *testing.T) {
	list := hostStages(t)
	if err := checkOrder(list); err != nil {
		t.Error(err)
	}
	for _, s := range list {
		named, ok := s.parts().(interface{ Name() string })
		if !ok || named.Name() != s.Name {
			t.Errorf("stage %s: %+v", s.Name, s)
		}
	}
	// What the order protects: no link without its filter, no forwarding without either, no
	// VRF deleted under FRR nor unknown to it.
	for _, pair := range [][2]string{{"nft", "link"}, {"link", "sysctl"}, {"nft", "sysctl"}, {"frr-withdraw", "link"}, {"link", "frr"}, {"nft", "space"}, {"space", "link"}} {
		at := func(name string) int { return slices.IndexFunc(list, func(s Stage) bool { return s.Name == name }) }
		if first, second := at(pair[0]), at(pair[1]); first < 0 || second < first {
			t.Errorf("%s is at %d, %s at %d", pair[0], first, pair[1], second)
		}
	}
}

// The check sees every exchange of two stages of which one, or one between, comes after
// another.
func TestOrderIsChecked(t *testing.T) {
	list := hostStages(t)
	for i, s := range list {
		for k, other := range list[:i] {
			swapped := slices.Clone(list)
			swapped[i], swapped[k] = other, s
			breaks := slices.ContainsFunc(list[k:i], func(o Stage) bool { return slices.Contains(s.After, o.Name) }) ||
				slices.ContainsFunc(list[k+1:i+1], func(o Stage) bool { return slices.Contains(o.After, other.Name) })
			if err := checkOrder(swapped); (err != nil) != breaks {
				t.Errorf("%s and %s exchanged: %v", other.Name, s.Name, err)
			}
		}
		if err := checkOrder(append(slices.Clone(list), Stage{Name: s.Name})); err == nil {
			t.Errorf("two stages %s are taken", s.Name)
		}
	}
}

// The host finds what drivers can do besides, and takes it from one of each.
func TestAbilities(t *testing.T) {
	list := hostStages(t)
	for what, found := range map[string]int{
		"switch": len(all[switchReader](list)),
		"names":  len(all[linkNamer](list)),
		"ports":  len(all[portJoiner](list)),
		"show":   len(all[shower](list)),
		"guard":  len(all[driver.Guard](list)),
	} {
		if found != 1 {
			t.Errorf("%s: %d drivers", what, found)
		}
	}
	if n := len(all[factSource](list)); n != 2 { // frr, haproxy
		t.Errorf("%d drivers add to the facts", n)
	}
	if n := len(all[driver.Eventful](list)); n < 7 { // nft, ovs, link, space, dnsmasq, haproxy, frr
		t.Errorf("%d drivers tell of events", n)
	}
}

// recorder is a driver that keeps what it was asked for.
type recorder struct{ want *desired.Space }

func (*recorder) Name() string { return "recorder" }
func (r *recorder) Reconcile(_ context.Context, want *desired.Space, _ bool) (driver.Result, error) {
	r.want = want
	return driver.Result{}, nil
}

// A pass reaches the drivers of named spaces, each with its own space. What the host's
// filter holds back by failing is the host's.
func TestPassReachesSpaces(t *testing.T) {
	requires.Root(t)
	inside, host := map[string]*recorder{}, &recorder{}
	dir := netns.Dir(filepath.Join(t.TempDir(), "netns"))
	spaces := space.New(space.Options{Dir: dir, Drivers: func(_ *netns.NS, name string) ([]driver.Driver, error) {
		inside[name] = &recorder{}
		return []driver.Driver{inside[name]}, nil
	}})
	defer func() {
		if err := errors.Join(spaces.Close(), dir.Remove()); err != nil {
			t.Error(err)
		}
	}()
	node := &stagedNode{newFakeNode(), []Stage{{Name: "filter", Driver: driver.OnHost{Driver: failingFilter{}}}, {Name: "space", Driver: spaces}, {Name: "recorder", Driver: driver.OnHost{Driver: host}}}}
	forward := desired.Space{Sysctls: []desired.Sysctl{{Key: "net.ipv4.ip_forward", Value: "1"}}}
	want := &desired.Node{Space: forward, Spaces: []desired.NamedSpace{{Name: "blue", Space: forward}, {Name: "red"}}}
	did, err := runDrivers(t.Context(), node, want, false)
	changes := did.Changes
	if err == nil || len(changes) != 2 || changes[0].String() != "+ space blue" || changes[1].String() != "+ space red" {
		t.Errorf("%v, %v", changes, err)
	}
	if len(inside) != 2 || len(inside["blue"].want.Sysctls) != 1 || len(inside["red"].want.Sysctls) != 0 {
		t.Errorf("the spaces were asked for %+v", inside)
	}
	if len(host.want.Sysctls) != 0 || len(want.Sysctls) != 1 {
		t.Errorf("the host was asked for %+v after its filter failed", host.want.Sysctls)
	}
}

// stagedNode is a node with stages of a test's own.
type stagedNode struct {
	*fakeNode
	stages []Stage
}

func (n *stagedNode) Stages() []Stage { return n.stages }

// checkOrder returns an error for a stage that is not placed after those that it names.
func checkOrder(stages []Stage) error {
	var before []string
	for _, s := range stages {
		for _, name := range s.After {
			if !slices.Contains(before, name) {
				return fmt.Errorf("stage %s runs before %s, which it comes after", s.Name, name)
			}
		}
		if slices.Contains(before, s.Name) {
			return fmt.Errorf("two stages are called %s", s.Name)
		}
		before = append(before, s.Name)
	}
	return nil
}
