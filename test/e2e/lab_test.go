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

// What runs on a machine of the lab changes nothing of the host's or of another
// machine's: its resolver, its files, its processes, its name. What it leaves in the
// background ends with it.
func TestLabIsClosed(t *testing.T) {
	watched := []string{"/etc/resolv.conf", "/etc/hosts", "/etc/hostname"}
	read := func() string {
		var all []string
		for _, path := range watched {
			b, err := os.ReadFile(path)
			all = append(all, fmt.Sprint(path, string(b), err))
		}
		return strings.Join(all, "\n")
	}
	before := read()
	c := newCluster(t, 3)
	c.example("dhcp")
	for _, guest := range []string{"vm1", "vm2"} {
		// As a distribution has it: its script writes the resolver and replaces the file.
		c.in(guest, "ip", "addr", "flush", "dev", "eth0", "scope", "global")
		c.in(guest, "dhclient", "-1", "eth0")
		if got := c.in(guest, "cat", "/etc/resolv.conf"); !strings.Contains(got, "nameserver 10.0.4.53") {
			t.Errorf("the resolver of %s is\n%s", guest, got)
		}
		c.in(guest, "sh", "-c", "echo "+guest+" > /var/lib/viaduct-lab-test; echo "+guest+" > /run/viaduct-lab-test; echo 192.0.2.1 x > /etc/hosts.new; mv /etc/hosts.new /etc/hosts")
	}
	c.answers("vm1", "10.0.4.101")
	if got := read(); got != before {
		t.Errorf("the host's files were\n%s\nand are\n%s", before, got)
	}
	for _, path := range []string{"/var/lib/viaduct-lab-test", "/run/viaduct-lab-test"} {
		if _, err := os.Stat(path); err == nil {
			_ = os.Remove(path)
			t.Errorf("a guest wrote the host's %s", path)
		}
		if got := c.in("vm1", "cat", path); got != "vm1\n" {
			t.Errorf("%s of vm1 holds %q", path, got)
		}
	}
	for _, machine := range []string{"vm1", "node2", "outside"} {
		if got := c.in(machine, "hostname"); got != machine+"\n" {
			t.Errorf("%s is called %q", machine, got)
		}
	}
	c.in("node1", "sh", "-c", "echo test > /etc/resolv.conf")
	if got := read(); got != before {
		t.Errorf("node1 changed the host's files to\n%s", got)
	}
	if r := c.exec("node1", binary, "agent", "check"); r.code != 0 {
		t.Errorf("agent check, as typed on a node: %d %s%s", r.code, r.out, r.err)
	}

	pid := strings.TrimSpace(c.in("vm1", "sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"))
	c.labRun("guest", "rm", "vm1")
	if state := processState(pid); state != "" && state != "Z" {
		t.Errorf("the guest is gone and its process %s goes on (%s)", pid, state)
	}
	pid = strings.TrimSpace(c.in("node1", "sh", "-c", "trap '' TERM; sleep 1000 >/dev/null 2>&1 & echo $!"))
	c.labRun("down")
	c.mustBeGone()
	if state := processState(pid); state != "" && state != "Z" {
		t.Errorf("the lab is gone and its process %s goes on (%s)", pid, state)
	}
}

// processState is the letter of a process's state (proc(5)), empty if it is gone.
func processState(pid string) string {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	state, _, _ := strings.Cut(rest, " ")
	return state
}

// The lab that the environment names is meant, by lab and by all other commands.
func TestLabByVariable(t *testing.T) {
	c := newCluster(t, 1)
	name := "v" + c.lab.Name
	t.Setenv("VIADUCT_LAB", name)
	run := func(args ...string) (string, error) {
		cmd := exec.Command(binary, args...)
		cmd.Env = append(os.Environ(), "NO_COLOR=1")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("get", "nodes"); err == nil || !strings.Contains(out, "lab "+name+" of VIADUCT_LAB does not run") {
		t.Errorf("without the lab: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := run("lab", "down"); err != nil {
			t.Errorf("lab down: %v %s", err, out)
		}
	})
	if out, err := run("lab", "up", "--nodes", "2"); err != nil || !strings.Contains(out, "lab "+name+" runs: 2 nodes") {
		t.Fatalf("lab up: %v %s", err, out)
	}
	if out, err := run("get", "nodes"); err != nil || !strings.Contains(out, "node2") {
		t.Errorf("get nodes: %v %s", err, out)
	}
	if out := c.run("get", "nodes"); strings.Contains(out, "node2") {
		t.Errorf("VIADUCT_SERVER comes first, but:\n%s", out)
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
