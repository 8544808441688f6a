package systems_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/external/netbox/netboxtest"
	"github.com/viaduct-sdn/viaduct/internal/external/phpipam/phpipamtest"
	"github.com/viaduct-sdn/viaduct/internal/external/powerdns/powerdnstest"
	"github.com/viaduct-sdn/viaduct/internal/external/rest"
	"github.com/viaduct-sdn/viaduct/internal/external/rest/resttest"
	"github.com/viaduct-sdn/viaduct/internal/external/systems"
	"github.com/viaduct-sdn/viaduct/internal/ipam"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// far is an address management system as a test sees it.
type far interface {
	IPAM(id string) *model.IPAM
	Addresses() []string
	Break(fault resttest.Fault, method, path string, times int)
}

// world is a service between an address management system and a real name server.
type world struct {
	*ipam.Service
	config *revision.Service
	far    far
	dns    *powerdnstest.Server
}

func newWorld(t *testing.T, f far) *world {
	t.Helper()
	st := mem.New()
	t.Cleanup(func() { _ = st.Close() })
	config, err := revision.Open(t.Context(), st, revision.Options{})
	if err != nil {
		t.Fatal(err)
	}
	clients := systems.Clients{Options: rest.Options{Timeout: 2 * time.Second}}
	s, err := ipam.Open(t.Context(), ipam.Options{Store: st, Config: config, Plugins: clients})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{s, config, f, powerdnstest.New(t)}
	for _, zone := range []string{"lab.example", "10.in-addr.arpa", "0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa"} {
		w.dns.Zone(zone)
	}
	w.edit(t, f.IPAM("far"), w.dns.NameServer("dns"))
	w.edit(t, &model.Zone{ID: "z1", Type: model.ZoneSimple, IPAM: "far", DNS: "dns", ReverseDNS: "dns", DNSZone: "lab.example"}, &model.VNet{ID: "v1", Zone: "z1"},
		&model.Subnet{CIDR: netip.MustParsePrefix("10.0.0.0/24"), VNet: "v1", Gateway: netip.MustParseAddr("10.0.0.1"), DNSZonePrefix: "dc1",
			DHCPRange: []model.Range{{Start: netip.MustParseAddr("10.0.0.10"), End: netip.MustParseAddr("10.0.0.10")}, {Start: netip.MustParseAddr("10.0.0.20"), End: netip.MustParseAddr("10.0.0.29")}}})
	return w
}

func (w *world) try(t *testing.T, objects ...model.Object) error {
	t.Helper()
	var edits []model.Edit
	for _, o := range objects {
		edits = append(edits, model.Edit{Put: o})
	}
	_, err := w.config.Change(t.Context(), "tester", func(*revision.View) ([]model.Edit, error) { return edits, nil }, revision.EditOptions{})
	return err
}

func (w *world) edit(t *testing.T, objects ...model.Object) {
	t.Helper()
	if err := w.try(t, objects...); err != nil {
		t.Fatal(err)
	}
}

func guest(id string) *model.Guest {
	return &model.Guest{ID: id, Name: "web" + id, NICs: []model.NIC{{ID: "net0", VNet: "v1", MAC: "BC:24:11:00:00:" + id[1:]}}}
}

// is demands that addresses stand alike here, there, and in the names.
func (w *world) is(t *testing.T, guests map[string]string) {
	t.Helper()
	var here, there []string
	for _, a := range w.Addresses("z1") {
		here = append(here, a.IP.String()+" "+a.Guest)
	}
	for _, text := range w.far.Addresses() {
		ip, _, _ := strings.Cut(text, " ")
		ip, _, _ = strings.Cut(ip, "/")
		there = append(there, ip)
	}
	wantHere, wantThere := []string(nil), []string{"10.0.0.1"}
	for id, ip := range guests {
		wantHere, wantThere = append(wantHere, ip+" "+id), append(wantThere, ip)
	}
	for _, l := range [][]string{here, there, wantHere, wantThere} {
		slices.Sort(l)
	}
	if d := cmp.Diff(wantHere, here); d != "" {
		t.Errorf("here: %s", d)
	}
	if d := cmp.Diff(wantThere, there); d != "" {
		t.Errorf("there: %s", d)
	}
	for _, id := range []string{"100", "101", "102"} {
		name := "web" + id + ".dc1.lab.example"
		got, _ := w.dns.Resolver().LookupHost(t.Context(), name)
		if ip, ok := guests[id]; !ok && len(got) > 0 || ok && !slices.Equal(got, []string{ip}) {
			t.Errorf("%s leads to %v", name, got)
		} else if ok {
			if back, err := w.dns.Resolver().LookupAddr(t.Context(), ip); err != nil || !slices.Equal(back, []string{name + "."}) {
				t.Errorf("%s leads back to %v, %v", ip, back, err)
			}
		}
	}
}

// Guests get addresses of external systems and names of a real name server; whatever
// of these fails, nothing is given twice, and nothing is left in the end.
func TestExternalSystems(t *testing.T) {
	for name, start := range map[string]func(t *testing.T) far{
		"netbox":  func(t *testing.T) far { return netboxtest.New(t) },
		"phpipam": func(t *testing.T) far { return phpipamtest.New(t) },
	} {
		t.Run(name, func(t *testing.T) { testExternal(t, newWorld(t, start(t))) })
	}
}

func testExternal(t *testing.T, w *world) {
	w.edit(t, guest("100"))
	w.edit(t, guest("101")) // the first range is full
	w.is(t, map[string]string{"100": "10.0.0.10", "101": "10.0.0.20"})

	faults := map[string]resttest.Fault{"hangs": resttest.Hang, "answers garbage": resttest.Garbage, "fails": resttest.Internal, "half succeeds": resttest.Half}
	for what, fault := range faults {
		w.far.Break(fault, "POST", "/", 1)
		err := w.try(t, guest("102"))
		if err == nil || !strings.Contains(err.Error(), "guest 102: net0 \"v1\"") || !strings.Contains(err.Error(), "far") {
			t.Errorf("the external system %s: %v", what, err)
		}
		if err := w.Resync(t.Context()); err != nil {
			t.Errorf("after it %s: %v", what, err)
		}
		w.is(t, map[string]string{"100": "10.0.0.10", "101": "10.0.0.20"})
	}

	// The name server does not have the zone for a moment.
	w.dns.DropZone("lab.example")
	if err := w.try(t, guest("102")); err == nil || !strings.Contains(err.Error(), "lab.example") {
		t.Errorf("without the DNS zone: %v", err)
	}
	w.dns.Zone("lab.example")
	w.edit(t, guest("102"))
	if n := len(w.Addresses("z1")); n != 3 {
		t.Errorf("%d addresses", n)
	}
	for _, id := range []string{"100", "101", "102"} {
		if _, err := w.config.Change(t.Context(), "tester", func(*revision.View) ([]model.Edit, error) {
			return []model.Edit{{Kind: model.KindGuest, ID: id}}, nil
		}, revision.EditOptions{}); err != nil {
			t.Error(err)
		}
	}
	w.is(t, nil)
}
