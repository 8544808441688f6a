package compile_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/render/frr"
	"github.com/viaduct-sdn/viaduct/test/golden"
	"github.com/viaduct-sdn/viaduct/test/requires"
)

// TestGolden compiles manifests for the nodes whose facts stand beside them.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(t *testing.T, c *golden.Case) {
		cfg, live := &model.Config{}, &model.Config{}
		var bindings []*model.Binding
		var out strings.Builder
		for _, name := range c.Names {
			switch filepath.Ext(name) {
			case ".yaml":
				load(t, c.Files[name], cfg, live)
				continue
			case "", ".local":
				continue
			}
			if name == "bindings.json" {
				if err := json.Unmarshal([]byte(c.Files[name]), &bindings); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				continue
			}
			facts := &model.Facts{FRRLocal: c.Files["frr.conf.local"]}
			if err := json.Unmarshal([]byte(c.Files[name]), facts); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			doc := compile.Project(cfg, live, 1, facts.Node)
			doc.Bindings = bindings
			want, notes := compile.Node(doc, facts)
			fmt.Fprintf(&out, "# %s\n", facts.Node)
			for _, n := range notes {
				fmt.Fprintf(&out, "%s: %s: %s [%s]\n", n.Level, n.Object, n.Message, n.Code)
			}
			writeNode(&out, want)
			if want.FRR != nil && !facts.FRR.AutoRT { // a stock FRR does not know what Proxmox's does
				acceptedByFRR(t, facts.Node, frr.Format(want.FRR.Blocks))
			}
		}
		c.Want(t, "want", out.String())
	})
}

func load(t *testing.T, data string, cfg, live *model.Config) {
	t.Helper()
	set, err := manifest.Load([]string{"-"}, strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range model.Kinds() {
		for _, o := range set.Objects {
			if o.ObjectKind() != kind {
				continue
			}
			if !kind.Revisioned() {
				live.Set(o)
			} else if err := cfg.Put(o); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// acceptedByFRR has the real FRR read what a node would get.
func acceptedByFRR(t *testing.T, node, text string) {
	t.Helper()
	vtysh := requires.Program(t, "vtysh")
	path := filepath.Join(t.TempDir(), node)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(vtysh, "-C", "-f", path).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%s: vtysh -C: %v\n%s\n%s", node, err, out, text)
	}
}

// writeNode prints a desired state one element a line.
func writeNode(b *strings.Builder, n *desired.Node) {
	writeSpace(b, &n.Space)
	for i := range n.Spaces {
		fmt.Fprintf(b, "space %s of %s\n", n.Spaces[i].Name, n.Spaces[i].Owner)
		writeSpace(b, &n.Spaces[i].Space)
	}
}

func writeSpace(b *strings.Builder, n *desired.Space) {
	line := func(kind string, v any) {
		j, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(b, "%s %s\n", kind, j)
	}
	for _, e := range n.Links {
		line("link", e)
	}
	for _, e := range n.Addresses {
		line("address", e)
	}
	for _, e := range n.Neighbours {
		line("neighbour", e)
	}
	for _, e := range n.Routes {
		line("route", e)
	}
	for _, e := range n.RouteRules {
		line("route-rule", e)
	}
	for _, e := range n.OVSBridges {
		line("ovs-bridge", e)
	}
	for _, e := range n.OVSPorts {
		line("ovs-port", e)
	}
	for _, e := range n.Ports {
		line("port", e)
	}
	for _, e := range n.Sysctls {
		line("sysctl", e)
	}
	for _, s := range n.DHCP {
		for _, e := range s.Networks {
			line("dhcp "+s.Zone, e)
		}
	}
	for _, t := range n.Tables {
		if t.Name != compile.TableName {
			fmt.Fprintf(b, "table %s %s\n", t.Family, t.Name)
		}
		for _, s := range t.Sets {
			fmt.Fprintf(b, "set %s: %s %s\n", s.Name, s.Type, strings.Join(s.Elements, ", "))
		}
		for _, c := range t.Chains {
			for _, r := range c.Rules {
				fmt.Fprintf(b, "rule %s: %s\n", c.Name, r.Text)
			}
		}
	}
	if n.FRR != nil {
		fmt.Fprintf(b, "daemons %s\n", strings.Join(n.FRR.Daemons, " "))
		for _, k := range n.FRR.Blocks {
			fmt.Fprintf(b, "frr %s: %s\n", k.Owner, k.Head)
			for _, l := range k.Lines {
				fmt.Fprintf(b, "\t%s\n", l)
			}
		}
	}
}
