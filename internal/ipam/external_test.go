package ipam

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// systemsFake is an address management system and a name server, in memory. What they
// say to real ones is tested with these; here it is what happens when they fail.
type systemsFake struct {
	mu     sync.Mutex
	has    map[string]bool
	before map[string]error // fails instead of doing
	behind map[string]error // fails after having done
}

func newSystemsFake() *systemsFake { return &systemsFake{has: map[string]bool{}} }

func (e *systemsFake) IPAM(*model.IPAM) (external.System, error)       { return e, nil }
func (e *systemsFake) Names(*model.NameServer) (external.Names, error) { return names{e}, nil }

func (e *systemsFake) fail(step string, err error) { e.after("", nil, step, err) }

func (e *systemsFake) after(step string, err error, before string, fails error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.behind, e.before = map[string]error{step: err}, map[string]error{before: fails}
}

func (e *systemsFake) is(t *testing.T, want ...string) {
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
func (e *systemsFake) do(step string, work func() error) error {
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

func (e *systemsFake) put(x string) func() error { return func() error { e.has[x] = true; return nil } }
func (e *systemsFake) cut(x string) func() error {
	return func() error { delete(e.has, x); return nil }
}

func (e *systemsFake) Ping(context.Context) error { return nil }

func (e *systemsFake) AddSubnet(_ context.Context, s *model.Subnet) error {
	return e.do("AddSubnet", e.put(s.CIDR.String()))
}

func (e *systemsFake) UpdateSubnet(context.Context, *model.Subnet, *model.Subnet) error { return nil }

func (e *systemsFake) DeleteSubnet(_ context.Context, s *model.Subnet) error {
	return e.do("DeleteSubnet", func() error {
		delete(e.has, s.Gateway.String()+" gateway")
		return e.cut(s.CIDR.String())()
	})
}

func text4(x external.Entry) string {
	if x.Gateway {
		return x.IP.String() + " gateway"
	}
	return x.IP.String() + " " + x.MAC
}

func (e *systemsFake) Add(_ context.Context, _ *model.Subnet, x external.Entry) error {
	return e.do("Add", func() error {
		if !x.Gateway && e.taken(x.IP) {
			return external.ErrTaken
		}
		return e.put(text4(x))()
	})
}

func (e *systemsFake) Update(_ context.Context, _ *model.Subnet, x external.Entry) error {
	return e.do("Update", func() error {
		if !e.taken(x.IP) {
			return external.ErrMissing
		}
		e.drop(x.IP)
		return e.put(text4(x))()
	})
}

func (e *systemsFake) Delete(_ context.Context, _ *model.Subnet, ip netip.Addr) error {
	return e.do("Delete", func() error { e.drop(ip); return nil })
}

// drop removes what is registered for an address, except its name.
func (e *systemsFake) drop(ip netip.Addr) {
	for x := range e.has {
		if len(x) > len(ip.String()) && x[:len(ip.String())+1] == ip.String()+" " && x[len(ip.String())+1] != '=' {
			delete(e.has, x)
		}
	}
}

func (e *systemsFake) taken(ip netip.Addr) bool {
	for x := range e.has {
		if len(x) > len(ip.String()) && x[:len(ip.String())+1] == ip.String()+" " && x[len(ip.String())+1] != '=' {
			return true
		}
	}
	return false
}

// Next gives out all of a range, also the ends of the network, as NetBox does.
func (e *systemsFake) Next(_ context.Context, s *model.Subnet, r *model.Range, x external.Entry) (netip.Addr, error) {
	end := model.LastAddr(s.CIDR)
	if x.IP = s.CIDR.Addr().Next(); r != nil {
		x.IP, end = r.Start, r.End
	}
	err := e.do("Next", func() error {
		for e.taken(x.IP) {
			x.IP = x.IP.Next()
		}
		if !x.IP.IsValid() || end.Less(x.IP) {
			return external.ErrNone
		}
		return e.put(text4(x))()
	})
	return x.IP, err
}

func (e *systemsFake) Of(_ context.Context, s *model.Subnet, mac string) ([]netip.Addr, error) {
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
type names struct{ e *systemsFake }

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

// What an external system refuses, or answers with nothing, leaves no trace here, and
// in the end none there.
func TestExternalSystem(t *testing.T) {
	w := newWorld(t)
	s := w.server(t)
	edit(t, s, &model.IPAM{ID: "far", Type: model.IPAMTypeNetBox, URL: "http://127.0.0.1:1/api", Token: "t"},
		&model.NameServer{ID: "names", Type: model.DNSTypePowerDNS, URL: "http://127.0.0.1:1", Key: "k"})
	z := zone("far")
	z.DNS, z.ReverseDNS, z.DNSZone = "names", "names", "lab.example"
	edit(t, s, z, &model.VNet{ID: "v1", Zone: "z1"}, subnet("v1", "10.0.0.0/24", "10.0.0.1"))
	there := []string{"10.0.0.0/24", "10.0.0.1 gateway", "10.0.0.1 = v1-gw.lab.example", "v1-gw.lab.example = 10.0.0.1"}
	w.far.is(t, there...)
	edit(t, s, guest("100", model.NIC{ID: "net0", VNet: "v1", MAC: mac(1)}))
	w.far.is(t, append(there, "10.0.0.2 "+mac(1), "10.0.0.2 = g100.lab.example", "g100.lab.example = 10.0.0.2")...)

	for _, step := range []string{"Next", "Names.Add", "Names.Point"} {
		w.far.fail(step, external.ErrUnreachable)
		if err := tryEdit(t, s, guest("101", model.NIC{ID: "net0", VNet: "v1", MAC: mac(2)})); !strings.Contains(fmt.Sprint(err), "does not answer") {
			t.Errorf("%s fails: %v", step, err)
		}
		w.far.fail("", nil)
		is(t, s, "10.0.0.2 "+mac(1))
		w.far.is(t, append(there, "10.0.0.2 "+mac(1), "10.0.0.2 = g100.lab.example", "g100.lab.example = 10.0.0.2")...)
	}

	// It has done the work, but nobody was told; then it is gone for a while.
	w.far.after("Next", external.ErrUnreachable, "Delete", external.ErrUnreachable)
	if err := tryEdit(t, s, guest("101", model.NIC{ID: "net0", VNet: "v1", MAC: mac(2)})); err == nil || !strings.Contains(err.Error(), "tried again until it can") {
		t.Errorf("half success: %v", err)
	}
	w.far.fail("", nil)
	if err := s.Resync(t.Context()); err != nil {
		t.Error(err)
	}
	is(t, s, "10.0.0.2 "+mac(1))
	w.far.is(t, append(there, "10.0.0.2 "+mac(1), "10.0.0.2 = g100.lab.example", "g100.lab.example = 10.0.0.2")...)

	// A rename, and everything goes.
	g := guest("100", model.NIC{ID: "net0", VNet: "v1", MAC: mac(1)})
	g.Name = "web"
	edit(t, s, g)
	w.far.is(t, append(there, "10.0.0.2 "+mac(1), "10.0.0.2 = web.lab.example", "web.lab.example = 10.0.0.2")...)
	if err := remove(t, s, model.KindGuest, "100"); err != nil {
		t.Error(err)
	}
	w.far.is(t, there...)
	if err := remove(t, s, model.KindSubnet, "z1-10.0.0.0-24"); err != nil {
		t.Error(err)
	}
	w.far.is(t)
	records, _, err := w.store.List(t.Context(), prefix, "")
	if err != nil || len(records) != 0 {
		t.Errorf("left in the store: %v %v", records, err)
	}
}

// A server that is killed in the middle leaves its intent, which another one finishes.
// mute is a store that does not answer to the transaction that gives an address.
type mute struct {
	store.Store
	silent, stores bool
}

func (u *mute) Txn(ctx context.Context, conds []store.Cond, ops []store.Op) (int64, error) {
	gives := slices.ContainsFunc(ops, func(op store.Op) bool { return strings.HasPrefix(op.Key, prefixAddress) && !op.Delete })
	if !u.silent || !gives {
		return u.Store.Txn(ctx, conds, ops)
	}
	if u.stores {
		if _, err := u.Store.Txn(ctx, conds, ops); err != nil {
			return 0, err
		}
	}
	return 0, store.ErrUnavailable
}

// Whether a transaction was stored of which nobody heard is not guessed: the external
// system has the address in the end if and only if it was.
func TestNobodyHeard(t *testing.T) {
	for _, stores := range []bool{true, false} {
		w := newWorld(t)
		st := &mute{Store: w.store, stores: stores}
		w.store = st
		s := w.server(t)
		edit(t, s, &model.IPAM{ID: "far", Type: model.IPAMTypeNetBox, URL: "http://127.0.0.1:1/api", Token: "t"})
		edit(t, s, zone("far"), &model.VNet{ID: "v1", Zone: "z1"}, subnet("v1", "10.0.0.0/24", "10.0.0.1"))
		there := []string{"10.0.0.0/24", "10.0.0.1 gateway"}

		st.silent = true
		_, err := s.Join(t.Context(), NIC{VNet: "v1", MAC: mac(1)})
		if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "whether the NIC "+mac(1)+" got its addresses is not known") {
			t.Errorf("stored %v: %v", stores, err)
		}
		w.far.is(t, append(there, "10.0.0.2 "+mac(1))...)
		st.silent = false
		if err := errors.Join(s.Sync(t.Context()), s.Resync(t.Context())); err != nil {
			t.Error(err)
		}
		if !stores {
			is(t, s)
			w.far.is(t, there...)
			continue
		}
		is(t, s, "10.0.0.2 "+mac(1))
		w.far.is(t, append(there, "10.0.0.2 "+mac(1))...)
	}
}

// begun is a world in which a server is about to give a NIC an address of an external
// system.
func begun(t *testing.T) (*world, *place, *work) {
	t.Helper()
	w := newWorld(t)
	s := w.server(t)
	edit(t, s, &model.IPAM{ID: "far", Type: model.IPAMTypeNetBox, URL: "http://127.0.0.1:1/api", Token: "t"})
	edit(t, s, zone("far"), &model.VNet{ID: "v1", Zone: "z1"}, subnet("v1", "10.0.0.0/24", "10.0.0.1"))
	v, err := s.config.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, err := find(v.Pending, v.Live, "v1")
	if err != nil {
		t.Fatal(err)
	}
	begun, err := s.begin(t.Context(), p, NIC{VNet: "v1", MAC: mac(1)}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return w, p, begun
}

func TestAnotherServerFinishes(t *testing.T) {
	w, p, killed := begun(t)
	if _, err := killed.next(t.Context(), w.far, p, 4); err != nil {
		t.Fatal(err)
	}
	w.far.is(t, "10.0.0.0/24", "10.0.0.1 gateway", "10.0.0.2 "+mac(1))
	other := w.server(t)
	for range 2 {
		if err := other.Resync(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(abandoned + time.Second)
	}
	w.far.is(t, "10.0.0.0/24", "10.0.0.1 gateway")
	if records, _, _ := w.store.List(t.Context(), prefixIntent, ""); len(records) != 0 {
		t.Errorf("%d intents are left", len(records))
	}
}

// Of a subnet out of whose ranges DHCP serves whoever asks, NICs get the other addresses,
// and of these those that the external system has not given to others.
func TestBesidesTheRanges(t *testing.T) {
	w := newWorld(t)
	s := w.server(t)
	edit(t, s, &model.IPAM{ID: "far", Type: model.IPAMTypeNetBox, URL: "http://127.0.0.1:1/api", Token: "t"})
	z := zone("far")
	z.DHCP, z.DHCPDynamic = model.DHCPDnsmasq, true
	edit(t, s, z, &model.VNet{ID: "v1", Zone: "z1"}, subnet("v1", "10.0.0.0/29", "10.0.0.1", "10.0.0.2-10.0.0.3"))
	w.far.has["10.0.0.4 somebody"] = true
	for i := range 2 {
		if _, err := s.Join(t.Context(), NIC{VNet: "v1", MAC: mac(i)}); err != nil {
			t.Error(err)
		}
	}
	is(t, s, "10.0.0.5 "+mac(0), "10.0.0.6 "+mac(1))
	if _, err := s.Join(t.Context(), NIC{VNet: "v1", MAC: mac(2)}); !errors.Is(err, external.ErrNone) {
		t.Errorf("a third one: %v", err)
	}
	w.far.is(t, "10.0.0.0/29", "10.0.0.1 gateway", "10.0.0.4 somebody", "10.0.0.5 "+mac(0), "10.0.0.6 "+mac(1))
	records, _, err := w.store.List(t.Context(), prefixIntent, "")
	if err != nil || len(records) != 0 {
		t.Errorf("left in the store: %v %v", records, err)
	}
}

// An external system that gives out the ends of a network, which no guest can have, is
// asked for another address, and the end is free again, also when none is left, when the
// system fails on the way, and after that.
func TestEndsOfExternalRanges(t *testing.T) {
	w := newWorld(t)
	s := w.server(t)
	edit(t, s, &model.IPAM{ID: "far", Type: model.IPAMTypeNetBox, URL: "http://127.0.0.1:1/api", Token: "t"})
	edit(t, s, zone("far"), &model.VNet{ID: "v1", Zone: "z1"}, subnet("v1", "10.0.0.0/30", "10.0.0.1", "10.0.0.0-10.0.0.3"))
	if _, err := s.Join(t.Context(), NIC{VNet: "v1", MAC: mac(0)}); err != nil {
		t.Fatal(err)
	}
	is(t, s, "10.0.0.2 "+mac(0))
	w.far.is(t, "10.0.0.0/30", "10.0.0.1 gateway", "10.0.0.2 "+mac(0))
	if _, err := s.Join(t.Context(), NIC{VNet: "v1", MAC: mac(1)}); !errors.Is(err, external.ErrNone) {
		t.Errorf("a second one: %v", err)
	}
	w.far.is(t, "10.0.0.0/30", "10.0.0.1 gateway", "10.0.0.2 "+mac(0))
	w.far.after("Delete", external.ErrUnreachable, "", nil)
	if _, err := s.Join(t.Context(), NIC{VNet: "v1", MAC: mac(1)}); !errors.Is(err, external.ErrUnreachable) {
		t.Errorf("when the end cannot be freed: %v", err)
	}
	w.far.fail("", nil)
	if err := s.Resync(t.Context()); err != nil {
		t.Error(err)
	}
	w.far.is(t, "10.0.0.0/30", "10.0.0.1 gateway", "10.0.0.2 "+mac(0))
	if records, _, _ := w.store.List(t.Context(), prefixIntent, ""); len(records) != 0 {
		t.Errorf("%d intents are left", len(records))
	}
}

// A server that is killed before it has asked for an address leaves an intent that names
// it. If somebody else has it by then, it stays theirs.
func TestNothingOfOthersIsTakenBack(t *testing.T) {
	w, p, left := begun(t)
	left.intent.Entries = []entry{{IP: netip.MustParseAddr("10.0.0.4"), Subnet: p.subnets[0], IPAM: "far"}, {IP: netip.MustParseAddr("10.0.0.5"), Subnet: p.subnets[0], IPAM: "far"}}
	if err := left.save(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.far.has["10.0.0.4 somebody"], w.far.has["10.0.0.5 "+mac(1)] = true, true
	other := w.server(t)
	for range 2 {
		if err := other.Resync(t.Context()); err != nil {
			t.Error(err)
		}
		w.now = w.now.Add(abandoned + time.Second)
	}
	w.far.is(t, "10.0.0.0/24", "10.0.0.1 gateway", "10.0.0.4 somebody")
}
