package nft

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/test/scratch"
)

// dynamic is a table with a set of each form.
func dynamic(elements map[string][]string) desired.Table {
	return desired.Table{
		Family: "bridge", Name: "viaduct_test",
		Sets: []desired.Set{
			{Name: "v4-sdn/a-all", Type: "ipv4_addr", Interval: true, Dynamic: true, Elements: elements["v4"]},
			{Name: "v6-sdn/a-all", Type: "ipv6_addr", Interval: true, Dynamic: true, Elements: elements["v6"]},
			{Name: "hosts", Type: "ipv4_addr", Dynamic: true, Elements: elements["hosts"]},
			{Name: "macs", Type: "ifname . ether_addr", Dynamic: true, Elements: elements["macs"]},
			{Name: "ips", Type: "ifname . ipv4_addr", Dynamic: true, Elements: elements["ips"]},
			{Name: "targets", Type: "typeof iifname . @th,64,128", Dynamic: true, Elements: elements["targets"]},
			{Name: "ports", Type: "ifname", Dynamic: true, Elements: elements["ports"]},
		},
		Chains: []desired.Chain{
			{Name: "forward", Type: "filter", Hook: "forward", Priority: "0", Rules: []desired.Rule{
				{Text: "ip saddr @v4-sdn/a-all counter drop", Owner: "firewall/a"},
				{Text: "iifname . ether saddr @macs jump more", Owner: "firewall/a"},
			}},
			{Name: "more", Rules: []desired.Rule{{Text: "counter accept"}}},
		},
	}
}

// elements lists a set as nft prints it.
func (l *lab) elements(set string) string {
	l.t.Helper()
	_, list, ok := strings.Cut(l.nft("list", "set", "bridge", "viaduct_test", set), "elements = {")
	if !ok {
		return ""
	}
	list, _, _ = strings.Cut(list, "}")
	return strings.Join(strings.Fields(list), " ")
}

func TestDynamicSets(t *testing.T) {
	l := newLab(t)
	first := map[string][]string{
		"v4":      {"10.0.0.0/24", "10.0.1.5-10.0.1.9", "255.255.255.0/24"},
		"v6":      {"2001:db8::/64", "fd00::1"},
		"hosts":   {"10.0.0.1"},
		"macs":    {`"veth100i0" . bc:24:11:00:00:01`},
		"ips":     {`"veth100i0" . 10.0.0.1`},
		"targets": {`"veth100i0" . fd00::1`},
		"ports":   {`"veth100i0"`},
	}
	l.reconcile(dynamic(first))
	second := map[string][]string{
		"v4":      {"0.0.0.0/8", "10.0.0.0/25", "10.0.1.5-10.0.1.9", "11.0.0.0/8"},
		"hosts":   {"10.0.0.1", "10.0.0.2"},
		"macs":    {`"veth100i0" . bc:24:11:00:00:01`, `"veth101i0" . bc:24:11:00:00:02`},
		"ips":     {`"veth101i0" . 10.0.0.2`},
		"targets": {`"veth100i0" . fd00::2`},
		"ports":   {`"veth100i0"`, `"veth101i0"`},
	}
	changes := l.reconcile(dynamic(second))
	if len(changes) != 7 || !strings.Contains(changes[0], "2 that go: 10.0.0.0/24, 255.255.255.0/24") {
		t.Errorf("%q", changes)
	}
	want := map[string]string{
		"v4-sdn/a-all": "0.0.0.0/8, 10.0.0.0/25, 10.0.1.5-10.0.1.9, 11.0.0.0/8", "v6-sdn/a-all": "", "hosts": "10.0.0.1, 10.0.0.2",
		"ips": `"veth101i0" . 10.0.0.2`, "targets": `"veth100i0" . 0xfd000000000000000000000000000002`,
	}
	check := func(when string) {
		t.Helper()
		for set, want := range want {
			if got := l.elements(set); got != want {
				t.Errorf("%s: %s has %q, want %q", when, set, got, want)
			}
		}
	}
	check("after a change")

	// The driver that comes after a restart finds nothing to do, and what somebody
	// else changed is changed back.
	l.d = New(l.opts)
	if got := l.reconcile(dynamic(second)); len(got) != 0 {
		t.Errorf("after a restart: %q", got)
	}
	l.nft("add", "element", "bridge", "viaduct_test", "hosts", "{ 10.9.9.9 }")
	l.nft("delete", "element", "bridge", "viaduct_test", "v4-sdn/a-all", "{ 11.0.0.0/8 }")
	if got := l.reconcile(dynamic(second)); len(got) != 2 {
		t.Errorf("after damage: %q", got)
	}
	check("after damage")

	// Rules change without the sets, whose elements stay.
	other := dynamic(second)
	other.Chains = []desired.Chain{other.Chains[0], {Name: "less", Rules: []desired.Rule{{Text: "counter drop"}}}}
	other.Chains[0].Rules = []desired.Rule{{Text: "ip saddr @hosts jump less", Owner: "firewall/b"}}
	l.reconcile(other)
	check("after a change of rules")
	if list := l.nft("list", "table", "bridge", "viaduct_test"); strings.Contains(list, "more") || !strings.Contains(list, "@hosts jump less") {
		t.Errorf("rules did not change:\n%s", list)
	}
	// With the table deleted, all is recreated.
	l.nft("delete", "table", "bridge", "viaduct_test")
	l.reconcile(other)
	check("after deletion")
}

