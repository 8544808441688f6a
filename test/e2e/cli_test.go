package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// demand checks the exit code of a command and what it says.
func (c *cluster) demand(code int, args []string, says ...string) string {
	c.t.Helper()
	r := c.try(args...)
	all := r.out + r.err
	if r.code != code {
		c.t.Errorf("viaduct %s: exit code %d, want %d\n%s", strings.Join(args, " "), r.code, code, all)
	}
	for _, s := range says {
		if !strings.Contains(all, s) {
			c.t.Errorf("viaduct %s does not say %q:\n%s", strings.Join(args, " "), s, all)
		}
	}
	return r.out
}

func (c *cluster) file(name, content string) string {
	c.t.Helper()
	path := filepath.Join(c.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// TestOperator walks through an operator's day on a cluster that runs.
func TestOperator(t *testing.T) {
	c := newCluster(t, 2)
	net := c.file("net.yaml", "kind: zone\nid: zn\ntype: vxlan\npeers: 192.168.0.1,192.168.0.2\n---\nkind: vnet\nid: v1\nzone: zn\ntag: 1\n")

	// A plan changes nothing, an apply does, and a second one has nothing to do.
	c.demand(3, []string{"plan", "-f", net, "--exit-code"}, "+ zone zn", "+ vnet v1", "vxlan_v1", "mtu 1450")
	c.demand(0, []string{"history"}, "no revisions yet")
	c.demand(0, []string{"apply", "-f", net, "-m", "first"}, "revision 1", "node1", "node2", "converged")
	c.demand(0, []string{"apply", "-f", net}, "revision 1")
	c.demand(0, []string{"plan", "-f", net, "--exit-code"})
	if n := c.status().Revision; n != 1 {
		t.Errorf("applying nothing made revision %d", n)
	}

	// Edits are pending until applied; describe and diff show them.
	c.run("create", "vnet", "v2", "zone=zn", "tag=2")
	c.run("set", "vnet", "v1", "alias=Front door")
	c.demand(3, []string{"diff", "--exit-code"}, "v2", "Front door")
	c.demand(0, []string{"describe", "vnet", "v1"}, "Front door", "Pending", "edited by")
	if _, there := c.links("node1")["v2"]; there {
		t.Error("a pending VNet is on a node already")
	}
	// Somebody else's manifest does not carry them along unasked.
	other := c.file("other.yaml", "kind: vnet\nid: v3\nzone: zn\ntag: 3\n")
	c.demand(5, []string{"apply", "-f", other}, "v2", "--with-pending")
	c.run("discard")
	c.demand(0, []string{"diff", "--exit-code"})
	c.demand(0, []string{"apply", "-f", other}, "revision 2")

	// Deleting, and going back.
	c.demand(1, []string{"delete", "zone", "zn"}, "used by vnet")
	c.run("delete", "vnet", "v3")
	c.demand(0, []string{"apply", "-m", "without v3"}, "revision 3")
	c.demand(0, []string{"rollback", "2"}, "revision 4")
	if _, there := c.links("node2")["v3"]; !there {
		t.Error("the rollback did not bring v3 back")
	}
	c.demand(0, []string{"history"}, "without v3", "first")
	c.demand(1, []string{"rollback", "99"}, "99")

	// Bad input is told with its place.
	c.demand(1, []string{"apply", "-f", c.file("bad.yaml", "kind: vnet\nid: v9\nzon: z\n")}, "bad.yaml:3:1", "did you mean zone?")
	c.demand(1, []string{"apply", "-f", c.file("bad.yaml", "kind: vnet\nid: v9\nzone: zn\ntag: 99999999\n")}, "99999999", "16777215")
	c.demand(1, []string{"apply", "-f", c.file("bad.yaml", "kind: vnet\nid: v9\nzone: nowhere\ntag: 9\n")}, "nowhere", "v9")
	c.demand(1, []string{"apply", "-f", "/nowhere/at/all.yaml"}, "/nowhere/at/all.yaml")
	c.demand(2, []string{"plan", "--no-such-flag"}, "no-such-flag")
	c.demand(1, []string{"get", "vnet", "nosuch"}, "nosuch")

	// For programs.
	var vnets []map[string]any
	if err := json.Unmarshal([]byte(c.run("get", "vnets", "-o", "json")), &vnets); err != nil || len(vnets) != 2 {
		t.Errorf("get vnets -o json: %v (%d objects)", err, len(vnets))
	}
	// What get prints can be applied again.
	c.demand(0, []string{"plan", "-f", c.file("again.yaml", c.run("get", "vnets", "-o", "yaml")), "--exit-code"})
	c.stands()
}

// TestNodesJoinAndLeave checks tokens, names and removal.
func TestNodesJoinAndLeave(t *testing.T) {
	c := newCluster(t, 1)
	join := func(token, name string) result {
		return c.exec("node1", binary, "node", "join", "https://192.168.0.254:8006", "--token", token, "--name", name, "--data", t.TempDir())
	}
	token := strings.TrimSpace(c.run("node", "token", "extra"))
	if r := join(token, "other"); r.code == 0 || !strings.Contains(r.err, "extra") {
		t.Errorf("a token for another name was taken: %d %s", r.code, r.err)
	}
	if r := join(token[:len(token)-4]+"0000", "extra"); r.code == 0 {
		t.Error("a token of another cluster was taken")
	}
	if r := join(token, "extra"); r.code != 0 {
		t.Errorf("join: %s", r.err)
	}
	if r := join(token, "extra"); r.code == 0 {
		t.Error("a token was taken twice")
	}
	c.demand(0, []string{"node", "list"}, "extra", "node1")
	c.run("node", "remove", "extra")
	if out := c.run("node", "list"); strings.Contains(out, "extra") {
		t.Errorf("the node is still there:\n%s", out)
	}

	// A node that is removed is told so, and keeps what it has.
	c.apply("kind: zone\nid: zn\ntype: simple\n---\nkind: vnet\nid: v1\nzone: zn\n")
	c.run("node", "remove", "node1")
	c.apply("kind: vnet\nid: v2\nzone: zn\n", "--no-wait")
	if _, there := c.links("node1")["v1"]; !there {
		t.Error("the removed node lost its network")
	}
}
