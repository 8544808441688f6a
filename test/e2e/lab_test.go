package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLabTwice(t *testing.T) {
	c := newCluster(t, 2)
	c.apply(generation(0))
	first, second := c.pid("server"), 0
	c.labRun("up")
	if second = c.pid("server"); first != second {
		t.Errorf("a second `lab up` restarted the server: %d, then %d", first, second)
	}
	if r := c.try(c.labArgs([]string{"up", "--nodes", "3"})...); r.code == 0 || !strings.Contains(r.err, "lab down") {
		t.Errorf("another shape was taken: %d %s", r.code, r.err)
	}
	c.labRun("guest", "add", "vm1", "--vnet", "g0", "--node", "node1", "--ip", "10.0.0.1")
	c.labRun("guest", "add", "vm2", "--vnet", "g0", "--node", "node2", "--ip", "10.0.0.2")
	c.labRun("guest", "start", "--all")
	c.answers("vm1", "10.0.0.2")
	if r := c.try(c.labArgs([]string{"guest", "add", "vm1", "--vnet", "g0", "--node", "node1"})...); r.code == 0 {
		t.Error("a second guest called vm1 was taken")
	}
	if out := c.labRun("status"); strings.Count(out, "running") != 6 {
		t.Errorf("lab status:\n%s", out)
	}
	c.labRun("guest", "rm", "vm2")
	c.silent("vm1", "10.0.0.2")
	if out := c.run("get", "guests"); strings.Contains(out, "vm2") {
		t.Errorf("vm2 is still declared:\n%s", out)
	}
	c.labRun("down")
	c.mustBeGone()
}

func TestLabFile(t *testing.T) {
	c := plannedCluster(t)
	path := filepath.Join(t.TempDir(), "lab.yaml")
	if err := os.WriteFile(path, []byte("nodes:\n- name: pve1\n- name: pve2\n  address: 10.10.0.50\nunderlay: 10.10.0.0/24\nmtu: 9000\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c.labRun("up", "--file", path)
	if err := c.lab.Open(); err != nil {
		t.Fatal(err)
	}
	c.apply("kind: zone\nid: zn\ntype: vxlan\npeers: 10.10.0.1,10.10.0.50\n---\nkind: vnet\nid: vv\nzone: zn\ntag: 1\n")
	if mtu := c.links("pve2")["vv"].MTU; mtu != 8950 {
		t.Errorf("MTU %d on an underlay of 9000, want 8950", mtu)
	}
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("nodes:\n- nam: pve1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := c.try(c.labArgs([]string{"up", "--file", bad})...); r.code == 0 || !strings.Contains(r.err, "nam") {
		t.Errorf("a misspelt file was taken: %s", r.err)
	}
}

// TestLabKilled ends `lab up` at several moments; whatever was made by then,
// the lab can be completed, and removed without a trace.
func TestLabKilled(t *testing.T) {
	for _, moment := range []time.Duration{20, 60, 150, 400, 900, 1500} {
		t.Run(fmt.Sprint(moment), func(t *testing.T) {
			c := plannedCluster(t)
			ctx, cancel := context.WithTimeout(t.Context(), moment*time.Millisecond)
			defer cancel()
			cmd := exec.CommandContext(ctx, binary, c.labArgs([]string{"up", "--nodes", "2"})...) // SIGKILL at the end of ctx
			_ = cmd.Run()
			if moment == 400 {
				c.labRun("up")
				if err := c.lab.Open(); err != nil {
					t.Fatal(err)
				}
				c.apply(generation(0))
				c.stands()
			}
			c.labRun("down")
			c.mustBeGone()
		})
	}
}
