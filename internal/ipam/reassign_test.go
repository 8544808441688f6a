package ipam

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/external/netbox/netboxtest"
	"github.com/viaduct-sdn/viaduct/internal/external/phpipam/phpipamtest"
	"github.com/viaduct-sdn/viaduct/internal/external/systems"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

func fixed(nic, vnet, mac string, ips ...string) model.NIC {
	n := model.NIC{ID: nic, VNet: vnet, MAC: mac}
	for _, ip := range ips {
		n.IPs = append(n.IPs, netip.MustParseAddr(ip))
	}
	return n
}

// A NIC that gets another MAC address keeps its addresses, declared or not.
func TestMACAddressChanges(t *testing.T) {
	nic := func(id string, m int, ips ...string) model.NIC { return fixed(id, "v1", mac(m), ips...) }
	for _, c := range []struct {
		name          string
		before, after []model.NIC
		want          []string
	}{
		{"declared", []model.NIC{nic("net0", 1, "10.0.0.9", "fd00::9")}, []model.NIC{nic("net0", 2, "10.0.0.9", "fd00::9")}, []string{"10.0.0.9 2", "fd00::9 2"}},
		{"assigned", []model.NIC{nic("net0", 1)}, []model.NIC{nic("net0", 2)}, []string{"10.0.0.2 2", "fd00::2 2"}},
		{"one family declared", []model.NIC{nic("net0", 1, "10.0.0.9")}, []model.NIC{nic("net0", 2, "10.0.0.9")}, []string{"10.0.0.9 2", "fd00::2 2"}},
		{"of two declared one", []model.NIC{nic("net0", 1, "10.0.0.9", "10.0.0.8")}, []model.NIC{nic("net0", 2, "10.0.0.9")}, []string{"10.0.0.9 2", "fd00::2 2"}},
		{"and another address", []model.NIC{nic("net0", 1, "10.0.0.9")}, []model.NIC{nic("net0", 2, "10.0.0.8")}, []string{"10.0.0.8 2", "fd00::2 2"}},
		{"exchanged, declared", []model.NIC{nic("net0", 1, "10.0.0.8"), nic("net1", 2, "10.0.0.9")}, []model.NIC{nic("net0", 2, "10.0.0.8"), nic("net1", 1, "10.0.0.9")},
			[]string{"10.0.0.8 2", "10.0.0.9 1", "fd00::2 1", "fd00::3 2"}},
		{"exchanged, assigned", []model.NIC{nic("net0", 1), nic("net1", 2)}, []model.NIC{nic("net0", 2), nic("net1", 1)},
			[]string{"10.0.0.2 1", "10.0.0.3 2", "fd00::2 1", "fd00::3 2"}},
		{"one declared", []model.NIC{nic("net0", 1, "10.0.0.9"), nic("net1", 2)}, []model.NIC{nic("net0", 2, "10.0.0.9"), nic("net1", 1)},
			[]string{"10.0.0.2 1", "10.0.0.9 2", "fd00::2 1", "fd00::3 2"}},
		{"to none", []model.NIC{nic("net0", 1, "10.0.0.9")}, []model.NIC{fixed("net0", "v1", "", "10.0.0.9")}, []string{"10.0.0.9 100.net0", "fd00::2 100.net0"}},
		{"from none", []model.NIC{fixed("net0", "v1", "", "10.0.0.9")}, []model.NIC{nic("net0", 1, "10.0.0.9")}, []string{"10.0.0.9 1", "fd00::2 1"}},
		{"and another VNet", []model.NIC{nic("net0", 1)}, []model.NIC{fixed("net0", "v2", mac(2))}, []string{"10.2.0.2 2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			s := w.server(t)
			edit(t, s, zone("pve"), &model.VNet{ID: "v1", Zone: "z1"}, &model.VNet{ID: "v2", Zone: "z1"},
				subnet("v1", "10.0.0.0/24", "10.0.0.1"), subnet("v1", "fd00::/64", "fd00::1"), subnet("v2", "10.2.0.0/24", "10.2.0.1"))
			edit(t, s, guest("100", c.before...))
			g := guest("100", c.after...)
			g.Name = "renamed"
			edit(t, s, g)
			var want []string
			for _, x := range c.want {
				ip, owner, _ := strings.Cut(x, " ")
				if len(owner) == 1 {
					owner = mac(int(owner[0] - '0'))
				}
				want = append(want, ip+" "+owner)
			}
			is(t, s, want...)
			for _, a := range s.Addresses("z1") {
				if a.Name != "renamed" || a.Guest != "100" || !a.Declared || a.Since.IsZero() {
					t.Errorf("the record of %s: %+v", a.IP, a)
				}
			}
			fresh := w.server(t) // knows only what is stored
			is(t, fresh, want...)
			if err := remove(t, fresh, model.KindGuest, "100"); err != nil {
				t.Fatal(err)
			}
			if records, _, err := w.store.List(t.Context(), prefix, ""); err != nil || len(records) != 0 {
				t.Errorf("left in the store: %v %v", records, err)
			}
		})
	}
}

