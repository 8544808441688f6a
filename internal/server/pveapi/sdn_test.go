package pveapi_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// sdnEnv is an API with networks, and the header of an administrator.
func sdnEnv(t testing.TB) (*env, string) {
	t.Helper()
	e := newEnv(t, nil)
	return e, e.user(t, access.RootUser, "", "")
}

// step is a request, its body in the form "a=1&b=2" or JSON, and what comes of it:
// the data as JSON, or the text of an error after its status.
type step struct{ method, path, body, want string }

// live makes requests one after the other.
func (e *env) live(t *testing.T, auth string, steps []step) {
	t.Helper()
	for _, s := range steps {
		a := e.call(t, auth, s.method, s.path, s.body)
		var got string
		if a.Status != 200 {
			got = strconv.Itoa(a.Status) + " " + strings.TrimSpace(a.Message)
			for _, name := range slices.Sorted(maps.Keys(a.Errors)) {
				got += " | " + name + ": " + a.Errors[name]
			}
			if a.Reason != firstLine(a.Message) {
				t.Errorf("%s %s: reason %q, message %q", s.method, s.path, a.Reason, a.Message)
			}
		} else {
			got = data(t, a)
		}
		if d := cmp.Diff(s.want, got); d != "" {
			t.Errorf("%s %s %s:\n%s", s.method, s.path, s.body, d)
		}
	}
}

// data is what an answer holds, without digests, as JSON with sorted keys.
func data(t *testing.T, a answer) string {
	t.Helper()
	strip(a.Data)
	b, err := json.Marshal(a.Data)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func strip(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "digest")
		for _, x := range v {
			strip(x)
		}
	case []any:
		for _, x := range v {
			strip(x)
		}
	}
}

func firstLine(s string) string { line, _, _ := strings.Cut(s, "\n"); return line }

const zones, vnets = "/cluster/sdn/zones", "/cluster/sdn/vnets"

// The life of zones of all types, as a declarative client lives it.
func TestZonesLive(t *testing.T) {
	e, root := sdnEnv(t)
	e.live(t, root, []step{
		{"GET", zones, "", `[]`},
		{"POST", zones, "zone=simple1&type=simple&mtu=9000&ipam=pve&nodes=b,a&dhcp=dnsmasq", `null`},
		{"POST", zones, "zone=vlan1&type=vlan&bridge=vmbr0", `null`},
		{"POST", zones, `{"zone":"qinq1","type":"qinq","bridge":"vmbr0","tag":100,"vlan-protocol":"802.1ad"}`, `null`},
		{"POST", zones, "zone=vxlan1&type=vxlan&peers=192.0.2.1,192.0.2.2&vxlan-port=4790", `null`},
		{"POST", "/cluster/sdn/controllers", "controller=ctl&type=evpn&asn=65000&peers=192.0.2.1,192.0.2.2", `null`},
		{"POST", zones, `{"zone":"evpn1","type":"evpn","controller":"ctl","vrf-vxlan":10000,"mac":"BC:24:11:00:00:01","exitnodes":"n2,n1","advertise-subnets":false,"rt-import":"65000:1"}`, `null`},
		{"GET", zones + "/simple1", "", `{"dhcp":"dnsmasq","ipam":"pve","mtu":9000,"nodes":"a,b","type":"simple","zone":"simple1"}`},
		{"GET", zones + "/evpn1", "", `{"advertise-subnets":0,"controller":"ctl","exitnodes":"n1,n2","mac":"BC:24:11:00:00:01","rt-import":"65000:1","type":"evpn","vrf-vxlan":10000,"zone":"evpn1"}`},
		{"GET", zones + "?type=qinq", "", `[{"bridge":"vmbr0","tag":100,"type":"qinq","vlan-protocol":"802.1ad","zone":"qinq1"}]`},
		{"GET", zones + "/vlan1?pending=1", "", `{"pending":{"bridge":"vmbr0"},"state":"new","type":"vlan","zone":"vlan1"}`},
		{"GET", zones + "?running=1", "", `[]`},
		{"GET", zones + "/vlan1?running=1", "", `500 sdn 'vlan1' does not exist`},
		{"PUT", zones + "/simple1", "mtu=1400&delete=nodes,dhcp", `null`},
		{"GET", zones + "/simple1", "", `{"ipam":"pve","mtu":1400,"type":"simple","zone":"simple1"}`},
		{"DELETE", zones + "/vlan1", "", `null`},
		{"GET", zones + "/vlan1", "", `500 sdn 'vlan1' does not exist`},
	})
}

