package route

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/test/scratch"
)

// setUp makes a namespace with one link and a driver in it; run executes
// commands there.
func setUp(t *testing.T) (d *Driver, run func(command string) string) {
	t.Helper()
	ns := scratch.New(t)
	d, err := New(ns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	run = func(command string) string {
		t.Helper()
		return scratch.Run(t, ns, command)
	}
	run("ip link add e0 type veth peer name e1")
	run("ip link set e0 up")
	run("ip link set e1 up")
	run("ip addr add 10.0.0.1/24 dev e0")
	run("ip addr add fd00::1/64 dev e0 nodad")
	return d, run
}

func reconcile(t *testing.T, d *Driver, routes ...desired.Route) []string {
	t.Helper()
	node := &desired.Space{Routes: routes}
	node.Sort()
	r, err := d.Reconcile(context.Background(), node, false)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range r.Changes {
		lines = append(lines, c.String())
	}
	again, err := d.Reconcile(context.Background(), node, false)
	if err != nil || again.Writes != 0 || len(again.Changes) != 0 {
		t.Errorf("second pass: %v %v", again, err)
	}
	return lines
}

func TestRoutes(t *testing.T) {
	d, run := setUp(t)
	run("ip route add 10.9.0.0/16 via 10.0.0.9")
	four := desired.Route{Dst: netip.MustParsePrefix("10.1.0.0/16"), Via: netip.MustParseAddr("10.0.0.2"), Owner: "vnet/a"}
	six := desired.Route{Dst: netip.MustParsePrefix("fd01::/64"), Via: netip.MustParseAddr("fd00::2"), Link: "e0", Owner: "vnet/b"}
	table := desired.Route{Dst: netip.MustParsePrefix("0.0.0.0/0"), Link: "e0", Table: 1001, Owner: "vnet/c"}
	got := reconcile(t, d, four, six, table)
	want := []string{"+ route 10.1.0.0/16: via 10.0.0.2", "+ route fd01::/64: via fd00::2, dev e0", "+ route 0.0.0.0/0 table 1001: dev e0"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	four.Via, six.Via = netip.MustParseAddr("10.0.0.3"), netip.MustParseAddr("fd00::3")
	got = reconcile(t, d, four, six)
	want = []string{"~ route 10.1.0.0/16: via 10.0.0.2 -> 10.0.0.3", "~ route fd01::/64: via fd00::2 -> fd00::3", "- route 0.0.0.0/0 table 1001"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if out := run("ip -6 route show proto 183"); !strings.Contains(out, "fd00::3") || strings.Contains(out, "fd00::2") {
		t.Errorf("IPv6 route was not replaced:\n%s", out)
	}
	if got := reconcile(t, d); len(got) != 2 {
		t.Errorf("removal: %q", got)
	}
	if out := run("ip route show"); !strings.Contains(out, "10.9.0.0/16 via 10.0.0.9") {
		t.Errorf("a foreign route went:\n%s", out)
	}
}

func TestForeignRouteIsAConflict(t *testing.T) {
	d, run := setUp(t)
	run("ip route add 10.9.0.0/16 via 10.0.0.9")
	node := &desired.Space{Routes: []desired.Route{
		{Dst: netip.MustParsePrefix("10.9.0.0/16"), Via: netip.MustParseAddr("10.0.0.2"), Owner: "vnet/a"},
		{Dst: netip.MustParsePrefix("10.8.0.0/16"), Link: "nowhere", Owner: "vnet/b"},
		{Dst: netip.MustParsePrefix("10.7.0.0/16"), Link: "e0", Owner: "vnet/c"},
	}}
	r, err := d.Reconcile(context.Background(), node, false)
	var conflict *driver.Conflict
	if errs := driver.ObjectErrors(err); len(errs) != 2 || !errors.As(err, &conflict) {
		t.Errorf("errors: %v", err)
	}
	if len(r.Changes) != 1 {
		t.Errorf("changes: %v", r.Changes)
	}
	if out := run("ip route show"); !strings.Contains(out, "10.9.0.0/16 via 10.0.0.9") || !strings.Contains(out, "10.7.0.0/16 dev e0") {
		t.Errorf("routes:\n%s", out)
	}
}

func TestUnreachableMetricAndOtherFamily(t *testing.T) {
	d, run := setUp(t)
	run("ip route add unreachable 10.50.0.0/16 metric 7") // foreign
	// The floor that keeps a VRF's misses from falling through to main.
	four := desired.Route{Dst: netip.MustParsePrefix("0.0.0.0/0"), Type: "unreachable", Metric: 4278198272, Table: 100010000, Owner: "zone/z"}
	six := desired.Route{Dst: netip.MustParsePrefix("::/0"), Type: "unreachable", Metric: 4278198272, Table: 100010000, Owner: "zone/z"}
	plain := desired.Route{Dst: netip.MustParsePrefix("fd09::/64"), Type: "unreachable", Owner: "zone/z"}
	better := desired.Route{Dst: netip.MustParsePrefix("0.0.0.0/0"), Link: "e0", Metric: 5, Table: 100010000, Owner: "zone/z"}
	via := desired.Route{Dst: netip.MustParsePrefix("10.60.0.0/16"), Via: netip.MustParseAddr("fd00::2"), Link: "e0", Owner: "fabric/f"}
	got := reconcile(t, d, four, six, plain, better, via)
	want := []string{
		"+ route fd09::/64: type unreachable",
		"+ route 10.60.0.0/16: via fd00::2, dev e0",
		"+ route 0.0.0.0/0 table 100010000 metric 5: dev e0",
		"+ route 0.0.0.0/0 table 100010000 metric 4278198272: type unreachable",
		"+ route ::/0 table 100010000 metric 4278198272: type unreachable",
	}
	if d := cmp.Diff(want, got, cmpopts.SortSlices(strings.Compare)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	show := run("ip route show table 100010000") + run("ip -6 route show table 100010000") + run("ip route show proto 183") + run("ip -6 route show proto 183")
	for _, s := range []string{"unreachable default proto 183 metric 4278198272", "default dev e0 proto 183 scope link metric 5", "10.60.0.0/16 via inet6 fd00::2 dev e0", "unreachable fd09::/64"} {
		if !strings.Contains(show, s) {
			t.Errorf("missing %q in\n%s", s, show)
		}
	}
	// An unreachable route becomes one that leads somewhere, and back.
	plain.Type, plain.Link = "", "e0"
	via.Type, via.Via, via.Link = "unreachable", netip.Addr{}, ""
	got = reconcile(t, d, four, six, plain, via)
	want = []string{
		"~ route fd09::/64: type unreachable removed, dev e0",
		"~ route 10.60.0.0/16: type unreachable, via fd00::2 removed, dev e0 removed",
		"- route 0.0.0.0/0 table 100010000 metric 5",
	}
	if d := cmp.Diff(want, got, cmpopts.SortSlices(strings.Compare)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := reconcile(t, d); len(got) != 4 {
		t.Errorf("removal: %q", got)
	}
	if out := run("ip route show"); !strings.Contains(out, "unreachable 10.50.0.0/16 metric 7") {
		t.Errorf("a foreign route went:\n%s", out)
	}
}

func TestUnknownTypeIsTold(t *testing.T) {
	d, _ := setUp(t)
	node := &desired.Space{Routes: []desired.Route{{Dst: netip.MustParsePrefix("10.9.0.0/16"), Type: "blackhole", Owner: "zone/z"}}}
	_, err := d.Reconcile(context.Background(), node, false)
	if errs := driver.ObjectErrors(err); len(errs) != 1 || errs[0].Owner != "zone/z" {
		t.Errorf("errors: %v", err)
	}
}

// Rules are made, repaired and taken away; those of others stay.
func TestRules(t *testing.T) {
	d, run := setUp(t)
	run("ip rule add iif e0 lookup 55 pref 900")
	var want []desired.RouteRule
	for _, family := range []string{desired.FamilyIPv4, desired.FamilyIPv6} {
		want = append(want,
			desired.RouteRule{Mark: 0x76002710, Family: family, Priority: 990, Table: 100010000, NoDefault: true, Owner: "zone/z"},
			desired.RouteRule{Mark: 0x76002710, Family: family, Priority: 991, Table: 100, Owner: "zone/z"},
			desired.RouteRule{Mark: 0x76002710, Family: family, Priority: 992, Owner: "zone/z"})
	}
	pass := func(rules []desired.RouteRule) []string {
		t.Helper()
		node := &desired.Space{RouteRules: rules}
		node.Sort()
		r, err := d.Reconcile(t.Context(), node, false)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, c := range r.Changes {
			lines = append(lines, c.String())
		}
		if again, err := d.Reconcile(t.Context(), node, false); err != nil || again.Writes != 0 {
			t.Errorf("second pass: %v %v", again, err)
		}
		return lines
	}
	if lines := pass(want); len(lines) != 6 {
		t.Errorf("made %q", lines)
	}
	for _, family := range []string{"-4", "-6"} {
		got := run("ip " + family + " rule")
		for _, line := range []string{
			"990:\tfrom all fwmark 0x76002710 lookup 100010000 suppress_prefixlength 0 proto 183",
			"991:\tfrom all fwmark 0x76002710 lookup 100 proto 183",
			"992:\tfrom all fwmark 0x76002710 unreachable proto 183",
		} {
			if !strings.Contains(got, line) {
				t.Errorf("%s: no %q in\n%s", family, line, got)
			}
		}
	}
	run("ip rule del pref 991")
	run("ip -6 rule del pref 992")
	if d := cmp.Diff([]string{"+ route-rule 991 mark 0x76002710 table 100 inet", "+ route-rule 992 mark 0x76002710 unreachable inet6"}, pass(want)); d != "" {
		t.Error(d)
	}
	for i := range want {
		if want[i].Family == desired.FamilyIPv4 && want[i].Table == 100 {
			want[i].Table = 200
		}
	}
	if d := cmp.Diff([]string{"+ route-rule 991 mark 0x76002710 table 200 inet", "- route-rule 991 mark 0x76002710 table 100 inet"}, pass(want), cmpopts.SortSlices(strings.Compare)); d != "" {
		t.Error(d)
	}
	if lines := pass(nil); len(lines) != 6 {
		t.Errorf("removed %q", lines)
	}
	if got := run("ip rule"); !strings.Contains(got, "lookup 55") || strings.Contains(got, "0x76002710") {
		t.Errorf("left:\n%s", got)
	}
}
