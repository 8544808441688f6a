package cli

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/test/golden"
)

// now is the clock of every test.
var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Each case is a file: a value of the API in JSON, with the view in its name, and the
// output. A new case needs no Go.
func TestViews(t *testing.T) {
	golden.Run(t, "testdata/views/*.txtar", func(t *testing.T, c *golden.Case) {
		for _, name := range c.Names {
			if got, ok := viewOf(t, name, c.Files[name]); ok {
				c.Want(t, "want "+name, got)
			}
		}
	})
}

func viewOf(t *testing.T, name, in string) (got string, ok bool) {
	t.Helper()
	switch name {
	case "plan.json":
		p := decode[api.Plan](t, in)
		return planView{now: now}.render(&p), true
	case "plan-verbose.json":
		p := decode[api.Plan](t, in)
		return planView{now: now, verbose: true}.render(&p), true
	case "plan-colour.json":
		p := decode[api.Plan](t, in)
		return strings.ReplaceAll(planView{now: now, style: style{true}}.render(&p), "\x1b", "ESC"), true
	case "status.json":
		st := decode[api.Status](t, in)
		return statusView{now: now}.render(&st), true
	case "progress.json":
		return progressOf(t, in), true
	}
	return "", false
}

// progressOf shows a sequence of statuses as an apply of revision 2 does.
func progressOf(t *testing.T, in string) string {
	t.Helper()
	var b strings.Builder
	p := &progress{w: &b, revision: 2, start: now, last: map[string]string{}}
	var last *api.Status
	for i, st := range decode[[]api.Status](t, in) {
		last = &st
		if p.show(&st, now.Add(time.Duration(i)*time.Second)) {
			break
		}
	}
	if err := p.verdict(last, false); err != nil {
		b.WriteString("error: " + err.Error() + "\n")
	}
	return b.String()
}

// A plan of many changes is summed up by type.
func TestLongPlanIsSummedUp(t *testing.T) {
	n := api.NodePlan{Node: "node1"}
	for range maxNodeChanges {
		n.Changes = append(n.Changes, api.Change{Action: "create", Type: "link", Name: "x"})
	}
	n.Changes = append(n.Changes, api.Change{Action: "delete", Type: "address", Name: "y"})
	p := &api.Plan{Objects: []api.Change{{Action: "create", Type: "zone", Name: "za"}}, Nodes: []api.NodePlan{n}}
	got := planView{}.render(p)
	want := "Objects\n  + zone za\nNodes\n  node1: 41 changes\n    + 40 links\n    - 1 address\n    (-v lists them)\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := (planView{verbose: true}).render(p); strings.Count(got, "\n") != 45 {
		t.Errorf("verbose plan has %d lines", strings.Count(got, "\n"))
	}
}