// What a client may get wrong, and the words that it looks for.
func TestZonesRefuse(t *testing.T) {
	e, root := sdnEnv(t)
	const failed = "create sdn zone object failed: "
	const locked = "error during cfs-locked 'domain-sdn' operation: "
	e.live(t, root, []step{
		{"POST", zones, "zone=z1&type=simple", `null`},
		{"POST", zones, "zone=z1&type=simple", "500 " + failed + locked + "sdn zone object ID 'z1' already defined"},
		{"POST", zones, "zone=toolongname&type=simple", `400 Parameter verification failed. | zone: invalid format - zone ID 'toolongname' can't be more length than 8 characters`},
		{"POST", zones, "zone=z2&type=magic", `400 Parameter verification failed. | type: value 'magic' does not have a value in the enumeration 'evpn, qinq, simple, vlan, vxlan'`},
		{"POST", zones, "zone=z2&type=vxlan&vxlan-port=70000&peers=nowhere", `400 Parameter verification failed. | peers: invalid format - value does not look like a valid IP address | vxlan-port: value must have a maximum value of 65536`},
		{"POST", zones, "zone=z2&type=simple&colour=red", `400 Parameter verification failed. | colour: property is not defined in schema and the schema does not allow additional properties`},
		{"POST", zones, "zone=z2&type=simple&bridge=vmbr0", `500 unexpected property 'bridge'`},
		{"POST", zones, "zone=z2&type=vlan", `500 missing value for required option 'bridge'`},
		{"POST", zones, "zone=z2&type=evpn&controller=none&vrf-vxlan=5", "500 " + failed + locked + "controller none don't exist"},
		{"POST", zones, "zone=z2&type=vxlan", "500 " + failed + "400 Parameter verification failed.\nfabric: must have exactly one of peers / fabric defined\npeers: must have exactly one of peers / fabric defined"},
		{"POST", zones, "zone=z2&type=simple&dnszone=example.com", "500 " + failed + "400 Parameter verification failed.\ndnszone: missing dns server"},
		{"POST", zones, "zone=z2&type=simple&ipam=nb", "500 " + failed + locked + "ipam 'nb' does not exist"},
		{"PUT", zones + "/none", "mtu=1400", "500 update sdn zone object failed: " + locked + "sdn 'none' does not exist"},
		{"PUT", zones + "/z1", "mtu=1400&delete=mtu", "500 update sdn zone object failed: " + locked + "cannot set and delete property 'mtu' at the same time!"},
		{"PUT", zones + "/z1", "digest=0000&mtu=1400", "500 update sdn zone object failed: " + locked + "detected modified configuration - file changed by other user? Try again."},
		{"POST", vnets, "vnet=v1&zone=z1", `null`},
		{"DELETE", zones + "/z1", "", "500 delete sdn zone object failed: " + locked + "zone z1 is used by vnet v1"},
	})
}

