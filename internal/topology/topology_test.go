package topology_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/topology"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/test/golden"
)

func config(t *testing.T, text string) *model.Config {
	t.Helper()
	cfg := &model.Config{}
	if text == "" {
		return cfg
	}
	set, err := manifest.Load([]string{"-"}, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range set.Objects {
		if err := cfg.Put(o); err != nil {
			t.Fatal(err)
		}
	}
	return cfg
}

// Each case is a network, and the elements of its picture.
func TestPictures(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(t *testing.T, c *golden.Case) {
		in := topology.Input{Running: config(t, c.Files["running"]), Pending: config(t, c.Files["pending"]), Live: config(t, c.Files["guests"]), Revision: 1}
		if _, ok := c.Files["pending"]; !ok {
			in.Pending = in.Running
		}
		for name, into := range map[string]any{"status": &in.Nodes, "facts": &in.Facts, "ranks": &in.Ranks} {
			if text := c.Files[name]; text != "" {
				if err := json.Unmarshal([]byte(text), into); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
		var o topology.Options
		if text := c.Files["options"]; text != "" {
			if err := json.Unmarshal([]byte(text), &o); err != nil {
				t.Fatal(err)
			}
		}
		got, ok := topology.Of(in, o)
		if !ok {
			t.Fatal("there is no such object")
		}
		c.Want(t, "want", text(got))
	})
}

// text has a line for each element.
func text(p *api.Topology) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%gx%g: %s\n", p.Width, p.Height, p.Summary)
	for _, e := range p.Elements {
		fmt.Fprintf(&b, "%s %s", e.Kind, e.ID)
		if e.From != "" {
			fmt.Fprintf(&b, " from %s to %s", e.From, e.To)
		} else {
			fmt.Fprintf(&b, " at %g,%g %gx%g", e.X, e.Y, e.W, e.H)
		}
		for _, part := range []string{string(e.State), string(e.Change), quoted(e.Label), quoted(e.Detail), quoted(e.Message)} {
			if part != "" {
				b.WriteString(" " + part)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprintf("%q", s)
}

// random makes a network of any size.
func random(r *rand.Rand) topology.Input {
	cfg, live := &model.Config{}, &model.Config{}
	in := topology.Input{Running: cfg, Pending: cfg, Live: live, Ranks: make(map[string]float64)}
	nodes := r.IntN(24)
	var peers []netip.Addr
	for i := range nodes {
		a := netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})
		peers = append(peers, a)
		n := &model.Node{ID: fmt.Sprintf("n%d", i), Address: a}
		cfg.Set(n)
		state := []protocol.State{protocol.Converged, protocol.Unreachable, protocol.Degraded}[r.IntN(3)]
		in.Nodes = append(in.Nodes, api.NodeStatus{Name: n.ID, State: state})
	}
	zones := 1 + r.IntN(6)
	for i := range zones {
		z := &model.Zone{ID: fmt.Sprintf("z%d", i), Type: model.ZoneVXLAN, Peers: peers}
		if r.IntN(2) == 0 {
			z.Type, z.Peers = model.ZoneSimple, nil
		}
		cfg.Set(z)
	}
	for i := range r.IntN(150) {
		v := &model.VNet{ID: fmt.Sprintf("v%d", i), Zone: fmt.Sprintf("z%d", r.IntN(zones))}
		cfg.Set(v)
		for j := range r.IntN(4) {
			_ = cfg.Put(&model.Subnet{CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), byte(j), 0}), 24), VNet: v.ID}) // is valid
		}
		for range r.IntN(8) {
			g := &model.Guest{ID: fmt.Sprint(100 + len(live.Guests)), NICs: []model.NIC{{ID: "net0", VNet: v.ID}}}
			if nodes > 0 {
				g.Node = fmt.Sprintf("n%d", r.IntN(nodes))
			}
			live.Set(g)
		}
		if r.IntN(10) == 0 {
			in.Ranks["vnet/"+v.ID] = float64(r.IntN(100))
		}
	}
	return in
}

// solid are the kinds whose boxes must not overlap.
var solid = map[api.ElementKind]bool{
	api.ElementNode: true, api.ElementSubnet: true, api.ElementGuest: true, api.ElementGuests: true, api.ElementMember: true, api.ElementVTEP: true, api.ElementRouter: true, api.ElementInterface: true,
}