func TestTableAlignsPaintedCells(t *testing.T) {
	s := style{true}
	got := table([]string{"NODE", "STATE", "X"}, [][]string{{"n", s.green("ok"), "1"}, {"näme", s.red("degraded"), ""}})
	want := "NODE  STATE     X\nn     \x1b[32mok\x1b[0m        1\nnäme  \x1b[31mdegraded\x1b[0m\n"
	if got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func TestHumanNumbers(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 5 * time.Millisecond: "5ms", 1500 * time.Millisecond: "1.5s", 42 * time.Second: "42s",
		3*time.Minute + 4*time.Second: "3m04s", 5 * time.Hour: "5h00m", 72 * time.Hour: "3d",
	} {
		if got := short(d); got != want {
			t.Errorf("short(%v) = %s, want %s", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "now", 9 * time.Second: "9s ago", time.Hour: "1h ago", 80 * time.Hour: "3d ago"} {
		if got := ago(now, now.Add(-d)); got != want {
			t.Errorf("ago(%v) = %s, want %s", d, got, want)
		}
	}
	if ago(now, time.Time{}) != "never" || count(1, "node") != "1 node" || count(2, "address") != "2 addresses" {
		t.Error("never, or counts")
	}
}

func TestChooseServer(t *testing.T) {
	none := func(string) bool { return false }
	lab := func(p string) bool { return p == labSocket }
	all := func(string) bool { return true }
	tests := []struct {
		asked  string
		exists func(string) bool
		want   string
	}{
		{"https://a:8006", none, "https://a:8006"}, {"/tmp/x.sock", none, "unix:///tmp/x.sock"},
		{"unix:///tmp/a,_b/x.sock", none, "unix:///tmp/a,_b/x.sock"}, {"/tmp/x.sock, https://a:8006,", none, "unix:///tmp/x.sock,https://a:8006"},
		{"", all, "unix://" + serverSocket}, {"", lab, "unix://" + labSocket}, {"", none, ""},
	}
	for _, tt := range tests {
		got, err := chooseServer(tt.asked, tt.exists)
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("chooseServer(%q) = %q, %v; want %q", tt.asked, got, err, tt.want)
		}
	}
}

// Every kind has a table with rows that fit its header.
func TestEveryKindHasATable(t *testing.T) {
	for _, k := range model.Kinds() {
		for _, wide := range []bool{false, true} {
			header, rows := objectRows(k, []model.Object{model.New(k)}, wide)
			if len(header) == 0 || len(rows[0]) != len(header) {
				t.Errorf("%s: header %v, row %v", k, header, rows[0])
			}
			for _, c := range k.Descriptor().Columns {
				if slices.Contains(header, c.Name) != (wide || !c.Wide) {
					t.Errorf("%s: column %s of the table, wide %v", k, c.Name, wide)
				}
			}
		}
	}
}

// References to a list or a map are listed with it: it cannot be deleted before them.
func TestReferents(t *testing.T) {
	d := &description{}
	for _, o := range []model.Object{
		&model.PrefixList{ID: "nets"}, &model.RouteMap{ID: "in", Entries: []model.RouteMapEntry{{Match: []string{"ip-address-prefix-list=nets"}, Call: "out"}}}, &model.RouteMap{ID: "out"},
		&model.Fabric{ID: "ring", RouteFilter: "nets", Redistribute: []model.Redistribution{{Source: "static", RouteMap: "out"}}},
		&model.Controller{ID: "ctl", RouteMapIn: "in"},
	} {
		if err := d.config.Put(o); err != nil {
			t.Fatal(err)
		}
	}
	for o, want := range map[model.Object]string{
		d.config.PrefixLists["nets"]: "  route-map in\n  fabric ring\n",
		d.config.RouteMaps["out"]:    "  route-map in\n  fabric ring\n",
		d.config.RouteMaps["in"]:     "  prefix-list nets\n  route-map out\n  controller ctl\n",
	} {
		d.kind, d.id, d.pending = o.ObjectKind(), o.ObjectID(), o
		if got := d.relatedText(); got != want {
			t.Errorf("%s: %q, want %q", o.ObjectID(), got, want)
		}
	}
}

// The references of an object are found in every property: setting any property that
// names an object of another kind makes one reference at least.
func TestReferences(t *testing.T) {
	for k, names := range map[model.Kind][]string{
		model.KindFabric: {"route-filter", "route-map-in", "route-map-out", "redistribute"}, model.KindFabricNode: {"fabric", "node"},
		model.KindController: {"fabric", "node", "route-map-in", "route-map-out"},
		model.KindZone:       {"controller", "secondary-controllers", "fabric", "ipam", "dns", "reversedns"},
		model.KindVNet:       {"zone"}, model.KindSubnet: {"vnet"}, model.KindGuest: {"node", "nics"}, model.KindIPSet: {"entries"},
		model.KindSecurityGroup: {"rules"}, model.KindFirewall: {"rules"}, model.KindRouteMap: {"entries"},
	} {
		for _, name := range names {
			value, ok := map[string]string{
				"redistribute": "source=static route-map=other", "nics": "id=net0 vnet=other", "entries": "cidr=other", "rules": "type=forward source=+dc/other",
			}[name]
			if !ok {
				value = "other"
			}
			if k == model.KindRouteMap {
				value = "order=1 match=ip-address-prefix-list=other call=other"
			}
			a, err := manifest.ParseAssignment(k, name+"="+value)
			if err != nil {
				t.Fatal(err)
			}
			p, err := patchOf(k, nil, []manifest.Assignment{a})
			if err != nil {
				t.Fatal(err)
			}
			p.Set["id"] = json.RawMessage(`"datacenter"`)
			b, err := json.Marshal(p.Set)
			if err != nil {
				t.Fatal(err)
			}
			o, err := model.Decode(k, b)
			if err != nil {
				t.Fatal(err)
			}
			if refs := model.References(o); !slices.ContainsFunc(refs, func(r model.Reference) bool { return r.ID == "other" }) {
				t.Errorf("%s with %s: %v", k, name, refs)
			}
		}
	}
}