func TestVNetsAndSubnetsLive(t *testing.T) {
	e, root := sdnEnv(t)
	const failed, locked = "create sdn vnet object failed: ", "error during cfs-locked 'domain-sdn' operation: "
	six := url.PathEscape("z1-2001:DB8::-64")
	e.live(t, root, []step{
		{"POST", zones, "zone=z1&type=simple", `null`},
		{"POST", zones, "zone=z2&type=vxlan&peers=192.0.2.1", `null`},
		{"POST", vnets, "vnet=v1&zone=z1&alias=an+(odd)+one&isolate-ports=1", `null`},
		{"POST", vnets, "vnet=v2&zone=z2&tag=5000&vlanaware=on", `null`},
		{"GET", vnets, "", `[{"alias":"an (odd) one","isolate-ports":1,"type":"vnet","vnet":"v1","zone":"z1"},{"tag":5000,"type":"vnet","vlanaware":1,"vnet":"v2","zone":"z2"}]`},
		{"GET", vnets + "/v1?pending=1", "", `{"pending":{"alias":"an (odd) one","isolate-ports":1,"zone":"z1"},"state":"new","type":"vnet","vnet":"v1"}`},
		{"POST", vnets, "vnet=v3&zone=none", "500 " + failed + locked + "cannot lookup undefined type!"},
		{"POST", vnets, "vnet=v3&zone=z1&tag=7", "500 " + failed + "400 Parameter verification failed.\ntag: vlan tag is not allowed on simple zone"},
		{"POST", vnets, "vnet=v3&zone=z2&tag=5000", "500 " + failed + "400 Parameter verification failed.\ntag: vxlan tag 5000 already exist in vnet v2 in zone z2"},
		{"GET", vnets + "/none", "", "500 sdn vnet 'none' does not exist"},
		{"POST", vnets + "/v1/subnets", "subnet=10.0.1.0/24&type=subnet&gateway=10.0.1.1&snat=1&dhcp-range=start-address=10.0.1.5,end-address=10.0.1.9&dhcp-range=start-address=10.0.1.20,end-address=10.0.1.29", `null`},
		{"POST", vnets + "/v1/subnets", "subnet=2001:DB8::/64&type=subnet&gateway=2001:DB8::1", `null`},
		{"GET", vnets + "/v1/subnets/z1-10.0.1.0-24", "", `{"cidr":"10.0.1.0/24","dhcp-range":[{"end-address":"10.0.1.9","start-address":"10.0.1.5"},{"end-address":"10.0.1.29","start-address":"10.0.1.20"}],"gateway":"10.0.1.1","id":"z1-10.0.1.0-24","mask":"24","network":"10.0.1.0","snat":1,"subnet":"z1-10.0.1.0-24","type":"subnet","vnet":"v1","zone":"z1"}`},
		{"GET", vnets + "/v1/subnets/" + six, "", `{"cidr":"2001:DB8::/64","dhcp-range":[],"gateway":"2001:DB8::1","id":"z1-2001:DB8::-64","mask":"64","network":"2001:DB8::","subnet":"z1-2001:DB8::-64","type":"subnet","vnet":"v1","zone":"z1"}`},
		{"POST", vnets + "/v1/subnets", "subnet=10.0.2.0/24&type=subnet&gateway=10.9.0.1", "500 create sdn subnet object failed: 400 Parameter verification failed.\ngateway: 10.9.0.1 is not in subnet 10.0.2.0/24"},
		{"POST", vnets + "/v2/subnets", "subnet=10.0.2.0/24&type=subnet", "500 create sdn subnet object failed: 400 Parameter verification failed.\nvnet: you can't add a subnet on a vlanaware vnet v2"},
		{"GET", vnets + "/v2/subnets/z1-10.0.1.0-24", "", "400 Parameter verification failed. | vnet: wrong vnet"},
		{"PUT", vnets + "/v1/subnets/z1-10.0.1.0-24", "delete=snat&dhcp-dns-server=10.0.1.2", `null`},
		{"DELETE", vnets + "/v1", "", "500 delete sdn vnet object failed: 400 Parameter verification failed.\nvnet: Can't delete vnet if subnets exists"},
		{"DELETE", vnets + "/v1/subnets/" + six, "", `null`},
		{"DELETE", vnets + "/v1/subnets/z1-10.0.1.0-24", "", `null`},
		{"DELETE", vnets + "/v1", "", `null`},
	})
}