func TestNothingOverlaps(t *testing.T) {
	for seed := range uint64(60) {
		p, _ := topology.Of(random(rand.New(rand.NewPCG(seed, 1))), topology.Options{})
		var boxes []api.Element
		bands := make(map[string]api.Element)
		for _, e := range p.Elements {
			if solid[e.Kind] {
				boxes = append(boxes, e)
			}
			if e.Kind == api.ElementZone || e.Kind == api.ElementUnderlay {
				bands[e.ID] = e
			}
			if e.X-e.W/2 < 0 || e.Y-e.H/2 < 0 || e.X+e.W/2 > p.Width || e.Y+e.H/2 > p.Height {
				t.Fatalf("seed %d: %s is outside of the picture of %gx%g: %+v", seed, e.ID, p.Width, p.Height, e)
			}
		}
		for i, a := range boxes {
			for _, b := range boxes[i+1:] {
				if overlap(a, b) {
					t.Fatalf("seed %d: %s and %s overlap: %+v %+v", seed, a.ID, b.ID, a, b)
				}
			}
		}
		for _, a := range bands {
			for _, b := range bands {
				if a.ID != b.ID && overlap(a, b) {
					t.Fatalf("seed %d: the bands %s and %s overlap", seed, a.ID, b.ID)
				}
			}
		}
	}
}

func overlap(a, b api.Element) bool {
	return a.X-a.W/2 < b.X+b.W/2 && b.X-b.W/2 < a.X+a.W/2 && a.Y-a.H/2 < b.Y+b.H/2 && b.Y-b.H/2 < a.Y+a.H/2
}

func TestTheSameNetworkIsTheSamePicture(t *testing.T) {
	for seed := range uint64(10) {
		a, _ := topology.Of(random(rand.New(rand.NewPCG(seed, 2))), topology.Options{})
		b, _ := topology.Of(random(rand.New(rand.NewPCG(seed, 2))), topology.Options{})
		if d := cmp.Diff(a, b, cmpopts.EquateComparable(netip.Addr{})); d != "" {
			t.Fatalf("seed %d:\n%s", seed, d)
		}
	}
}

// order is the IDs of a kind from left to right or from top to bottom.
func order(p *api.Topology, kind api.ElementKind) []string {
	var out []string
	for _, e := range p.Elements {
		if e.Kind == kind {
			out = append(out, e.ID)
		}
	}
	return out
}

// An added object changes the order of none, and only nodes that come after it move.
func TestAnAdditionIsCalm(t *testing.T) {
	in := topology.Input{Running: &model.Config{}, Live: &model.Config{}}
	for _, o := range []model.Object{
		&model.Node{ID: "a"}, &model.Node{ID: "c"}, &model.Zone{ID: "za", Type: model.ZoneSimple}, &model.Zone{ID: "zc", Type: model.ZoneSimple},
		&model.VNet{ID: "va", Zone: "za"}, &model.VNet{ID: "vc", Zone: "za"},
	} {
		in.Running.Set(o)
	}
	in.Pending = in.Running
	before, _ := topology.Of(in, topology.Options{})
	in.Pending = in.Running.Clone()
	for _, o := range []model.Object{&model.Node{ID: "b"}, &model.Zone{ID: "zb", Type: model.ZoneSimple}, &model.VNet{ID: "vb", Zone: "za"}} {
		in.Pending.Set(o)
	}
	after, _ := topology.Of(in, topology.Options{})
	for kind, want := range map[api.ElementKind][]string{
		api.ElementNode: {"node/a", "node/b", "node/c"}, api.ElementZone: {"zone/za", "zone/zb", "zone/zc"}, api.ElementVNet: {"vnet/va", "vnet/vb", "vnet/vc"},
	} {
		if d := cmp.Diff(want, order(after, kind)); d != "" {
			t.Errorf("%s: %s", kind, d)
		}
	}
	place := func(p *api.Topology, id string) [2]float64 {
		for _, e := range p.Elements {
			if e.ID == id {
				return [2]float64{e.X, e.Y}
			}
		}
		t.Fatalf("%s is missing", id)
		return [2]float64{}
	}
	if place(before, "node/a") != place(after, "node/a") {
		t.Error("a node before the new one has moved")
	}
}

func TestMovedElements(t *testing.T) {
	in := topology.Input{Running: &model.Config{}}
	for _, id := range []string{"a", "b", "c"} {
		in.Running.Set(&model.Node{ID: id})
		in.Running.Set(&model.Zone{ID: "z" + id, Type: model.ZoneSimple})
		in.Running.Set(&model.VNet{ID: "v" + id, Zone: "za"})
	}
	in.Pending = in.Running
	in.Ranks = map[string]float64{"node/a": 1.5, "zone/zc": -1, "vnet/vb": 9, "node/gone": 0}
	p, _ := topology.Of(in, topology.Options{})
	for kind, want := range map[api.ElementKind][]string{
		api.ElementNode: {"node/b", "node/a", "node/c"}, api.ElementZone: {"zone/zc", "zone/za", "zone/zb"}, api.ElementVNet: {"vnet/va", "vnet/vc", "vnet/vb"},
	} {
		if d := cmp.Diff(want, order(p, kind)); d != "" {
			t.Errorf("%s: %s", kind, d)
		}
	}
}

