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
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// world is a store with services on it.
type world struct {
	store store.Store
	now   time.Time
	far   *systemsFake
	// plugins are the external systems: far unless set.
	plugins Plugins
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{store: mem.New(), now: time.Unix(1_800_000_000, 0), far: newSystemsFake()}
	w.plugins = w.far
	t.Cleanup(func() { _ = w.store.Close() })
	return w
}

// server is one more server on the store.
func (w *world) server(t *testing.T) *Service {
	t.Helper()
	config, err := revision.Open(t.Context(), w.store, revision.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), Options{Store: w.store, Config: config, Plugins: w.plugins, Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func edit(t *testing.T, s *Service, objects ...model.Object) {
	t.Helper()
	if err := tryEdit(t, s, objects...); err != nil {
		t.Fatal(err)
	}
}

func tryEdit(t *testing.T, s *Service, objects ...model.Object) error {
	t.Helper()
	var edits []model.Edit
	for _, o := range objects {
		edits = append(edits, model.Edit{Put: o})
	}
	_, err := s.config.Change(t.Context(), "tester", func(*revision.View) ([]model.Edit, error) { return edits, nil }, revision.EditOptions{})
	return err
}

func remove(t *testing.T, s *Service, k model.Kind, id string) error {
	t.Helper()
	_, err := s.config.Change(t.Context(), "tester", func(*revision.View) ([]model.Edit, error) { return []model.Edit{{Kind: k, ID: id}}, nil }, revision.EditOptions{})
	return err
}

func zone(ipam string) *model.Zone {
	return &model.Zone{ID: "z1", Type: model.ZoneSimple, IPAM: ipam}
}

func subnet(vnet, cidr, gateway string, ranges ...string) *model.Subnet {
	s := &model.Subnet{CIDR: netip.MustParsePrefix(cidr), VNet: vnet}
	if gateway != "" {
		s.Gateway = netip.MustParseAddr(gateway)
	}
	for _, r := range ranges {
		start, end, _ := strings.Cut(r, "-")
		s.DHCPRange = append(s.DHCPRange, model.Range{Start: netip.MustParseAddr(start), End: netip.MustParseAddr(end)})
	}
	return s
}

func guest(id string, nics ...model.NIC) *model.Guest {
	return &model.Guest{ID: id, Name: "g" + id, NICs: nics}
}

func mac(n int) string { return fmt.Sprintf("BC:24:11:00:%02X:%02X", n>>8, n&255) }

// shown are the addresses of a zone with their owners.
func shown(s *Service) []string {
	out := []string{}
	for _, a := range s.Addresses("z1") {
		out = append(out, a.IP.String()+" "+a.Owner())
	}
	return out
}

func is(t *testing.T, s *Service, want ...string) {
	t.Helper()
	if want == nil {
		want = []string{}
	}
	if d := cmp.Diff(want, shown(s)); d != "" {
		t.Errorf("addresses: %s", d)
	}
}

func TestGuestsGetAddresses(t *testing.T) {
	s := newWorld(t).server(t)
	edit(t, s, zone("pve"), &model.VNet{ID: "v1", Zone: "z1"}, &model.VNet{ID: "v2", Zone: "z1"},
		subnet("v1", "10.0.0.0/24", "10.0.0.1"), subnet("v1", "fd00::/64", "fd00::1"), subnet("v2", "10.2.0.0/24", "10.2.0.1", "10.2.0.50-10.2.0.51"))
	edit(t, s, guest("100", model.NIC{ID: "net0", VNet: "v1", MAC: mac(1)}))
	is(t, s, "10.0.0.2 "+mac(1), "fd00::2 "+mac(1))

	// What it has it keeps, and what it declares it gets.
	edit(t, s, guest("100", model.NIC{ID: "net0", VNet: "v1", MAC: mac(1)}, model.NIC{ID: "net1", VNet: "v2", MAC: mac(2)}))
	edit(t, s, guest("101", model.NIC{ID: "net0", VNet: "v1", MAC: mac(3), IPs: []netip.Addr{netip.MustParseAddr("10.0.0.77")}}))
	is(t, s, "10.0.0.2 "+mac(1), "10.0.0.77 "+mac(3), "10.2.0.50 "+mac(2), "fd00::2 "+mac(1), "fd00::3 "+mac(3))

	// Somebody else's it does not get, and then nothing of the edit is done.
	err := tryEdit(t, s, guest("102", model.NIC{ID: "net0", VNet: "v2", MAC: mac(4)}, model.NIC{ID: "net1", VNet: "v1", MAC: mac(5), IPs: []netip.Addr{netip.MustParseAddr("10.0.0.2")}}))
	if !errors.As(err, new(model.Problems)) || !strings.Contains(err.Error(), "guest 102: net1") || !strings.Contains(err.Error(), "guest 100 net0") {
		t.Errorf("an address that is taken: %v", err)
	}
	is(t, s, "10.0.0.2 "+mac(1), "10.0.0.77 "+mac(3), "10.2.0.50 "+mac(2), "fd00::2 "+mac(1), "fd00::3 "+mac(3))

	// A NIC that moves to another VNet, and one that is declared otherwise.
	edit(t, s, guest("100", model.NIC{ID: "net0", VNet: "v2", MAC: mac(1)}))
	edit(t, s, guest("101", model.NIC{ID: "net0", VNet: "v1", MAC: mac(3), IPs: []netip.Addr{netip.MustParseAddr("10.0.0.78")}}))
	is(t, s, "10.0.0.78 "+mac(3), "10.2.0.51 "+mac(1), "fd00::3 "+mac(3))

	// A subnet in which somebody has an address stays.
	if err := remove(t, s, model.KindSubnet, "z1-10.2.0.0-24"); err == nil || !strings.Contains(err.Error(), "cannot delete subnet '10.2.0.0/24', not empty: 10.2.0.51 of guest 100 net0") {
		t.Errorf("a subnet in use: %v", err)
	}
	for _, id := range []string{"100", "101"} {
		if err := remove(t, s, model.KindGuest, id); err != nil {
			t.Error(err)
		}
	}
	is(t, s)
	if err := remove(t, s, model.KindSubnet, "z1-10.2.0.0-24"); err != nil {
		t.Error(err)
	}
}

func TestFullSubnet(t *testing.T) {
	s := newWorld(t).server(t)
	edit(t, s, zone("pve"), &model.VNet{ID: "v1", Zone: "z1"}, subnet("v1", "10.0.0.0/24", "10.0.0.50", "10.0.0.50-10.0.0.51"), subnet("v1", "fd00::/64", "fd00::1"))
	edit(t, s, guest("100", model.NIC{ID: "net0", VNet: "v1", MAC: mac(1)}))
	err := tryEdit(t, s, guest("101", model.NIC{ID: "net0", VNet: "v1", MAC: mac(2)}))
	for _, part := range []string{"guest 101: net0", "can't find any free ip in zone z1 for IPv4", "vnet v1", "10.0.0.0/24"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
	is(t, s, "10.0.0.51 "+mac(1), "fd00::2 "+mac(1))
	if _, err := s.Join(t.Context(), NIC{VNet: "v1", MAC: mac(3)}); !errors.Is(err, external.ErrNone) {
		t.Errorf("a full subnet: %v", err)
	}
}

// Whatever server is asked, and however many at once: nobody gets what another has, a
// NIC gets its addresses once, and nothing is lost.
func TestManyAtOnce(t *testing.T) {
	for name, watched := range map[string]bool{"each follows the others": true, "each finds the others in its way": false} {
		t.Run(name, func(t *testing.T) { manyAtOnce(t, watched) })
	}
}

func manyAtOnce(t *testing.T, watched bool) {
	w := newWorld(t)
	first := w.server(t)
	edit(t, first, zone("pve"), &model.VNet{ID: "v1", Zone: "z1"}, subnet("v1", "10.0.0.0/22", "10.0.0.1"), subnet("v1", "fd00::/120", "fd00::1"))
	servers := []*Service{first, w.server(t), w.server(t)}
	if watched {
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		for _, s := range servers {
			running.Go(func() { s.book.Run(ctx) })
		}
	}
	const nics = 250 // of 254 addresses that fd00::/120 has for them
	var wg sync.WaitGroup
	for worker := range 12 {
		wg.Go(func() {
			for i := range nics {
				n := NIC{VNet: "v1", MAC: mac((i*7 + worker/6) % nics)} // each NIC by several
				if _, err := servers[worker%3].Join(context.Background(), n); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, s := range servers {
		if err := s.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		perOwner := map[string]int{}
		for _, a := range s.Addresses("z1") {
			perOwner[a.Owner()]++
		}
		if len(perOwner) != nics || len(s.Addresses("z1")) != 2*nics {
			t.Errorf("%d NICs have %d addresses", len(perOwner), len(s.Addresses("z1")))
		}
		if d := cmp.Diff(shown(first), shown(s)); d != "" {
			t.Errorf("servers know other things: %s", d)
		}
	}
}

func TestMoveAndRelease(t *testing.T) {
	s := newWorld(t).server(t)
	edit(t, s, zone("pve"), &model.VNet{ID: "v1", Zone: "z1"}, subnet("v1", "10.0.0.0/24", "10.0.0.1"))
	n := NIC{VNet: "v1", MAC: mac(1), Name: "web"}
	if _, err := s.Move(t.Context(), n, netip.MustParseAddr("10.0.0.9")); !errors.Is(err, ErrNotAssigned) {
		t.Errorf("a NIC without an address: %v", err)
	}
	if _, err := s.Join(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	a, err := s.Move(t.Context(), NIC{VNet: "v1", MAC: mac(1), Guest: "100"}, netip.MustParseAddr("10.0.0.9"))
	if err != nil || a.Name != "web" || a.Guest != "100" {
		t.Errorf("moved: %+v %v", a, err)
	}
	is(t, s, "10.0.0.9 "+mac(1))
	for text, want := range map[string]string{
		"10.0.0.1": "it is the gateway of vnet v1", "10.0.0.0": "is the network address", "10.0.0.255": "is the broadcast address", "10.1.0.0": "in no subnet of vnet v1",
	} {
		if _, err := s.Move(t.Context(), n, netip.MustParseAddr(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := s.Release(t.Context(), "z1", mac(2), netip.MustParseAddr("10.0.0.9")); !errors.Is(err, external.ErrTaken) {
		t.Errorf("somebody else's: %v", err)
	}
	if _, err := s.Release(t.Context(), "z1", mac(1), netip.MustParseAddr("10.0.0.8")); !errors.Is(err, ErrNotAssigned) {
		t.Errorf("one that it does not have: %v", err)
	}
	if _, err := s.Release(t.Context(), "z1", mac(1)); err != nil {
		t.Error(err)
	}
	is(t, s)
}

// An address whose NIC is gone, because whoever took it away was killed, is freed.
func TestOrphansAreFreed(t *testing.T) {
	w := newWorld(t)
	s := w.server(t)
	edit(t, s, zone("pve"), &model.VNet{ID: "v1", Zone: "z1"}, subnet("v1", "10.0.0.0/24", "10.0.0.1"))
	edit(t, s, guest("100", model.NIC{ID: "net0", VNet: "v1", MAC: mac(1)}))
	if _, err := s.Join(t.Context(), NIC{VNet: "v1", MAC: mac(2)}); err != nil {
		t.Fatal(err)
	}
	// A service that address management takes no part in is one that ended right then.
	killed, err := revision.Open(t.Context(), w.store, revision.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := killed.Edit(t.Context(), "tester", []model.Edit{{Kind: model.KindGuest, ID: "100"}}, revision.EditOptions{}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Resync(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(abandoned + time.Second)
	}
	is(t, s, "10.0.0.3 "+mac(2))
}

func TestBindings(t *testing.T) {
	s := newWorld(t).server(t)
	edit(t, s, zone("pve"), &model.VNet{ID: "v1", Zone: "z1"}, subnet("v1", "10.0.0.0/24", "10.0.0.1"))
	if _, err := s.config.Apply(t.Context(), "tester", "", ""); err != nil {
		t.Fatal(err)
	}
	zones := func(*revision.View) []string { return []string{"z1"} }
	take := func() { // what Run does
		v, _ := s.config.Latest()
		s.journal.update(v)
	}
	all, err := s.AwaitBindings(t.Context(), zones, "", 0, time.Second, nil)
	if err != nil || !all.All || len(all.Put) != 0 {
		t.Fatalf("at first: %+v %v", all, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if b, err := s.AwaitBindings(ctx, zones, all.Epoch, all.Number, time.Minute, nil); b != nil || err == nil {
		t.Errorf("nothing is new: %+v %v", b, err)
	}
	g := guest("100", model.NIC{ID: "net0", VNet: "v1", MAC: strings.ToLower(mac(1))})
	g.Node = "node1"
	edit(t, s, g)
	take()
	changed, err := s.AwaitBindings(t.Context(), zones, all.Epoch, all.Number, time.Minute, nil)
	want := []*model.Binding{{Zone: "z1", VNet: "v1", MAC: mac(1), Guest: "100", NIC: "net0", Node: "node1", Name: "g100", IPs: []netip.Addr{netip.MustParseAddr("10.0.0.2")}}}
	if err != nil || changed.All {
		t.Fatalf("a guest came: %+v %v", changed, err)
	}
	if d := cmp.Diff(want, changed.Put, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
		t.Error(d)
	}
	if err := remove(t, s, model.KindGuest, "100"); err != nil {
		t.Fatal(err)
	}
	take()
	changed, err = s.AwaitBindings(t.Context(), zones, changed.Epoch, changed.Number, time.Minute, nil)
	if err != nil || len(changed.Put) != 0 || !slices.Equal(changed.Gone, []string{"z1/" + mac(1)}) {
		t.Errorf("a guest went: %+v %v", changed, err)
	}
}

// What agents are told of a NIC that no guest declares follows its addresses, on the
// server that gave them and on every other one.
func TestBindingsOfJoins(t *testing.T) {
	w := newWorld(t)
	s := w.server(t)
	edit(t, s, zone("pve"), &model.VNet{ID: "v1", Zone: "z1"}, subnet("v1", "10.0.0.0/24", "10.0.0.1"), subnet("v1", "fd00::/64", "fd00::1"))
	other := w.server(t)
	complete := func(what string, want ...string) {
		t.Helper()
		if err := other.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, server := range []*Service{s, other} {
			var got []string
			for _, b := range server.Bindings("z1") {
				got = append(got, fmt.Sprint(b.MAC, " ", b.Name, " ", b.IPs))
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s, server %d: %s", what, i, d)
			}
		}
	}
	if _, err := s.Join(t.Context(), NIC{VNet: "v1", MAC: mac(1), Name: "web"}); err != nil {
		t.Fatal(err)
	}
	complete("one NIC", mac(1)+" web [10.0.0.2 fd00::2]")
	if _, err := s.Join(t.Context(), NIC{VNet: "v1", MAC: mac(2), Name: "db"}); err != nil {
		t.Fatal(err)
	}
	complete("two NICs", mac(1)+" web [10.0.0.2 fd00::2]", mac(2)+" db [10.0.0.3 fd00::3]")
	if _, err := s.Move(t.Context(), NIC{VNet: "v1", MAC: mac(2), Name: "db"}, netip.MustParseAddr("10.0.0.9")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Release(t.Context(), "z1", mac(1)); err != nil {
		t.Fatal(err)
	}
	complete("one moved, the other gone", mac(2)+" db [10.0.0.9 fd00::3]")
}

func TestStateComesBack(t *testing.T) {
	s := newWorld(t).server(t)
	edit(t, s, zone("pve"), &model.VNet{ID: "v1", Zone: "z1"}, subnet("v1", "10.0.0.0/24", "10.0.0.1"))
	state, _, err := ParseState([]byte(`{"zones":{"z1":{"subnets":{"10.0.0.0/24":{"ips":{"10.0.0.1":{"gateway":1},"10.0.0.7":{"vmid":"100","hostname":"web","mac":"BC:24:11:00:00:07"},
		"10.0.0.8":{"vmid":"101","hostname":null,"mac":null},"10.0.1.9":{"mac":"BC:24:11:00:00:09"}}},"10.9.0.0/24":{"ips":{"10.9.0.5":{"vmid":"5"}}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Import(t.Context(), state)
	if err != nil || got.Added != 2 || len(got.Refused) != 2 {
		t.Errorf("imported: %+v %v", got, err)
	}
	if again, err := s.Import(t.Context(), state); err != nil || again.Added != 0 || again.Known != 2 {
		t.Errorf("imported again: %+v %v", again, err)
	}
	v, err := s.config.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	subnet := s.Export(v).Zones["z1"].Subnets["10.0.0.0/24"]
	if len(subnet.IPs) != 3 || subnet.IPs["10.0.0.1"].Gateway != 1 || *subnet.IPs["10.0.0.7"].Hostname != "web" || *subnet.IPs["10.0.0.8"].VMID != "101" {
		t.Errorf("exported: %+v", subnet)
	}
}

// Where DHCP lends out the ranges, and where guests make addresses of their own, none
// of these are given.
func TestWhatOthersGive(t *testing.T) {
	s := newWorld(t).server(t)
	z := zone("pve")
	z.DHCP, z.DHCPDynamic = model.DHCPDnsmasq, true
	six := subnet("v1", "fd00::/64", "fd00::1")
	six.RAMode = model.RASLAAC
	edit(t, s, z, &model.VNet{ID: "v1", Zone: "z1"}, subnet("v1", "10.0.0.0/29", "10.0.0.1", "10.0.0.2-10.0.0.3", "10.0.0.5-10.0.0.5"), six)
	for i := range 2 {
		if _, err := s.Join(t.Context(), NIC{VNet: "v1", MAC: mac(i)}); err != nil {
			t.Fatal(err)
		}
	}
	is(t, s, "10.0.0.4 "+mac(0), "10.0.0.6 "+mac(1))
	v, err := s.config.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if u := s.Usage(v.Pending, z)["z1-10.0.0.0-29"]; u != (Usage{Used: 2, Size: 2}) {
		t.Errorf("usage %+v", u)
	}
	if _, err := s.Join(t.Context(), NIC{VNet: "v1", MAC: mac(9)}); !errors.Is(err, external.ErrNone) {
		t.Errorf("a third one: %v", err)
	}
}

// Of ranges up to the ends of a network all is given but the ends, which are none in
// networks of one or two addresses.
func TestEndsOfRanges(t *testing.T) {
	for name, c := range map[string]struct {
		cidr, span string
		want       []string
	}{
		"IPv4":                    {"192.0.2.0/29", "192.0.2.0-192.0.2.7", []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"}},
		"the end only":            {"192.0.2.0/29", "192.0.2.7-192.0.2.7", nil},
		"the beginning only":      {"192.0.2.0/29", "192.0.2.0-192.0.2.1", []string{"192.0.2.1"}},
		"two IPv4 addresses":      {"192.0.2.0/31", "192.0.2.0-192.0.2.1", []string{"192.0.2.0", "192.0.2.1"}},
		"one IPv4 address":        {"192.0.2.0/32", "192.0.2.0-192.0.2.0", []string{"192.0.2.0"}},
		"IPv6":                    {"fd00::/126", "fd00::-fd00::3", []string{"fd00::1", "fd00::2", "fd00::3"}},
		"the router's only":       {"fd00::/126", "fd00::-fd00::", nil},
		"two IPv6 addresses":      {"fd00::/127", "fd00::-fd00::1", []string{"fd00::", "fd00::1"}},
		"one IPv6 address":        {"fd00::/128", "fd00::-fd00::", []string{"fd00::"}},
		"the last of IPv6":        {"fd00::/126", "fd00::3-fd00::3", []string{"fd00::3"}},
		"IPv4, without a range":   {"192.0.2.0/30", "", []string{"192.0.2.1", "192.0.2.2"}},
		"IPv6, without a range":   {"fd00::/126", "", []string{"fd00::1", "fd00::2", "fd00::3"}},
		"the edge of all of IPv4": {"255.0.0.0/8", "255.255.255.254-255.255.255.255", []string{"255.255.255.254"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newWorld(t).server(t)
			var ranges []string
			if c.span != "" {
				ranges = []string{c.span}
			}
			edit(t, s, zone("pve"), &model.VNet{ID: "v1", Zone: "z1"}, subnet("v1", c.cidr, "", ranges...))
			var got []string
			for i := range 10 {
				all, err := s.Join(t.Context(), NIC{VNet: "v1", MAC: mac(i)})
				if err != nil {
					if !errors.Is(err, external.ErrNone) {
						t.Fatal(err)
					}
					break
				}
				got = append(got, all[0].IP.String())
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
			v, err := s.config.View(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range s.Usage(v.Pending, v.Pending.Zones["z1"]) {
				if u.Used != int64(len(c.want)) || !strings.HasSuffix(name, "range") && u.Size != u.Used {
					t.Errorf("%d of %d are used", u.Used, u.Size)
				}
			}
		})
	}
}

// Programs write numbers, texts and truth values as they like; one entry that is none
// loses no other.
func TestStateIsReadLoosely(t *testing.T) {
	s := newWorld(t).server(t)
	edit(t, s, zone("pve"), &model.VNet{ID: "v1", Zone: "z1"}, subnet("v1", "10.0.0.0/24", "10.0.0.1"), subnet("v1", "10.0.2.0/24", ""))
	state, odd, err := ParseState([]byte(`{"version":1,"zones":{"z0":[],"z1":{"subnets":{
		"10.0.0.0/24":{"ips":{"10.0.0.1":{"gateway":"1"},"10.0.0.2":{"gateway":true},"10.0.0.3":{"vmid":100,"hostname":"a","mac":"bc:24:11:00:00:03","gateway":0},
			"10.0.0.4":{"vmid":"101","mac":"BC:24:11:00:00:04","gateway":"0"},"10.0.0.5":{"vmid":102.0,"mac":"BC:24:11:00:00:05","gateway":false,"new":{}},
			"10.0.0.6":{"vmid":[1]},"10.0.0.7":"odd","10.0.0.8":{"mac":"BC:24:11:00:00:08","gateway":{}}}},
		"10.0.2.0/24":{"ips":[]},"10.0.3.0/24":{"ips":7},"10.0.4.0/24":8}},"z2":5,"z3":{"subnets":"x"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Import(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	is(t, s, "10.0.0.3 BC:24:11:00:00:03", "10.0.0.4 BC:24:11:00:00:04", "10.0.0.5 BC:24:11:00:00:05")
	if d := cmp.Diff([]string{
		"zone z1, 10.0.0.0/24, 10.0.0.6, vmid: [1] must be a single value",
		`zone z1, 10.0.0.0/24, 10.0.0.7: "odd" must be an object with mac, vmid and hostname, or gateway`,
		"zone z1, 10.0.0.0/24, 10.0.0.8, gateway: {} must be 1 or 0",
		"zone z1, 10.0.3.0/24: 7 must be an object with a member for each address",
		"zone z1, 10.0.4.0/24: 8 must be an object with ips",
		"zone z2: 5 must be an object with subnets",
		`zone z3: "x" must be an object with a member for each subnet`,
	}, append(odd, got.Refused...)); d != "" || got.Added != 3 {
		t.Errorf("%d were added: %s", got.Added, d)
	}
	for _, none := range []string{"", "7", "[1]", `"x"`} {
		if _, _, err := ParseState([]byte(none)); err == nil && none != "" {
			t.Errorf("%s is taken for a state", none)
		}
	}
}
