package ifupdown_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/ifupdown"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pvesdn"
)

// TestConformance renders the cases zones/<type>/<case> of a directory, which
// are Proxmox's own: sdn.json is the running configuration, interfaces the
// node's file, expected_sdn_interfaces what Proxmox makes of them. A case that
// holds anything this release does not render is skipped by name.
func TestConformance(t *testing.T) {
	dir := os.Getenv("VIADUCT_CONFORMANCE")
	if dir == "" {
		t.Skip("VIADUCT_CONFORMANCE is not set: it names a directory (absolute) with cases zones/<type>/<case>")
	}
	paths, err := filepath.Glob(filepath.Join(dir, "zones", "*", "*", "sdn.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s has no cases zones/<type>/<case>/sdn.json: %v", dir, err)
	}
	for _, p := range paths {
		folder := filepath.Dir(p)
		name, err := filepath.Rel(dir, folder)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.ToSlash(name), func(t *testing.T) { conform(t, folder) })
	}
}

func conform(t *testing.T, folder string) {
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	input, want := read("sdn.json"), read("expected_sdn_interfaces")
	run, problems, err := pvesdn.Parse(input)
	if err != nil {
		t.Fatal(err)
	}
	if what := unsupported(t, run, input); what != "" {
		t.Skipf("this release does not render %s", what)
	}
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	file, err := ifupdown.Parse(string(read("interfaces")))
	if err != nil {
		t.Fatal(err)
	}
	got, problems := ifupdown.Render(run, mocked(file))
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("(-want +got)\n%s\n%s", d, problems)
	}
}

// unsupported names the first thing of a case that this release lacks.
func unsupported(t *testing.T, run *pvesdn.Running, input []byte) string {
	for _, id := range slices.Sorted(maps.Keys(run.Zones)) {
		if kind := run.Zones[id].Type; !slices.Contains(model.ZoneTypes(), model.ZoneType(kind)) {
			return fmt.Sprintf("zones of type %s (zone %s)", kind, id)
		}
	}
	var rest struct {
		Controllers struct {
			IDs map[string]struct{ Type string }
		}
	}
	if err := json.Unmarshal(input, &rest); err != nil {
		t.Fatal(err)
	}
	for _, id := range slices.Sorted(maps.Keys(rest.Controllers.IDs)) {
		return fmt.Sprintf("controllers of type %s (controller %s)", rest.Controllers.IDs[id].Type, id)
	}
	for _, id := range slices.Sorted(maps.Keys(run.Fabrics)) {
		return fmt.Sprintf("fabrics of type %s (fabric %s)", run.Fabrics[id], id)
	}
	return ""
}

// mocked are the facts of the environment of the cases: node localhost, where
// everything outside is reached by vmbr0 and from its address, which is
// therefore the source even of IPv6.
func mocked(file *ifupdown.File) *model.Facts {
	f := &model.Facts{Node: "localhost", Interfaces: file.Interfaces()}
	var src netip.Addr
	if out := f.Interface("vmbr0"); out != nil && len(out.Addresses) > 0 {
		src = out.Addresses[0].Addr()
	}
	for _, all := range []string{"0.0.0.0/0", "::/0"} {
		f.Routes = append(f.Routes, model.FactRoute{Dst: netip.MustParsePrefix(all), Dev: "vmbr0", Src: src})
	}
	return f
}