// Names are sorted as people count.
func TestOrderOfNames(t *testing.T) {
	in := topology.Input{Running: &model.Config{}}
	want := []string{"node/1", "node/n", "node/n01", "node/n1", "node/n2", "node/n10", "node/n10a", "node/n10b2", "node/x"}
	for _, ref := range want {
		in.Running.Set(&model.Node{ID: strings.TrimPrefix(ref, "node/")})
	}
	in.Pending = in.Running
	p, _ := topology.Of(in, topology.Options{})
	if d := cmp.Diff(want, order(p, api.ElementNode)); d != "" {
		t.Error(d)
	}
}

func TestFocus(t *testing.T) {
	in := random(rand.New(rand.NewPCG(7, 7)))
	if _, ok := topology.Of(in, topology.Options{Focus: "vnet/nothing"}); ok {
		t.Error("the focus is on nothing")
	}
	whole, _ := topology.Of(in, topology.Options{})
	for _, ref := range []string{"vnet/v1", "zone/z0", "node/n1", "guest/100"} {
		p, ok := topology.Of(in, topology.Options{Focus: ref})
		if !ok || len(p.Elements) == 0 || len(p.Elements) >= len(whole.Elements) {
			t.Errorf("%s: %d elements of %d", ref, len(p.Elements), len(whole.Elements))
		}
		deeper, _ := topology.Of(in, topology.Options{Focus: ref, Depth: 3})
		if len(deeper.Elements) < len(p.Elements) {
			t.Errorf("%s: %d elements with depth 3, %d with 1", ref, len(deeper.Elements), len(p.Elements))
		}
	}
}

// large is a network of 100 nodes, 1,000 VNets in 20 zones and 10,000 NICs.
func large() topology.Input {
	cfg, live := &model.Config{}, &model.Config{}
	in := topology.Input{Running: cfg, Pending: cfg, Live: live, Facts: make(map[string]*model.Facts)}
	var peers []netip.Addr
	for i := range 100 {
		a := netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})
		peers = append(peers, a)
		cfg.Set(&model.Node{ID: fmt.Sprintf("node%03d", i), Address: a})
		in.Nodes = append(in.Nodes, api.NodeStatus{Name: fmt.Sprintf("node%03d", i), State: protocol.Converged, Report: &api.NodeReport{State: protocol.Converged}})
	}
	for i := range 20 {
		cfg.Set(&model.Zone{ID: fmt.Sprintf("zone%02d", i), Type: model.ZoneVXLAN, Peers: peers})
	}
	for i := range 1000 {
		cfg.Set(&model.VNet{ID: fmt.Sprintf("v%d", i), Zone: fmt.Sprintf("zone%02d", i%20), Tag: 100 + i})
		_ = cfg.Put(&model.Subnet{CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24), VNet: fmt.Sprintf("v%d", i)}) // is valid
	}
	for i := range 10_000 {
		live.Set(&model.Guest{ID: fmt.Sprint(100 + i), Name: fmt.Sprintf("vm%d", i), Node: fmt.Sprintf("node%03d", i%100), NICs: []model.NIC{{ID: "net0", VNet: fmt.Sprintf("v%d", i*7%1000)}}})
	}
	return in
}

func TestLargeNetworksAreCounted(t *testing.T) {
	in := large()
	p, _ := topology.Of(in, topology.Options{})
	if n := len(p.Elements); n > 3000 {
		t.Errorf("%d elements", n)
	}
	if n := len(order(p, api.ElementLink)); n > 40 {
		t.Errorf("%d links are drawn", n)
	}
	if got := order(p, api.ElementLinks); len(got) != 1 {
		t.Errorf("the bundles of links: %v", got)
	}
	p, _ = topology.Of(in, topology.Options{Expand: []string{"zone/zone03"}})
	if n := len(order(p, api.ElementVNet)); n != 50 {
		t.Errorf("%d VNets of an expanded zone of 50", n)
	}
}

func BenchmarkPicture(b *testing.B) {
	in := large()
	for _, detail := range topology.Details() {
		b.Run(detail, func(b *testing.B) {
			for b.Loop() {
				topology.Of(in, topology.Options{Detail: detail})
			}
		})
	}
}
