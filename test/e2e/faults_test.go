package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// generation declares a zone whose VNets and their descriptions change with
// every generation, so that each apply adds, changes and removes.
func generation(g int) string {
	var b strings.Builder
	b.WriteString("kind: zone\nid: gen\ntype: vxlan\npeers: 192.168.0.1,192.168.0.2,192.168.0.3\n")
	for _, i := range generationVNets(g) {
		fmt.Fprintf(&b, "---\nkind: vnet\nid: g%d\nzone: gen\ntag: %d\nalias: generation %d\n", i, 100+i, g)
	}
	return b.String()
}

func generationVNets(g int) []int {
	var out []int
	for i := range 24 {
		if i%3 == 0 || i%5 == g%5 {
			out = append(out, i)
		}
	}
	return out
}

// TestKillsDuringApplies ends the server or an agent with SIGKILL at random
// moments of 50 applies. No edit that was acknowledged may be lost, and in the
// end every node is just what the running revision says.
func TestKillsDuringApplies(t *testing.T) {
	c := newCluster(t, 3)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	path := filepath.Join(t.TempDir(), "gen.yaml")
	acknowledged := 0
	for g := range 50 {
		if err := os.WriteFile(path, []byte(generation(g)), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, v := range leftovers(g) {
			c.try("delete", "vnet", v)
		}
		victim := []string{"server", "node1", "node2", "node3"}[rnd.IntN(4)]
		pid := c.alive(victim)
		moment := time.Duration(rnd.IntN(250)) * time.Millisecond
		killed := make(chan error, 1)
		timer := time.AfterFunc(moment, func() { killed <- unix.Kill(pid, unix.SIGKILL) })
		first := c.try("apply", "-f", path, "--with-pending", "--no-wait", "-m", fmt.Sprintf("generation %d", g))
		if err := <-killed; err != nil && !errors.Is(err, unix.ESRCH) {
			t.Fatal(err)
		}
		timer.Stop()
		c.labRun("up")
		if first.code == 0 && !strings.Contains(c.run("history", "-n", "0"), fmt.Sprintf("generation %d\n", g)) {
			t.Fatalf("generation %d was acknowledged and is lost:\n%s", g, c.run("history"))
		}
		if first.code != 0 {
			// The server died over it: whether it was applied is open, and
			// asking again settles it either way.
			for _, v := range leftovers(g) {
				c.try("delete", "vnet", v)
			}
			c.run("apply", "-f", path, "--with-pending", "--no-wait", "-m", fmt.Sprintf("generation %d", g))
		}
		acknowledged = g
		if t.Failed() {
			return
		}
	}
	c.run("apply", "-m", "the rest") // deletions that a kill kept from being applied
	c.stands()

	want := []string{}
	for _, i := range generationVNets(acknowledged) {
		want = append(want, fmt.Sprintf("g%d", i), fmt.Sprintf("vxlan_g%d", i))
	}
	slices.Sort(want)
	for _, n := range []string{"node1", "node2", "node3"} {
		var have []string
		for name, l := range c.links(n) {
			if name == "lo" || name == "eth0" {
				continue
			}
			have = append(have, name)
			if strings.HasPrefix(name, "g") && l.Alias != fmt.Sprintf("generation %d", acknowledged) {
				t.Errorf("%s: %s is of %q, want generation %d", n, name, l.Alias, acknowledged)
			}
		}
		slices.Sort(have)
		if !slices.Equal(have, want) {
			t.Errorf("%s has\n%v, want\n%v", n, have, want)
		}
	}
}

// leftovers are the VNets of the generation before that this one has no more.
func leftovers(g int) []string {
	if g == 0 {
		return nil
	}
	var out []string
	now := generationVNets(g)
	for _, i := range generationVNets(g - 1) {
		if !slices.Contains(now, i) {
			out = append(out, fmt.Sprintf("g%d", i))
		}
	}
	return out
}

// TestForeignInterface checks that an interface which is not ours is left just
// as it is, is named in the error, and keeps nothing else from being applied.
func TestForeignInterface(t *testing.T) {
	c := newCluster(t, 2)
	c.in("node1", "ip", "link", "add", "vnet1", "type", "bridge")
	c.in("node1", "ip", "addr", "add", "10.99.0.1/24", "dev", "vnet1")
	before := c.in("node1", "ip", "-details", "addr", "show", "vnet1")

	path := filepath.Join(t.TempDir(), "m.yaml")
	manifest := "kind: zone\nid: zn\ntype: simple\n---\nkind: vnet\nid: vnet1\nzone: zn\n---\nkind: vnet\nid: vnet2\nzone: zn\n---\n" +
		"kind: subnet\nid: 10.1.0.0/24\nvnet: vnet1\ngateway: 10.1.0.1\n"
	if err := os.WriteFile(path, []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	says := "interface vnet1 (bridge) exists on this node and was not made by Viaduct"
	c.eventually(time.Minute, func() error {
		if r := c.try("plan", "-f", path); r.code != 6 || !strings.Contains(r.out, says) {
			return fmt.Errorf("the plan does not tell of the interface (exit code %d)\n%s%s", r.code, r.out, r.err)
		}
		return nil
	})
	if r := c.try("apply", "-f", path); r.code != 6 || !strings.Contains(r.err, "vnet/vnet1 on node1") {
		t.Errorf("exit code %d, want 6 (refused, because of the plan's errors): %s", r.code, r.err)
	}
	r := c.try("apply", "--allow-errors", "-f", path)
	if r.code != 4 {
		t.Errorf("exit code %d, want 4 (applied, but a node is degraded)", r.code)
	}
	if all := r.out + r.err; !strings.Contains(all, "vnet1") || !strings.Contains(all, "node1") || !strings.Contains(all, "not made by Viaduct") {
		t.Errorf("the conflict is not explained:\n%s", all)
	}
	if after := c.in("node1", "ip", "-details", "addr", "show", "vnet1"); after != before {
		t.Errorf("the foreign interface was changed:\n%s\nbefore:\n%s", after, before)
	}
	if _, ok := c.links("node1")["vnet2"]; !ok {
		t.Error("vnet2 was not made on node1")
	}
	if _, ok := c.links("node2")["vnet1"]; !ok {
		t.Error("vnet1 was not made on node2")
	}
	// Once it is out of the way the node completes by itself.
	c.in("node1", "ip", "link", "del", "vnet1")
	c.eventually(10*time.Second, func() error {
		if s := c.node("node1").State; s != protocol.Converged {
			return fmt.Errorf("node1 is %s", s)
		}
		return nil
	})
	c.stands()
}

// TestDriftIsRepaired breaks what stands on a node in every way an operator can.
func TestDriftIsRepaired(t *testing.T) {
	c := newCluster(t, 2)
	c.apply(twoOfEach)
	c.labRun("guest", "start", "--all")
	for _, tc := range []struct {
		name   string
		damage []string
		tells  string // in the reported drift
	}{
		{"a bridge is deleted", []string{"ip", "link", "del", "oa"}, "link oa"},
		{"a VXLAN device is deleted", []string{"ip", "link", "del", "vxlan_oa"}, "link vxlan_oa"},
		{"an address is added", []string{"ip", "addr", "add", "10.66.0.1/24", "dev", "va"}, "10.66.0.1/24"},
		{"the gateway address is removed", []string{"ip", "addr", "del", "10.1.0.1/24", "dev", "va"}, "10.1.0.1/24"},
		{"an MTU is changed", []string{"ip", "link", "set", "vxlan_ob", "mtu", "1300"}, "1300"},
		{"a bridge is taken down", []string{"ip", "link", "set", "oa2", "down"}, "link oa2"},
		{"a port is taken out of its bridge", []string{"ip", "link", "set", "vxlan_oa", "nomaster"}, "vxlan_oa"},
		{"a flood entry is removed", []string{"bridge", "fdb", "del", "00:00:00:00:00:00", "dev", "vxlan_oa", "dst", "192.168.0.2"}, "192.168.0.2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := time.Now()
			c.in("node1", tc.damage...)
			c.eventually(10*time.Second, func() error {
				for _, d := range c.node("node1").Report.Drift {
					if d.Time.After(before) && strings.Contains(d.Change.String(), tc.tells) {
						return nil
					}
				}
				return fmt.Errorf("no drift is reported that tells of %q: %v", tc.tells, c.node("node1").Report.Drift)
			})
			c.stands()
		})
	}
	// As reloading the host's own nftables does.
	c.in("node1", "nft", "flush", "ruleset")
	c.eventually(5*time.Second, func() error {
		if r := c.exec("node1", "nft", "list", "table", "inet", "viaduct"); r.code != 0 {
			return fmt.Errorf("the table is not back: %s", r.err)
		}
		return nil
	})
	c.stands()
	c.answers("ga", "198.51.100.1")
	c.answers("ha", "10.9.0.2")
	if out := c.run("status"); !strings.Contains(out, "oa") {
		t.Errorf("the status does not tell of the drift:\n%s", out)
	}
}

// TestServerGone shows what a node does without a server: everything but take
// new revisions. It repairs, it boots, its guests talk.
func TestServerGone(t *testing.T) {
	c := newCluster(t, 2)
	c.apply(twoOfEach)
	c.labRun("guest", "start", "--all")
	c.answers("ha", "10.9.0.2")
	c.kill("server")

	c.answers("ha", "10.9.0.2")
	c.in("node1", "ip", "link", "del", "vxlan_oa")
	c.stands()
	c.answers("ha", "10.9.0.2")

	// As after a reboot: nothing stands, and only the disk says what shall.
	c.kill("node1")
	c.in("node1", "ip", "link", "del", "group", fmt.Sprint(0x76696164))
	c.in("node1", "nft", "flush", "ruleset")
	ns, err := c.lab.Namespace("node1")
	if err != nil {
		t.Fatal(err)
	}
	agent := exec.Command("ip", "netns", "exec", ns, binary, "agent", "--data", filepath.Join(c.lab.Dir, "nodes", "node1"))
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = agent.Process.Kill()
		_ = agent.Wait()
	}()
	c.stands()
	c.answers("ha", "10.9.0.2")
	c.answers("ga", "198.51.100.1")

	// The server comes back with everything it knew, and the nodes find it.
	c.labRun("up")
	c.apply("kind: vnet\nid: late\nzone: xa\ntag: 99\n")
	if _, ok := c.links("node1")["late"]; !ok {
		t.Error("node1 did not take the new revision")
	}
	c.stands()
}