// The address of another guest, or of another NIC, stays where it is.
func TestMACAddressChangesOfOthers(t *testing.T) {
	s := newWorld(t).server(t)
	edit(t, s, zone("pve"), &model.VNet{ID: "v1", Zone: "z1"}, subnet("v1", "10.0.0.0/24", "10.0.0.1"))
	edit(t, s, guest("100", fixed("net0", "v1", mac(1), "10.0.0.9"), fixed("net1", "v1", mac(2), "10.0.0.8")), guest("101", fixed("net0", "v1", mac(3))))
	for _, g := range []*model.Guest{
		guest("101", fixed("net0", "v1", mac(4), "10.0.0.9")),
		guest("100", fixed("net0", "v1", mac(4), "10.0.0.8"), fixed("net1", "v1", mac(2))),
	} {
		if err := tryEdit(t, s, g); err == nil || !strings.Contains(err.Error(), "it is that of guest 100 net") {
			t.Errorf("guest %s: %v", g.ID, err)
		}
		is(t, s, "10.0.0.2 "+mac(3), "10.0.0.8 "+mac(2), "10.0.0.9 "+mac(1))
	}
}

// withExternal is a server with a guest that has an address of an external system.
func withExternal(t *testing.T) (*world, *Service) {
	t.Helper()
	w := newWorld(t)
	s := w.server(t)
	edit(t, s, &model.IPAM{ID: "far", Type: model.IPAMTypeNetBox, URL: "http://127.0.0.1:1/api", Token: "t"})
	edit(t, s, zone("far"), &model.VNet{ID: "v1", Zone: "z1"}, subnet("v1", "10.0.0.0/24", "10.0.0.1"))
	edit(t, s, guest("100", fixed("net0", "v1", mac(1), "10.0.0.9")))
	return w, s
}