func TestFabricsLive(t *testing.T) {
	e, root := sdnEnv(t)
	const fabrics = "/cluster/sdn/fabrics"
	e.live(t, root, []step{
		{"POST", fabrics + "/fabric", "id=ring&protocol=openfabric&ip_prefix=10.10.10.7/24&hello_interval=1&unknown=passed+over", `null`},
		{"POST", fabrics + "/fabric", "id=spine&protocol=ospf&ip_prefix=10.20.0.0/24&area=0", `null`},
		{"POST", fabrics + "/node/ring", "node_id=n1&protocol=openfabric&ip=10.10.10.1&interfaces=name=eth1&interfaces=name=eth2,hello_multiplier=3", `null`},
		{"GET", fabrics + "/fabric/ring", "", `{"hello_interval":1,"id":"ring","ip_prefix":"10.10.10.0/24","protocol":"openfabric"}`},
		{"GET", fabrics + "/node/ring/n1", "", `{"fabric_id":"ring","interfaces":["name=eth1","name=eth2,hello_multiplier=3"],"ip":"10.10.10.1","node_id":"n1","protocol":"openfabric"}`},
		{"PUT", fabrics + "/fabric/ring", "protocol=openfabric&delete=hello_interval&csnp_interval=5", `null`},
		{"GET", fabrics + "/all", "", `{"fabrics":[{"csnp_interval":5,"id":"ring","ip_prefix":"10.10.10.0/24","protocol":"openfabric"},{"area":"0","id":"spine","ip_prefix":"10.20.0.0/24","protocol":"ospf"}],"nodes":[{"fabric_id":"ring","interfaces":["name=eth1","name=eth2,hello_multiplier=3"],"ip":"10.10.10.1","node_id":"n1","protocol":"openfabric"}]}`},
		{"POST", fabrics + "/node/none", "node_id=n1&protocol=ospf&ip=10.0.0.1", "500 adding node failed: error during cfs-locked 'domain-sdn' operation: fabric 'none' does not exist"},
		{"POST", "/cluster/sdn/controllers", "controller=ctl&type=evpn&asn=65000&fabric=ring", `null`},
		{"DELETE", fabrics + "/fabric/ring", "", "500 deleting fabric failed: error during cfs-locked 'domain-sdn' operation: fabric ring is used by controller ctl"},
		{"DELETE", "/cluster/sdn/controllers/ctl", "", `null`},
		{"DELETE", fabrics + "/fabric/ring", "", `null`},
		{"GET", fabrics + "/node", "", `[]`},
	})
}

// The lock keeps all others out until it is released.
func TestLock(t *testing.T) {
	e, root := sdnEnv(t)
	const locked = "error during cfs-locked 'domain-sdn' operation: "
	token := e.call(t, root, "POST", "/cluster/sdn/lock", "").Data.(string)
	const refused = "invalid lock token provided! The SDN configuration is locked: give its lock-token, or release the lock"
	e.live(t, root, []step{
		{"POST", "/cluster/sdn/lock", "", "500 could not acquire lock for SDN config failed: " + locked + "SDN configuration is already locked by someone else: wait until it is released, or release it with force"},
		{"POST", zones, "zone=z1&type=simple", "500 create sdn zone object failed: " + locked + refused},
		{"POST", zones, "zone=z1&type=simple&lock-token=" + token, `null`},
		{"PUT", "/cluster/sdn", "", "500 could not commit SDN config failed: " + locked + refused},
		{"POST", "/cluster/sdn/rollback", "", "500 could not rollback SDN configuration failed: " + locked + refused},
		{"DELETE", "/cluster/sdn/lock?lock-token=wrong", "", "500 could not release lock failed: " + locked + refused},
	})
	if upid, ok := e.call(t, root, "PUT", "/cluster/sdn", "release-lock=1&lock-token="+token).Data.(string); !ok || !strings.HasPrefix(upid, "UPID:srv:") {
		t.Errorf("apply: %q", upid)
	}
	e.live(t, root, []step{
		{"GET", zones + "/z1?pending=1", "", `{"type":"simple","zone":"z1"}`},
		{"PUT", zones + "/z1", "mtu=1400", `null`},
		{"GET", zones + "/z1?pending=1", "", `{"pending":{"mtu":1400},"state":"changed","type":"simple","zone":"z1"}`},
		{"POST", "/cluster/sdn/lock", "", "500 could not acquire lock for SDN config failed: " + locked + "configuration has pending changes"},
		{"POST", "/cluster/sdn/rollback", "", `null`},
		{"GET", zones + "/z1?pending=1", "", `{"type":"simple","zone":"z1"}`},
	})
}

