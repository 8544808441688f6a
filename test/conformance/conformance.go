// Package conformance finds the cases that Proxmox's own results are compared
// with, and reads what their environment is. The cases are not part of the
// project: VIADUCT_CONFORMANCE names the directory that holds them, absolute or
// relative to the root of the repository. Tests use the package; the program
// does not.
//
// A directory zones/<type>/<case> holds a running configuration (sdn.json), the
// node's interfaces file (interfaces), perhaps frr.conf.local, and the files
// that Proxmox makes of them (expected_sdn_interfaces, and
// expected_controller_config if sdn.json has controllers). A directory
// fabrics/<case> holds fabrics.cfg, what is to come of it (expect.json), and
// what FRR gets on some nodes (expected_frr.<node>).
package conformance

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
	"github.com/viaduct-sdn/viaduct/internal/render/interfaces"
	"github.com/viaduct-sdn/viaduct/test/requires"
)

// Variable is the environment variable that names the directory.
const Variable = "VIADUCT_CONFORMANCE"

// Case is one case.
type Case struct {
	// Name is the path below the directory of all cases.
	Name   string
	folder string
}

// Zones runs f in a subtest for every zone case. Without the variable the test
// is skipped; with a directory that has no cases at all it fails.
func Zones(t *testing.T, f func(t *testing.T, c *Case)) {
	t.Helper()
	run(t, "zones/*/*", f)
}

// Fabrics does the same for fabric cases.
func Fabrics(t *testing.T, f func(t *testing.T, c *Case)) {
	t.Helper()
	run(t, "fabrics/*", f)
}

// Subnets runs f in a subtest for every case of a subnet's addresses, and VNets for the
// one of VNets.
func Subnets(t *testing.T, f func(t *testing.T, c *Case)) {
	t.Helper()
	run(t, "subnets/*", f)
}

// VNets runs f for the cases of VNets.
func VNets(t *testing.T, f func(t *testing.T, c *Case)) {
	t.Helper()
	run(t, "vnets", f)
}

// Dir is the directory with the cases. Without the variable the test is skipped;
// with a directory that has no cases at all it fails.
func Dir(t *testing.T) string {
	t.Helper()
	dir := requires.Directory(t, Variable, root(t), "cases zones/<type>/<case> and fabrics/<case>")
	if len(folders(t, dir, "zones/*/*"))+len(folders(t, dir, "fabrics/*")) == 0 {
		t.Fatalf("%s has no cases zones/<type>/<case> or fabrics/<case>", dir)
	}
	return dir
}

func run(t *testing.T, pattern string, f func(t *testing.T, c *Case)) {
	t.Helper()
	runIn(t, Dir(t), pattern, f)
}

func runIn(t *testing.T, dir, pattern string, f func(t *testing.T, c *Case)) {
	t.Helper()
	for _, folder := range folders(t, dir, pattern) {
		name, err := filepath.Rel(dir, folder)
		if err != nil {
			t.Fatal(err)
		}
		c := &Case{Name: filepath.ToSlash(name), folder: folder}
		t.Run(c.Name, func(t *testing.T) { f(t, c) })
	}
}

func folders(t *testing.T, dir, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil && info.IsDir() {
			out = append(out, p)
		}
	}
	return out
}

// root is the root of the repository: tests run in the directory of their
// package.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test's directory")
		}
		dir = up
	}
}

// Read returns a file of the case, which must be there.
func (c *Case) Read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(c.folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// ReadOptional returns a file of the case, or nothing if there is none.
func (c *Case) ReadOptional(t *testing.T, name string) string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(c.folder, name)); os.IsNotExist(err) {
		return ""
	}
	return c.Read(t, name)
}

// outside is the interface that everything outside is reached by in the cases,
// mac the MAC address that every interface has.
const (
	outside = "vmbr0"
	mac     = "bc:24:11:1d:69:60"
)

// Environment reads the running configuration of a zone case, and the facts of
// its node as the cases have it: it is called localhost, everything outside is
// reached by vmbr0 and from its address, which is therefore the source even of
// IPv6, every bridge exists, and its one port is eth0. A bridge that the
// interfaces file does not know is as vmbr0 is.
func (c *Case) Environment(t *testing.T) (*running.Running, *model.Facts, model.Problems) {
	t.Helper()
	run, problems, err := running.Parse([]byte(c.Read(t, "sdn.json")))
	if err != nil {
		t.Fatal(err)
	}
	file, err := interfaces.Parse(c.Read(t, "interfaces"))
	if err != nil {
		t.Fatal(err)
	}
	f := &model.Facts{Node: "localhost", Interfaces: file.Interfaces()}
	for i := range f.Interfaces {
		f.Interfaces[i].Master = ""
	}
	if f.Interface(outside) == nil {
		f.Interfaces = append(f.Interfaces, model.Interface{Name: outside, Kind: "bridge"})
	}
	seen := map[string]bool{"": true}
	for _, z := range run.Zones {
		if seen[z.Bridge] {
			continue
		}
		seen[z.Bridge] = true
		if f.Interface(z.Bridge) == nil {
			like := *f.Interface(outside)
			f.Interfaces = append(f.Interfaces, model.Interface{Name: z.Bridge, Kind: like.Kind, VLANFiltering: like.VLANFiltering})
		}
		f.Interfaces = append(f.Interfaces, model.Interface{Name: "eth0", Master: z.Bridge})
	}
	for i := range f.Interfaces {
		f.Interfaces[i].MAC = mac
	}
	var src netip.Addr
	if a := f.Interface(outside).Addresses; len(a) > 0 {
		src = a[0].Addr()
	}
	for _, all := range []string{"0.0.0.0/0", "::/0"} {
		f.Routes = append(f.Routes, model.FactRoute{Dst: netip.MustParsePrefix(all), Dev: outside, Src: src})
	}
	return run, f, problems
}
