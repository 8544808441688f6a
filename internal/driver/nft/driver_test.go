package nft

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/test/requires"
	"github.com/viaduct-sdn/viaduct/test/scratch"
)

// lab is a namespace and the options of a driver in it.
type lab struct {
	t    *testing.T
	opts Options
	d    *Driver
}

func newLab(t *testing.T) *lab {
	t.Helper()
	ns := scratch.New(t)
	requires.Program(t, "nft")
	l := &lab{t: t, opts: Options{Namespace: ns, StateFile: filepath.Join(t.TempDir(), "nft.json")}}
	l.d = New(l.opts)
	return l
}

// nft runs nft in the namespace.
func (l *lab) nft(args ...string) string {
	l.t.Helper()
	out, err := l.d.output(context.Background(), "", args...)
	if err != nil {
		l.t.Fatalf("nft %v: %v", args, err)
	}
	return out
}

// reconcile applies tables that nothing hinders and returns the changes; a
// second pass must find nothing to do.
func (l *lab) reconcile(tables ...desired.Table) []string {
	l.t.Helper()
	node := &desired.Space{Tables: tables}
	r, err := l.d.Reconcile(context.Background(), node, false)
	if err != nil {
		l.t.Fatal(err)
	}
	again, err := l.d.Reconcile(context.Background(), node, false)
	if err != nil || again.Writes != 0 || len(again.Changes) != 0 {
		l.t.Errorf("second pass: %v %v", again, err)
	}
	var lines []string
	for _, c := range r.Changes {
		lines = append(lines, c.String())
	}
	return lines
}

func table() desired.Table {
	return desired.Table{
		Family: "inet", Name: "viaduct",
		Sets: []desired.Set{
			{Name: "vnets", Type: "ifname", Elements: []string{`"vn1"`, `"vn2"`}},
			{Name: "inside", Type: "ipv4_addr", Interval: true, Elements: []string{"10.0.0.0/8"}},
			{Name: "out", Type: "ifname", Value: "verdict", Elements: []string{`"vn1" : jump z_one`}},
		},
		Chains: []desired.Chain{
			{Name: "forward", Type: "filter", Hook: "forward", Priority: "filter", Rules: []desired.Rule{
				{Text: "ct state established,related accept"},
				{Text: "iifname vmap @out"},
				{Text: `iifname @vnets oifname @vnets drop`, Owner: "zone/one"},
			}},
			{Name: "postrouting", Type: "nat", Hook: "postrouting", Priority: "srcnat", Rules: []desired.Rule{
				{Text: "ip saddr 172.16.0.0/24 oifname != @vnets masquerade", Owner: "subnet/one-172.16.0.0-24"},
			}},
			{Name: "z_one", Rules: []desired.Rule{{Text: "counter accept", Owner: "zone/one"}}},
		},
	}
}

func TestTable(t *testing.T) {
	l := newLab(t)
	l.nft("add", "table", "inet", "foreign")
	if got := l.reconcile(table()); len(got) != 16 {
		t.Errorf("%d changes: %q", len(got), got)
	}
	list := l.nft("list", "table", "inet", "viaduct")
	for _, s := range []string{"masquerade", `elements = { "vn1",`, "policy accept", "made by Viaduct"} {
		if !strings.Contains(list, s) {
			t.Errorf("missing %q in\n%s", s, list)
		}
	}
	changed := table()
	changed.Chains[0].Rules[2].Text = "iifname @vnets drop"
	want := []string{
		"- rule inet viaduct chain forward: iifname @vnets oifname @vnets drop",
		"+ rule inet viaduct chain forward: iifname @vnets drop",
	}
	got := l.reconcile(changed)
	if d := cmp.Diff(map[string]bool{want[0]: true, want[1]: true}, set(got)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	// A new process knows what the last one applied.
	l.d = New(l.opts)
	if got := l.reconcile(changed); len(got) != 0 {
		t.Errorf("after a restart: %q", got)
	}
	l.reconcile()
	if list := l.nft("list", "tables"); strings.TrimSpace(list) != "table inet foreign" {
		t.Errorf("after removal:\n%s", list)
	}
}

// set is the set of the lines.
func set(lines []string) map[string]bool {
	m := map[string]bool{}
	for _, l := range lines {
		m[l] = true
	}
	return m
}

func TestDrift(t *testing.T) {
	l := newLab(t)
	for _, c := range []struct{ damage, want string }{
		{"insert rule inet viaduct forward iifname evil drop", "- rule inet viaduct: iifname \"evil\" drop"},
		{"flush chain inet viaduct z_one", "+ rule inet viaduct: counter accept"},
		{"delete table inet viaduct", "+ rule inet viaduct"},
	} {
		l.reconcile(table())
		l.nft(strings.Fields(c.damage)...)
		if got := l.reconcile(table()); !set(got)[c.want] {
			t.Errorf("%s: %q has no %q", c.damage, got, c.want)
		}
	}
	// With the state lost, the table is replaced once and then known again.
	l.opts.StateFile = ""
	l.d = New(l.opts)
	if got := l.reconcile(table()); len(got) != 1 {
		t.Errorf("state lost: %q", got)
	}
}

func TestBadRuleLeavesTheOthers(t *testing.T) {
	l := newLab(t)
	bad := table()
	bad.Chains[0].Rules = append(bad.Chains[0].Rules, desired.Rule{Text: "no such thing", Owner: "vnet/bad"})
	r, err := l.d.Reconcile(context.Background(), &desired.Space{Tables: []desired.Table{bad}}, false)
	errs := driver.ObjectErrors(err)
	if len(errs) != 1 || errs[0].Owner != "vnet/bad" {
		t.Fatalf("errors: %v", err)
	}
	if len(r.Changes) != 16 || !strings.Contains(l.nft("list", "table", "inet", "viaduct"), "masquerade") {
		t.Errorf("the others were not applied: %v", r.Changes)
	}
	again, _ := l.d.Reconcile(context.Background(), &desired.Space{Tables: []desired.Table{bad}}, false)
	if again.Writes != 0 {
		t.Errorf("second pass: %v", again)
	}
}

func TestDryRun(t *testing.T) {
	l := newLab(t)
	r, err := l.d.Reconcile(context.Background(), &desired.Space{Tables: []desired.Table{table()}}, true)
	if err != nil || len(r.Changes) != 16 || l.nft("list", "tables") != "" {
		t.Errorf("%v %v", r.Changes, err)
	}
}

func TestNoProgram(t *testing.T) {
	d := New(Options{Command: "no-such-program-nft"})
	if r, err := d.Reconcile(context.Background(), &desired.Space{}, false); err != nil || r.Writes != 0 {
		t.Errorf("nothing wanted: %v", err)
	}
	_, err := d.Reconcile(context.Background(), &desired.Space{Tables: []desired.Table{table()}}, false)
	if errs := driver.ObjectErrors(err); len(errs) != 2 || !errors.Is(err, errMissing) {
		t.Errorf("wanted: %v", err)
	}
}