// TestAgentDiskFull: a revision that cannot be kept is not applied, and the node
// says so.
func TestAgentDiskFull(t *testing.T) {
	c := newCluster(t, 2)
	c.apply(generation(0))
	data := filepath.Join(c.lab.Dir, "nodes", "node1")
	c.kill("node1")
	small := t.TempDir()
	if out, err := exec.Command("cp", "-a", data+"/.", small).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := unix.Mount("tmpfs", data, "tmpfs", 0, "size=128k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(data, unix.MNT_DETACH) })
	if out, err := exec.Command("cp", "-a", small+"/.", data).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c.labRun("up")
	filler := filepath.Join(data, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	before := c.links("node1")
	path := filepath.Join(t.TempDir(), "m.yaml")
	if err := os.WriteFile(path, []byte(generation(1)), 0o644); err != nil {
		t.Fatal(err)
	}
	r := c.try("apply", "-f", path, "--timeout", "5s")
	if r.code != 4 {
		t.Errorf("exit code %d, want 4\n%s%s", r.code, r.out, r.err)
	}
	c.eventually(15*time.Second, func() error {
		n := c.node("node1")
		if n.Report == nil || !strings.Contains(n.Report.Message, "no space left") {
			return fmt.Errorf("node1 does not say that its disk is full: %+v", n.Report)
		}
		return nil
	})
	if after := c.links("node1"); len(after) != len(before) {
		t.Errorf("node1 has %d links, had %d: it applied what it could not keep", len(after), len(before))
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	c.eventually(20*time.Second, func() error {
		if n := c.node("node1"); n.State != protocol.Converged || n.Report.Revision != c.status().Revision {
			return fmt.Errorf("node1 is %s at revision %d", n.State, n.Report.Revision)
		}
		return nil
	})
	c.stands()
}

// TestUnderlayAddressIsLost: without an address a node has no tunnels, but its
// guests keep each other, their NICs and their MTU; with the address all is as it
// was.
func TestUnderlayAddressIsLost(t *testing.T) {
	c := newCluster(t, 3)
	c.example("vxlan")
	c.labRun("guest", "add", "near", "--vnet", "vxvnet1", "--node", "node1", "--ip", "10.0.3.110")
	c.answers("vm1", "10.0.3.101")

	c.in("node1", "ip", "addr", "flush", "dev", "eth0")
	c.eventually(10*time.Second, func() error {
		if _, there := c.links("node1")["vxlan_vxvnet1"]; there {
			return errors.New("the tunnel is still there")
		}
		return nil
	})
	c.answers("vm1", "10.0.3.110")
	c.silent("vm1", "10.0.3.101")
	if l := c.links("node1"); l["vxvnet1"].MTU != 1450 || l["veth100i0"].Master != "vxvnet1" {
		t.Errorf("bridge %+v, NIC %+v", l["vxvnet1"], l["veth100i0"])
	}

	c.in("node1", "ip", "addr", "add", "192.168.0.1/24", "dev", "eth0")
	c.eventually(10*time.Second, func() error {
		if _, there := c.links("node1")["vxlan_vxvnet1"]; !there {
			return errors.New("the tunnel is not back")
		}
		return nil
	})
	c.answers("vm1", "10.0.3.101")
	c.stands()
}

// An interface by which answers come is told not to forward, by ifupdown2 or by hand:
// guests would be cut off from all that is outside. It is repaired at once and told.
func TestUplinkForwardingIsRepaired(t *testing.T) {
	c := newCluster(t, 1)
	c.apply("{kind: zone, id: natz, type: simple}\n---\n{kind: vnet, id: lan1, zone: natz}\n---\n{kind: subnet, id: 10.77.0.0/24, vnet: lan1, gateway: 10.77.0.1, snat: true}\n")
	c.labRun("guest", "add", "g1", "--vnet", "lan1", "--node", "node1")
	c.answers("g1", "198.51.100.1")
	const key = "net.ipv4.conf.eth0.forwarding"
	c.in("node1", "sysctl", "-qw", key+"=0")
	c.eventually(10*time.Second, func() error {
		if got := strings.TrimSpace(c.in("node1", "sysctl", "-n", key)); got != "1" {
			return fmt.Errorf("%s is %s", key, got)
		}
		return nil
	})
	c.answers("g1", "198.51.100.1")
	c.eventually(10*time.Second, func() error {
		if out := c.run("status"); !strings.Contains(out, key) {
			return fmt.Errorf("the status does not tell of %s:\n%s", key, out)
		}
		return nil
	})
}