// resynced is a server that takes over what others left undone.
func (w *world) resynced(t *testing.T) *Service {
	t.Helper()
	s := w.server(t)
	for range 2 {
		if err := s.Resync(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(abandoned + time.Second)
	}
	if records, _, err := w.store.List(t.Context(), prefixIntent, ""); err != nil || len(records) != 0 {
		t.Errorf("intents are left: %v %v", records, err)
	}
	return s
}

// An external system is updated: at no time may somebody else register the address. If it
// does not answer, it is updated later; if it has lost the address, it gets it again.
func TestMACAddressChangesAtExternalSystem(t *testing.T) {
	w, s := withExternal(t)
	there := []string{"10.0.0.0/24", "10.0.0.1 gateway"}
	w.far.fail("Delete", external.ErrUnreachable)
	edit(t, s, guest("100", fixed("net0", "v1", mac(2), "10.0.0.9")))
	is(t, s, "10.0.0.9 "+mac(2))
	w.far.is(t, append(there, "10.0.0.9 "+mac(2))...)

	w.far.fail("Update", external.ErrUnreachable)
	edit(t, s, guest("100", fixed("net0", "v1", mac(3), "10.0.0.9")))
	is(t, s, "10.0.0.9 "+mac(3))
	w.far.is(t, append(there, "10.0.0.9 "+mac(2))...)
	w.far.fail("", nil)
	is(t, w.resynced(t), "10.0.0.9 "+mac(3))
	w.far.is(t, append(there, "10.0.0.9 "+mac(3))...)

	delete(w.far.has, "10.0.0.9 "+mac(3))
	edit(t, s, guest("100", fixed("net0", "v1", mac(4), "10.0.0.9")))
	w.far.is(t, append(there, "10.0.0.9 "+mac(4))...)
}

// dying is a store whose process is killed before or after its first write of a guest.
type dying struct {
	store.Store
	armed, stores, dead bool
}

func (d *dying) Txn(ctx context.Context, conds []store.Cond, ops []store.Op) (int64, error) {
	if d.dead {
		return 0, store.ErrUnavailable
	}
	if d.armed && slices.ContainsFunc(ops, func(op store.Op) bool { return strings.HasPrefix(op.Key, "config/live/guest/") }) {
		d.dead = true
		if d.stores {
			if _, err := d.Store.Txn(ctx, conds, ops); err != nil {
				return 0, err
			}
		}
		return 0, store.ErrUnavailable
	}
	return d.Store.Txn(ctx, conds, ops)
}

func (d *dying) Get(ctx context.Context, key string) (store.Record, error) {
	if d.dead {
		return store.Record{}, store.ErrUnavailable
	}
	return d.Store.Get(ctx, key)
}

// A server that is killed while it stores the edit leaves the address to the MAC address
// that the guest has, here and at the external system.
func TestMACAddressChangesWhenKilled(t *testing.T) {
	for _, stores := range []bool{false, true} {
		w, _ := withExternal(t)
		alive := w.store
		d := &dying{Store: alive, stores: stores, armed: true}
		w.store = d
		killed := w.server(t)
		if err := tryEdit(t, killed, guest("100", fixed("net0", "v1", mac(2), "10.0.0.9"))); err == nil || !d.dead {
			t.Fatalf("stored %v: the server survived: %v", stores, err)
		}
		w.store = alive
		want := "10.0.0.9 " + mac(1)
		if stores {
			want = "10.0.0.9 " + mac(2)
		}
		w.far.is(t, "10.0.0.0/24", "10.0.0.1 gateway", "10.0.0.9 "+mac(1))
		s := w.resynced(t)
		is(t, s, want)
		w.far.is(t, "10.0.0.0/24", "10.0.0.1 gateway", want)
		v, err := s.config.View(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Live.Guests["100"].NICs[0].MAC; "10.0.0.9 "+got != want {
			t.Errorf("stored %v: the guest has %s, the address is %s", stores, got, want)
		}
	}
}

// NetBox and phpIPAM keep the same entry, with the present MAC address.
func TestMACAddressChangesAtNetBoxAndPHPIPAM(t *testing.T) {
	nb, pi := netboxtest.New(t), phpipamtest.New(t)
	for _, c := range []struct {
		ipam   *model.IPAM
		listed func() []string
	}{{nb.IPAM("far"), nb.Addresses}, {pi.IPAM("far"), pi.Addresses}} {
		w := newWorld(t)
		w.plugins = systems.Clients{}
		s := w.server(t)
		edit(t, s, c.ipam)
		edit(t, s, zone("far"), &model.VNet{ID: "v1", Zone: "z1"}, subnet("v1", "10.0.0.0/24", "10.0.0.1"))
		edit(t, s, guest("100", fixed("net0", "v1", mac(1), "10.0.0.9")))
		before := c.listed()
		edit(t, s, guest("100", fixed("net0", "v1", mac(2), "10.0.0.9")))
		is(t, s, "10.0.0.9 "+mac(2))
		var want []string
		for _, line := range before {
			want = append(want, strings.Replace(strings.ToUpper(line), mac(1), mac(2), 1))
		}
		got := strings.Split(strings.ToUpper(strings.Join(c.listed(), "\n")), "\n")
		if slices.Equal(before, c.listed()) || !slices.Equal(got, want) {
			t.Errorf("%s: before %v, after %v", c.ipam.Type, before, got)
		}
	}
}
