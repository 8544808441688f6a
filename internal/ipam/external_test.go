package ipam

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/ipam/plugin"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// external is an address management system and a name server, in memory. What they
// say to real ones is tested with these; here it is what happens when they fail.
type external struct {
	mu     sync.Mutex
	has    map[string]bool
	before map[string]error // fails instead of doing
	behind map[string]error // fails after having done
}

func newExternal() *external { return &external{has: map[string]bool{}} }

func (e *external) IPAM(*model.IPAM) (plugin.System, error)       { return e, nil }
func (e *external) Names(*model.NameServer) (plugin.Names, error) { return names{e}, nil }

func (e *external) fail(step string, err error) { e.after("", nil, step, err) }

func (e *external) after(step string, err error, before string, fails error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.behind, e.before = map[string]error{step: err}, map[string]error{before: fails}
}

func (e *external) is(t *testing.T, want ...string) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	got := []string{}
	for x := range e.has {
		got = append(got, x)
	}
	slices.Sort(got)
	want = append([]string{}, want...)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the external system has: %s", d)
	}
}

// do does a step unless it is to fail.
func (e *external) do(step string, work func() error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.before[step]; err != nil {
		return err
	}
	if err := work(); err != nil {
		return err
	}
	return e.behind[step]
}

func (e *external) put(x string) func() error { return func() error { e.has[x] = true; return nil } }
func (e *external) cut(x string) func() error { return func() error { delete(e.has, x); return nil } }

func (e *external) Ping(context.Context) error { return nil }

func (e *external) AddSubnet(_ context.Context, s *model.Subnet) error {
	return e.do("AddSubnet", e.put(s.CIDR.String()))
}

func (e *external) UpdateSubnet(context.Context, *model.Subnet, *model.Subnet) error { return nil }

func (e *external) DeleteSubnet(_ context.Context, s *model.Subnet) error {
	return e.do("DeleteSubnet", func() error {
		delete(e.has, s.Gateway.String()+" gateway")
		return e.cut(s.CIDR.String())()
	})
}

func text4(x plugin.Entry) string {
	if x.Gateway {
		return x.IP.String() + " gateway"
	}
	return x.IP.String() + " " + x.MAC
}

func (e *external) Add(_ context.Context, _ *model.Subnet, x plugin.Entry) error {
	return e.do("Add", e.put(text4(x)))
}

func (e *external) Update(context.Context, *model.Subnet, plugin.Entry) error { return nil }

func (e *external) Delete(_ context.Context, _ *model.Subnet, ip netip.Addr) error {
	return e.do("Delete", func() error {
		for x := range e.has {
			if len(x) > len(ip.String()) && x[:len(ip.String())+1] == ip.String()+" " && x[len(ip.String())+1] != '=' {
				delete(e.has, x)
			}
		}
		return nil
	})
}

func (e *external) taken(ip netip.Addr) bool {
	for x := range e.has {
		if len(x) > len(ip.String()) && x[:len(ip.String())+1] == ip.String()+" " && x[len(ip.String())+1] != '=' {
			return true
		}
	}
	return false
}

func (e *external) Next(_ context.Context, s *model.Subnet, _ *model.Range, x plugin.Entry) (netip.Addr, error) {
	x.IP = s.CIDR.Addr().Next()
	err := e.do("Next", func() error {
		for e.taken(x.IP) {
			x.IP = x.IP.Next()
		}
		return e.put(text4(x))()
	})
	return x.IP, err
}

func (e *external) Of(_ context.Context, s *model.Subnet, mac string) ([]netip.Addr, error) {
	var out []netip.Addr
	err := e.do("Of", func() error {
		for ip := s.CIDR.Addr(); s.CIDR.Contains(ip); ip = ip.Next() {
			if e.has[ip.String()+" "+mac] {
				out = append(out, ip)
			}
		}
		return nil
	})
	return out, err
}

// names is its name server.
type names struct{ e *external }

func (n names) HasZone(context.Context, string) error { return nil }

func (n names) Add(_ context.Context, zone, name string, ip netip.Addr) error {
	return n.e.do("Names.Add", n.e.put(name+"."+zone+" = "+ip.String()))
}

func (n names) Remove(_ context.Context, zone, name string, ip netip.Addr) error {
	return n.e.do("Names.Remove", n.e.cut(name+"."+zone+" = "+ip.String()))
}

func (n names) Point(_ context.Context, _ *model.Subnet, ip netip.Addr, name string) error {
	return n.e.do("Names.Point", func() error {
		_ = n.Unpoint(context.Background(), nil, netip.Addr{})
		return n.e.put(ip.String() + " = " + name)()
	})
}

func (n names) Unpoint(_ context.Context, _ *model.Subnet, ip netip.Addr) error {
	if !ip.IsValid() {
		return nil
	}
	return n.e.do("Names.Unpoint", func() error {
		for x := range n.e.has {
			if len(x) > len(ip.String())+2 && x[:len(ip.String())+3] == ip.String()+" = " {
				delete(n.e.has, x)
			}
		}
		return nil
	})
}