func TestDynamicDryRun(t *testing.T) {
	l := newLab(t)
	l.reconcile(dynamic(map[string][]string{"hosts": {"10.0.0.1"}}))
	node := &desired.Space{Tables: []desired.Table{dynamic(map[string][]string{"hosts": {"10.0.0.2"}})}}
	r, err := l.d.Reconcile(context.Background(), node, true)
	if err != nil || r.Writes != 1 || len(r.Changes) != 1 || l.elements("hosts") != "10.0.0.1" {
		t.Errorf("%+v %v", r, err)
	}
	if got := l.reconcile(node.Tables...); len(got) != 1 || l.elements("hosts") != "10.0.0.2" {
		t.Errorf("after it: %q", got)
	}
}

// TestBadElement keeps a set as it is and reports the faulty element.
func TestBadElement(t *testing.T) {
	l := newLab(t)
	l.reconcile(dynamic(map[string][]string{"hosts": {"10.0.0.1"}}))
	for _, bad := range []string{"fd00::1", "10.0.0.0/8", "x", "", "10.0.0.1 . 5", `"a"`} {
		node := &desired.Space{Tables: []desired.Table{dynamic(map[string][]string{"hosts": {bad}})}}
		if _, err := l.d.Reconcile(context.Background(), node, false); err == nil || !strings.Contains(err.Error(), "set hosts") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if got := l.elements("hosts"); got != "10.0.0.1" {
		t.Errorf("hosts: %q", got)
	}
}

func TestDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfNDistinct(rapid.IntRange(0, 30), 0, 20, rapid.ID)
		old, new := list.Draw(t, "old"), list.Draw(t, "new")
		added, removed := difference(sorted(old), sorted(new), func(a, b int) int { return a - b })
		have := map[int]bool{}
		for _, x := range old {
			have[x] = true
		}
		for _, x := range removed {
			if !have[x] {
				t.Fatalf("%d was not there", x)
			}
			delete(have, x)
		}
		for _, x := range added {
			if have[x] {
				t.Fatalf("%d was there", x)
			}
			have[x] = true
		}
		want := map[int]bool{}
		for _, x := range new {
			want[x] = true
		}
		if d := cmp.Diff(want, have); d != "" {
			t.Fatal(d)
		}
	})
}

// FuzzAnswer has no answer of the kernel do harm.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte{20, 0, 0, 0, 12, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0})
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = eachMessage(b, func(_ uint16, _ uint32, payload []byte) (bool, error) {
			sortSegments(parseElements(payload))
			return false, nil
		})
	})
}

// BenchmarkElement adds an element to a set of 100,000 and takes it out again, with
// all that a pass does.
func BenchmarkElement(b *testing.B) {
	for _, form := range []struct {
		name, set string
		element   func(i int) string
	}{
		{"hosts", "hosts", func(i int) string { return fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255) }},
		{"macs", "macs", func(i int) string {
			return fmt.Sprintf(`"veth%di0" . bc:24:11:%02x:%02x:%02x`, i+100, i>>16, i>>8&255, i&255)
		}},
		{"networks", "v4", func(i int) string { return fmt.Sprintf("10.%d.%d.%d/30", i>>14, i>>6&255, i<<2&255) }},
	} {
		b.Run(form.name, func(b *testing.B) {
			d := New(Options{Namespace: scratch.New(b)})
			list := make([]string, 100_000)
			for i := range list {
				list[i] = form.element(i)
			}
			node := func(list []string) *desired.Space {
				return &desired.Space{Tables: []desired.Table{dynamic(map[string][]string{form.set: sorted(list)})}}
			}
			without, with := node(list[1:]), node(list)
			pass := func(n *desired.Space, writes int) {
				if r, err := d.Reconcile(context.Background(), n, false); err != nil || r.Writes != writes {
					b.Fatal(r.Writes, err)
				}
			}
			pass(node(nil), 1)
			pass(without, 1)
			var adding time.Duration
			for b.Loop() {
				begin := time.Now()
				pass(with, 1)
				adding += time.Since(begin)
				pass(without, 1)
			}
			b.ReportMetric(float64(adding.Microseconds())/float64(b.N)/1000, "ms/added")
			b.ReportMetric(float64((b.Elapsed()-adding).Microseconds())/float64(b.N)/1000, "ms/removed")
		})
	}
}

func sorted[T int | string](list []T) []T { return slices.Sorted(slices.Values(list)) }

// Tables of several families are all seen, by a driver that has just begun too.
func TestTablesOfSeveralFamilies(t *testing.T) {
	ns := scratch.New(t)
	state := filepath.Join(t.TempDir(), "nft.json")
	want := &desired.Space{Tables: []desired.Table{
		{Family: "bridge", Name: "viaduct_b", Sets: []desired.Set{{Name: "s", Type: "ifname", Dynamic: true, Elements: []string{`"eth0"`}}}},
		{Family: "inet", Name: "viaduct_a"}, {Family: "ip", Name: "viaduct_c"},
	}}
	if _, err := New(Options{Namespace: ns, StateFile: state}).Reconcile(t.Context(), want, false); err != nil {
		t.Fatal(err)
	}
	r, err := New(Options{Namespace: ns, StateFile: state}).Reconcile(t.Context(), want, true)
	if err != nil || len(r.Changes) != 0 {
		t.Errorf("a driver that begins finds %v, %v", r.Changes, err)
	}
}