// An auditor of one zone sees that zone and changes nothing.
func TestOthersSeeTheirs(t *testing.T) {
	e, root := sdnEnv(t)
	e.live(t, root, []step{
		{"POST", zones, "zone=mine&type=simple", `null`}, {"POST", zones, "zone=theirs&type=simple", `null`},
		{"POST", vnets, "vnet=vmine&zone=mine", `null`}, {"POST", vnets, "vnet=vtheirs&zone=theirs", `null`},
		{"POST", "/cluster/sdn/dns", "dns=pdns&type=powerdns&key=secret&url=http://127.0.0.1:1", "500 create sdn dns object failed: error during cfs-locked 'domain-sdn' operation: can't connect to powerdns API: powerdns \"pdns\" at 127.0.0.1:1: see whether it is there: the external system does not answer: dial tcp 127.0.0.1:1: connect: connection refused"},
	})
	auditor := e.user(t, "auditor@pve", "/sdn/zones/mine", "PVEAuditor")
	admin := e.user(t, "admin@pve", "/sdn/zones/mine", "PVESDNAdmin")
	e.live(t, auditor, []step{
		{"GET", vnets, "", `[{"type":"vnet","vnet":"vmine","zone":"mine"}]`},
		{"GET", zones, "", `[{"type":"simple","zone":"mine"}]`},
		{"GET", vnets + "/vtheirs", "", "403 Permission check failed (/sdn/zones, SDN.Audit|SDN.Allocate)"},
		{"PUT", vnets + "/vmine", "alias=x", "403 Permission check failed (/sdn/zones/mine/vmine, SDN.Allocate)"},
		{"POST", zones, "zone=new&type=simple", "403 Permission check failed (/sdn/zones, SDN.Allocate)"},
		{"PUT", "/cluster/sdn", "", "403 Permission check failed (/sdn, SDN.Allocate)"},
	})
	e.live(t, admin, []step{
		{"PUT", vnets + "/vmine", "alias=x", `null`},
		{"PUT", vnets + "/vmine", "zone=theirs", "403 Permission check failed (/sdn/zones/theirs, SDN.Allocate)"},
		{"POST", vnets, "vnet=new&zone=theirs", "403 Permission check failed (/sdn/zones/theirs, SDN.Allocate)"},
	})
}

// What an apply would change in a node's files is told without an apply.
func TestDryRun(t *testing.T) {
	e, root := sdnEnv(t)
	e.join(t, "srv")
	e.runs(t, &model.Zone{ID: "z1", Type: model.ZoneSimple}, &model.VNet{ID: "vnet1", Zone: "z1"})
	e.live(t, root, []step{
		{"GET", "/cluster/sdn/dry-run?node=srv", "", `{"frr-diff":null,"interfaces-diff":null}`},
		{"PUT", vnets + "/vnet1", "alias=green", `null`},
		{"GET", "/cluster/sdn/dry-run?node=none", "", "500 hostname lookup 'none' failed - failed to get address info for: none: Name or service not known"},
	})
	got := e.call(t, root, "GET", "/cluster/sdn/dry-run?node=srv", "").Data.(map[string]any)
	if text, _ := got["interfaces-diff"].(string); got["frr-diff"] != nil || !strings.Contains(text, "\n+\talias green\n") || !strings.HasPrefix(text, "--- /etc/network/interfaces.d/sdn\n") {
		t.Errorf("%v", got)
	}
}

