package pveapi_test

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// wireGuardNode is what a request to make or change a node of a fabric says.
func wireGuardNode(fields ...string) string {
	q := url.Values{"protocol": {"wireguard"}}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		q.Add(name, value)
	}
	return q.Encode()
}

// TestWireGuardFabrics makes a fabric of two nodes of the cluster and one outside, as
// the web interface of Proxmox VE does, changes it, and lets it go.
func TestWireGuardFabrics(t *testing.T) {
	e, root := sdnEnv(t)
	const fabric, node = "/cluster/sdn/fabrics/fabric", "/cluster/sdn/fabrics/node/wg"
	const outside = "O+Kzrochm6klMILjSKVw83xb3YyXXLpmZj9n/ICM5xE="
	call := func(want int, method, path, body string) answer {
		t.Helper()
		got := e.call(t, root, method, path, body)
		if got.Status != want {
			t.Fatalf("%s %s %s: %d %s", method, path, body, got.Status, got.body)
		}
		return got
	}
	call(200, "POST", fabric, "id=wg&protocol=wireguard&persistent_keepalive=25&digest=")
	call(200, "POST", node, wireGuardNode("node_id=hub", "role=external", "endpoint=vpn.example.com:51820", "public_key="+outside, "allowed_ips=10.9.0.0/16,fd00::/48"))
	call(200, "POST", node, wireGuardNode("node_id=a", "role=internal", "endpoint=192.0.2.1", "interfaces=name=wg0,listen_port=51820,ip=10.8.0.1/24", "interfaces=name=wg1,listen_port=51821"))
	call(200, "POST", node, wireGuardNode("node_id=b", "role=internal", "endpoint=b.example.com", "interfaces=name=wg0,listen_port=51820",
		"peers=type=internal,node=a,node_iface=wg0,iface=wg0,skip_route_generation=1", "peers=type=external,node=hub,iface=wg0,allowed_ips=10.1.0.0/16;10.2.0.0/16"))
	a := e.get(t, root, node+"/a").(object)
	interfaces := a["interfaces"].([]any)
	key := regexp.MustCompile(`^name=wg0,listen_port=51820,public_key=([A-Za-z0-9+/]{43}=),ip=10\.8\.0\.1/24$`).FindStringSubmatch(interfaces[0].(string))
	if key == nil || !model.IsWireGuardKey(key[1]) || a["role"] != "internal" || a["protocol"] != "wireguard" || a["endpoint"] != "192.0.2.1" {
		t.Fatalf("%v", a)
	}
	if hub := e.get(t, root, node+"/hub").(object); hub["public_key"] != outside || len(hub["allowed_ips"].([]any)) != 2 {
		t.Errorf("%v", hub)
	}
	b := e.get(t, root, node+"/b").(object)["peers"].([]any)
	if b[0] != "type=internal,node=a,node_iface=wg0,iface=wg0,skip_route_generation=1" || b[1] != "type=external,node=hub,iface=wg0,allowed_ips=10.1.0.0/16;10.2.0.0/16" {
		t.Errorf("%v", b)
	}
	// A key is that of the interface, whatever a client says.
	call(200, "PUT", node+"/a", wireGuardNode("node_id=a", "endpoint=192.0.2.1", "interfaces=name=wg0,listen_port=51825,public_key="+outside))
	a = e.get(t, root, node+"/a").(object)
	if want := "name=wg0,listen_port=51825,public_key=" + key[1]; a["interfaces"].([]any)[0] != want {
		t.Errorf("%v, want %s", a["interfaces"], want)
	}
	call(200, "PUT", node+"/b", wireGuardNode("delete=endpoint", "delete=peers", "allowed_ips=10.7.0.0/16"))
	call(200, "PUT", fabric+"/wg", "protocol=wireguard&delete=persistent_keepalive")
	if f := e.get(t, root, fabric+"/wg").(object); f["persistent_keepalive"] != nil {
		t.Errorf("%v", f)
	}
	for body, want := range map[string]string{
		wireGuardNode("node_id=c", "endpoint=x"):                                                                                                 "missing value for required option 'role'",
		wireGuardNode("node_id=c", "role=external", "endpoint=host", "public_key="+outside):                                                      "write it like vpn.example.com:51820",
		wireGuardNode("node_id=c", "role=external", "endpoint=host:1"):                                                                           "is not the public key",
		wireGuardNode("node_id=c", "role=internal", "interfaces=name=wg0,listen_port=1", "interfaces=name=wg1,listen_port=1"):                    "already the port of interface wg0",
		wireGuardNode("node_id=c", "role=internal", "interfaces=name=wg0"):                                                                       "listen-port: is missing: the UDP port",
		wireGuardNode("node_id=c", "role=internal", "interfaces=name=much-too-long,listen_port=1"):                                               "no name for a WireGuard interface",
		wireGuardNode("node_id=c", "role=internal", "peers=type=internal,node=a,node_iface=wg0,iface=wg0"):                                       "is no interface of this node",
		wireGuardNode("node_id=c", "role=internal", "interfaces=name=wg0,listen_port=1", "peers=type=external,node=a,iface=wg0"):                 "is not the role of node a",
		wireGuardNode("node_id=c", "role=internal", "interfaces=name=wg0,listen_port=1", "peers=type=internal,node=z,iface=wg0"):                 "declare fabric-node wg_z first",
		wireGuardNode("node_id=c", "role=internal", "interfaces=name=wg0,listen_port=1", "peers=type=internal,node=a,node_iface=eth0,iface=wg0"): "is no interface of node a",
	} {
		if got := call(500, "POST", node, body); !strings.Contains(got.Message, want) {
			t.Errorf("%s: %s, want %q", body, got.Message, want)
		}
	}
	if got := call(400, "POST", node, wireGuardNode("node_id=c", "role=internal", "allowed_ips=10.0.0.256/8")); got.Errors["allowed_ips"] == "" {
		t.Errorf("%v", got.Errors)
	}
	if got := call(500, "PUT", node+"/b", wireGuardNode("role=external", "public_key="+outside, "endpoint=x:1")); !strings.Contains(got.Message, "cannot change role") {
		t.Errorf("%s", got.Message)
	}
	if got := call(500, "POST", "/cluster/sdn/zones", "zone=z1&type=vxlan&fabric=wg"); !strings.Contains(got.Message, "does not run") {
		t.Errorf("%s", got.Message)
	}
	call(200, "DELETE", node+"/b", "")
	call(200, "DELETE", fabric+"/wg", "")
	// A node that comes back has the key that others know.
	call(200, "POST", fabric, "id=wg&protocol=wireguard")
	call(200, "POST", node, wireGuardNode("node_id=a", "role=internal", "interfaces=name=wg0,listen_port=1"))
	if got := e.get(t, root, node+"/a").(object)["interfaces"].([]any)[0]; got != "name=wg0,listen_port=1,public_key="+key[1] {
		t.Errorf("%v", got)
	}
	// Private keys are apart, and nobody reads them.
	records, _, err := e.store.List(t.Context(), "wireguard-keys/", "")
	if err != nil || len(records) < 3 {
		t.Fatalf("%d private keys, %v", len(records), err)
	}
	all := e.call(t, root, "GET", "/cluster/sdn/fabrics/all?pending=1", "").body
	for _, r := range records {
		if private := base64.StdEncoding.EncodeToString(r.Value); len(r.Value) != 32 || strings.Contains(all, private) {
			t.Errorf("%s: %d bytes, in %s", r.Key, len(r.Value), all)
		}
	}
}
