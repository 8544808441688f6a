package diff_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

func TestObjectsAreOrderedByDependency(t *testing.T) {
	old := &model.Config{
		Zones:   map[string]*model.Zone{"gone": {ID: "gone", Type: model.ZoneSimple}, "z": {ID: "z", Type: model.ZoneSimple, MTU: 1500}},
		VNets:   map[string]*model.VNet{"goneb": {ID: "goneb", Zone: "gone"}, "gonea": {ID: "gonea", Zone: "gone"}, "same": {ID: "same", Zone: "z"}},
		Subnets: map[string]*model.Subnet{"gone-10.0.0.0-8": {ID: "gone-10.0.0.0-8", VNet: "gonea"}},
	}
	new := &model.Config{
		Nodes: map[string]*model.Node{"n1": {ID: "n1", Reserved: []string{"eno1", "vmbr*"}}},
		Zones: map[string]*model.Zone{"z": {ID: "z", Type: model.ZoneSimple, MTU: 1450}},
		VNets: map[string]*model.VNet{"same": {ID: "same", Zone: "z"}},
		Subnets: map[string]*model.Subnet{"z-10.0.1.0-24": {
			ID: "z-10.0.1.0-24", VNet: "same", CIDR: netip.MustParsePrefix("10.0.1.0/24"), SNAT: true,
			DHCPRange: []model.Range{{Start: netip.MustParseAddr("10.0.1.5"), End: netip.MustParseAddr("10.0.1.9")}},
		}},
	}
	var got []string
	for _, c := range diff.Objects(old, new) {
		got = append(got, c.String())
	}
	want := []string{
		"+ node n1: reserved eno1, vmbr*",
		"~ zone z: mtu 1500 -> 1450",
		"+ subnet z-10.0.1.0-24: cidr 10.0.1.0/24, vnet same, snat true, dhcp-range 10.0.1.5-10.0.1.9",
		"- subnet gone-10.0.0.0-8",
		"- vnet gonea",
		"- vnet goneb",
		"- zone gone",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := diff.Objects(new, new.Clone()); len(got) != 0 {
		t.Errorf("equal configurations differ: %v", got)
	}
}

func TestGuest(t *testing.T) {
	old := &model.Guest{ID: "100", Node: "n1", NICs: []model.NIC{{ID: "net0", VNet: "v1", IPs: []netip.Addr{netip.MustParseAddr("10.0.1.5")}}}}
	moved := *old
	moved.Node = "n2"
	if got := diff.Object(old, &moved).String(); got != "~ guest 100: node n1 -> n2" {
		t.Error(got)
	}
	if got := diff.Object(nil, old).String(); got != "+ guest 100: node n1, nics id=net0 vnet=v1 ips=10.0.1.5" {
		t.Error(got)
	}
}

// TestEveryPropertyCounts changes each property of each kind in turn: none may
// be forgotten, and each needs a name.
func TestEveryPropertyCounts(t *testing.T) {
	for _, kind := range model.Kinds() {
		typ := reflect.TypeOf(model.New(kind)).Elem()
		for i := range typ.NumField() {
			if typ.Field(i).Name == "ID" {
				continue
			}
			changed := reflect.New(typ)
			set(t, changed.Elem().Field(i))
			c := diff.Object(model.New(kind), changed.Interface().(model.Object))
			if c == nil || len(c.Fields) != 1 || c.Fields[0].Name == "" || c.Fields[0].New == "" {
				t.Errorf("%s.%s: got %v", typ.Name(), typ.Field(i).Name, c)
			}
		}
	}
}

// set gives a field some value that is not its zero.
func set(t *testing.T, v reflect.Value) {
	t.Helper()
	switch x := v.Addr().Interface().(type) {
	case *netip.Addr:
		*x = netip.MustParseAddr("10.0.0.1")
		return
	case *netip.Prefix:
		*x = netip.MustParsePrefix("10.0.0.0/8")
		return
	case *model.ClientSpelling:
		*x = model.ClientSpelling{"mtu": {"01450"}}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Int:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		set(t, v.Index(0))
	case reflect.Struct:
		for i := range v.NumField() {
			set(t, v.Field(i))
		}
	default:
		t.Fatalf("no value for a %s", v.Type())
	}
}

// TestEveryKindIsCompared guards Objects' list of kinds.
func TestEveryKindIsCompared(t *testing.T) {
	cfg := &model.Config{
		Nodes:       map[string]*model.Node{"x": {ID: "x"}},
		PrefixLists: map[string]*model.PrefixList{"x": {ID: "x"}}, RouteMaps: map[string]*model.RouteMap{"x": {ID: "x"}},
		Fabrics: map[string]*model.Fabric{"x": {ID: "x"}}, FabricNodes: map[string]*model.FabricNode{"x": {ID: "x"}},
		Controllers: map[string]*model.Controller{"x": {ID: "x"}}, Zones: map[string]*model.Zone{"x": {ID: "x"}},
		VNets: map[string]*model.VNet{"x": {ID: "x"}}, Subnets: map[string]*model.Subnet{"x": {ID: "x"}},
		Backplanes: map[string]*model.Backplane{"x": {ID: "x"}}, Sectors: map[string]*model.Sector{"x": {ID: "x"}},
		LoadBalancers: map[string]*model.LoadBalancer{"x": {ID: "x"}},
	}
	var got, want []string
	for _, c := range diff.Objects(&model.Config{}, cfg) {
		got = append(got, c.Type)
	}
	if n, gone := diff.Count(&model.Config{}, cfg), diff.Count(cfg, &model.Config{}); n != len(got) || gone != n {
		t.Errorf("%d created, %d deleted of %d", n, gone, len(got))
	}
	for _, k := range model.Kinds() {
		if k.Revisioned() {
			want = append(want, string(k))
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func BenchmarkObjectsShared(b *testing.B) {
	cfg := &model.Config{VNets: make(map[string]*model.VNet)}
	for i := range 10_000 {
		id := fmt.Sprint("v", i)
		cfg.VNets[id] = &model.VNet{ID: id}
	}
	for other := cfg.Clone(); b.Loop(); {
		diff.Objects(cfg, other)
	}
}

// That a secret is another one is told, and neither the old nor the new one.
func TestSecretIsNotShown(t *testing.T) {
	system := func(token string) *model.IPAM { return &model.IPAM{ID: "nb", Token: model.Secret(token)} }
	for _, c := range []struct {
		old, new *model.IPAM
		differ   bool
	}{{system("one"), system("two"), true}, {system("one"), system("one"), false}} {
		got := diff.Object(c.old, c.new)
		if (got != nil) != c.differ {
			t.Errorf("got %v, want a difference: %v", got, c.differ)
		}
		if got != nil && (len(got.Fields) != 1 || got.Fields[0].Name != "token" || strings.Contains(got.String(), "one") || strings.Contains(got.String(), "two")) {
			t.Errorf("got %v", got)
		}
	}
}

// Text inside a list is quoted if it contains what separates the list's parts, and
// nothing else is.
func TestTextInListsIsQuoted(t *testing.T) {
	for _, c := range []struct{ comment, want string }{
		{"web", "comment=web"}, {"web servers", `comment="web servers"`}, {"a,b", `comment="a,b"`}, {`say "hi"`, `comment="say \"hi\""`},
	} {
		got := diff.Object(nil, &model.SecurityGroup{ID: "g", Rules: []model.FirewallRule{{Comment: c.comment}}})
		if got == nil || len(got.Fields) != 1 || got.Fields[0].New != c.want {
			t.Errorf("got %v, want %s", got, c.want)
		}
	}
}