func TestFirewallRefs(t *testing.T) {
	e, root := sdnEnv(t)
	e.runs(t, &model.Zone{ID: "z1", Type: model.ZoneSimple}, &model.VNet{ID: "vnet0", Zone: "z1"})
	none := e.user(t, "none@pve", "", "")
	e.live(t, root, []step{
		{"GET", "/cluster/firewall/refs?type=ipset", "", `[{"comment":"All subnets of VNet vnet0","name":"vnet0-all","ref":"+sdn/vnet0-all","scope":"sdn","type":"ipset"},{"comment":"All gateways of VNet vnet0","name":"vnet0-gateway","ref":"+sdn/vnet0-gateway","scope":"sdn","type":"ipset"},{"comment":"All subnets of VNet, without its gateways: vnet0","name":"vnet0-no-gateway","ref":"+sdn/vnet0-no-gateway","scope":"sdn","type":"ipset"},{"comment":"All DHCP ranges of VNet vnet0","name":"vnet0-dhcp","ref":"+sdn/vnet0-dhcp","scope":"sdn","type":"ipset"}]`},
		{"GET", "/cluster/firewall/refs?type=alias", "", `[]`},
	})
	e.live(t, none, []step{{"GET", "/cluster/firewall/refs", "", `[]`}})
}

// Fabrics and their nodes share a file: every view of either has its digest, which a
// change of the other makes another one, and which a change may name.
func TestFabricsShareOneDigest(t *testing.T) {
	e, root := sdnEnv(t)
	const fabric, node = "/cluster/sdn/fabrics/fabric", "/cluster/sdn/fabrics/node/f1"
	e.live(t, root, []step{{"POST", fabric, "id=f1&protocol=openfabric&ip_prefix=10.0.0.0/24", `null`}})
	var before string
	for _, change := range []struct{ method, path, form string }{
		{"POST", node, "node_id=n1&protocol=openfabric&ip=10.0.0.1"},
		{"PUT", fabric + "/f1", "protocol=openfabric&hello_interval=2"},
		{"PUT", node + "/n1", "protocol=openfabric&ip=10.0.0.2"},
	} {
		digest := e.call(t, root, "GET", fabric+"/f1", "").Data.(map[string]any)["digest"].(string)
		if digest == before {
			t.Errorf("before %s %s: the digest %s did not change", change.method, change.path, digest)
		}
		for _, list := range []string{fabric, node} {
			for _, row := range e.call(t, root, "GET", list, "").Data.([]any) {
				if got := row.(map[string]any)["digest"]; got != digest {
					t.Errorf("%s has the digest %v, the fabric %s", list, got, digest)
				}
			}
		}
		e.live(t, root, []step{{change.method, change.path, change.form + "&digest=" + digest, `null`}})
		before = digest
	}
}

// Of writers who all saw the same state exactly one wins.
func TestOneDigestWins(t *testing.T) {
	e, root := sdnEnv(t)
	e.live(t, root, []step{{"POST", zones, "zone=z1&type=simple", `null`}})
	const writers = 8
	for round := range 3 {
		digest := e.call(t, root, "GET", zones+"/z1", "").Data.(map[string]any)["digest"].(string)
		var wg sync.WaitGroup
		won := make([]bool, writers)
		for i := range writers {
			wg.Go(func() {
				a := e.call(t, root, "PUT", zones+"/z1", "digest="+digest+"&mtu="+strconv.Itoa(1300+10*round+i))
				won[i] = a.Status == 200
				if !won[i] && !strings.Contains(a.Message, "detected modified configuration - file changed by other user? Try again.") {
					t.Errorf("a loser is told: %s", a.body)
				}
			})
		}
		wg.Wait()
		winner := slices.Index(won, true)
		if winner < 0 || slices.Contains(won[winner+1:], true) {
			t.Fatalf("won: %v", won)
		}
		if mtu := e.call(t, root, "GET", zones+"/z1", "").Data.(map[string]any)["mtu"]; mtu != float64(1300+10*round+winner) {
			t.Errorf("mtu %v after %d won", mtu, winner)
		}
	}
}
