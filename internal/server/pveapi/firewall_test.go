package pveapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// firewallEnv is an API with a VNet.
func firewallEnv(t testing.TB) (*env, string) {
	t.Helper()
	e, root := sdnEnv(t)
	e.runs(t, &model.Zone{ID: "z1", Type: model.ZoneSimple}, &model.VNet{ID: "vnet1", Zone: "z1"})
	return e, root
}

const vnetRules = "/cluster/sdn/vnets/vnet1/firewall/rules"

func TestRulesOfVNets(t *testing.T) {
	e, root := firewallEnv(t)
	const invalid = "400 Parameter verification failed."
	e.live(t, root, []step{
		{"GET", "/cluster/sdn/vnets/vnet1/firewall", "", `[{"name":"rules"},{"name":"options"}]`},
		{"GET", vnetRules, "", `[]`},
		{"POST", vnetRules, "type=forward&action=ACCEPT&macro=SSH&source=10.0.0.0/8&comment=a%20b", `null`},
		{"POST", vnetRules, "type=forward&action=DROP&enable=1&proto=tcp&dport=80,443&log=info", `null`},
		{"GET", vnetRules, "", `[{"action":"DROP","dport":"80,443","enable":1,"log":"info","pos":0,"proto":"tcp","type":"forward"},{"action":"ACCEPT","comment":"a b","enable":0,"macro":"SSH","pos":1,"source":"10.0.0.0/8","type":"forward"}]`},
		{"PUT", vnetRules + "/1", "enable=1&delete=comment,source&dest=%2Bsdn/vnet1-all", `null`},
		{"GET", vnetRules + "/1", "", `{"action":"ACCEPT","dest":"+sdn/vnet1-all","enable":1,"macro":"SSH","pos":"1","type":"forward"}`},
		{"POST", vnetRules, "type=forward&action=REJECT", `null`},
		{"PUT", vnetRules + "/0", "moveto=2", `null`},
		{"GET", vnetRules + "/1", "", `{"action":"REJECT","enable":0,"pos":"1","type":"forward"}`},
		{"PUT", vnetRules + "/0", "moveto=3", `null`},
		{"GET", vnetRules + "/2", "", `{"action":"DROP","dport":"80,443","enable":1,"log":"info","pos":"2","proto":"tcp","type":"forward"}`},
		{"DELETE", vnetRules + "/0", "", `null`},
		{"DELETE", vnetRules + "/5", "", "500 no rule at position 5"},
		{"GET", vnetRules + "/2", "", "500 no rule at position 2"},
		{"PUT", vnetRules + "/0", "digest=0000&enable=0", "500 detected modified configuration - file changed by other user? Try again."},
		{"PUT", vnetRules + "/0", "delete=action", invalid + " | delete: cannot delete 'action'"},
		{"POST", vnetRules, "type=in&action=ACCEPT", invalid + " | type: value 'in' does not have a value in the enumeration 'forward, group'"},
		{"POST", vnetRules, "type=forward&action=accept", invalid + " | action: 'accept' is not known: use ACCEPT, DROP or REJECT"},
		{"POST", vnetRules, "type=forward&action=DROP&macro=SHS", invalid + " | macro: 'SHS' is not known; did you mean SSH?"},
		{"POST", vnetRules, "type=forward&action=DROP&source=10.0.0.0/40", invalid + " | source: '10.0.0.0/40' is no address, network, range or name; write it like 10.0.0.5, 10.0.1.0/24, 10.0.0.5-10.0.0.9, dc/<alias>, +dc/<ip set>, +sdn/<vnet>-all or +sdn/guest-ipam-<vmid>"},
		{"POST", vnetRules, "type=forward&action=DROP&source=%2Bsdn/vnet9-all&dport=80", invalid + " | dport: '80' needs a protocol that has ports: set proto to tcp, udp, udplite, dccp or sctp | source: '+sdn/vnet9-all' does not exist: set vnet9-all is that of vnet vnet9; did you mean vnet1?"},
		{"POST", vnetRules, "type=group&action=web", invalid + " | action: 'web' is no security group; declare the group first"},
		{"POST", vnetRules, "type=forward&action=DROP&iface=eth0", invalid + " | iface: property is not defined in schema and the schema does not allow additional properties"},
	})
	v, err := e.Config.View(t.Context())
	if err != nil || len(diff.Objects(v.Running, v.Pending)) != 0 {
		t.Errorf("firewalls are pending: %v", err)
	}
}

func TestOptionsOfFirewalls(t *testing.T) {
	e, root := firewallEnv(t)
	const options = "/cluster/sdn/vnets/vnet1/firewall/options"
	e.live(t, root, []step{
		{"GET", options, "", `{}`},
		{"PUT", options, "enable=1&policy_forward=DROP&log_level_forward=warning&macfilter=1", `null`},
		{"GET", options, "", `{"enable":1,"log_level_forward":"warning","macfilter":1,"policy_forward":"DROP"}`},
		{"PUT", options, "delete=policy_forward,log_level_forward,macfilter&enable=0", `null`},
		{"GET", options, "", `{"enable":0}`},
		{"PUT", options, "delete=nothing", "400 Parameter verification failed. | delete: no such option 'nothing'"},
		{"PUT", options, "policy_forward=REJECT", "400 Parameter verification failed. | policy_forward: value 'REJECT' does not have a value in the enumeration 'ACCEPT, DROP'"},
		{"PUT", options, "digest=0000&enable=1", "500 detected modified configuration - file changed by other user? Try again."},
		{"GET", "/cluster/firewall/options", "", `{}`},
		{"PUT", "/cluster/firewall/options", "enable=1", `null`},
		{"GET", "/cluster/firewall/options", "", `{"enable":1}`},
	})
	v, err := e.Config.View(t.Context())
	if err != nil || !v.Live.Firewalls[model.FirewallDatacenter].Enable {
		t.Errorf("%v", err)
	}
}

// TestFirewallOfTheDatacenter sets what clients of Proxmox VE always set, and reads it.
func TestFirewallOfTheDatacenter(t *testing.T) {
	e, root := firewallEnv(t)
	const options, rules = "/cluster/firewall/options", "/cluster/firewall/rules"
	const invalid = "400 Parameter verification failed."
	e.live(t, root, []step{
		{"PUT", options, "enable=1&ebtables=1&policy_in=DROP&policy_out=ACCEPT&policy_forward=ACCEPT&log_ratelimit=enable%3D1,burst%3D5,rate%3D1/second", `null`},
		{"GET", options, "", `{"ebtables":1,"enable":1,"log_ratelimit":"enable=1,burst=5,rate=1/second","policy_forward":"ACCEPT","policy_in":"DROP","policy_out":"ACCEPT"}`},
		{"PUT", options, "ebtables=0&policy_in=REJECT", `null`},
		{"PUT", options, "delete=log_ratelimit&delete=policy_out&policy_forward=", `null`},
		{"GET", options, "", `{"ebtables":0,"enable":1,"policy_in":"REJECT"}`},
		{"PUT", options, "delete=ebtables,policy_in", `null`},
		{"GET", options, "", `{"enable":1}`},
		{"PUT", options, "delete=macfilter", invalid + " | delete: no such option 'macfilter'"},
		{"PUT", options, "log_ratelimit=often", invalid + " | log_ratelimit: invalid format - write it like enable=1,rate=1/second,burst=5"},
		{"PUT", options, "policy_in=drop", invalid + " | policy_in: value 'drop' does not have a value in the enumeration 'ACCEPT, REJECT, DROP'"},
		{"PUT", "/cluster/sdn/vnets/vnet1/firewall/options", "policy_in=DROP", invalid + " | policy_in: property is not defined in schema and the schema does not allow additional properties"},

		{"GET", rules, "", `[]`},
		{"POST", rules, "type=in&action=ACCEPT&macro=SSH&iface=vmbr0&source=%2Bmanagement&enable=1", `null`},
		{"POST", rules, "type=forward&action=DROP&source=10.0.0.0/8&enable=1", `null`},
		{"GET", rules, "", `[{"action":"DROP","enable":1,"pos":0,"source":"10.0.0.0/8","type":"forward"},{"action":"ACCEPT","enable":1,"iface":"vmbr0","macro":"SSH","pos":1,"source":"+management","type":"in"}]`},
		{"PUT", rules + "/1", "pos=1&delete=iface&comment=x", `null`},
		{"GET", rules + "/1", "", `{"action":"ACCEPT","comment":"x","enable":1,"macro":"SSH","pos":"1","source":"+management","type":"in"}`},
		{"POST", rules, "type=forward&action=DROP&iface=vmbr0", invalid + " | iface: 'vmbr0' is not possible in a rule of type forward, as in Proxmox VE; use source and dest"},
		{"POST", rules, "type=forward&action=DROP&source=%2Bmanagement", invalid + " | source: '+management' does not exist: ip-set management is used by firewall datacenter; declare the set first"},
		{"DELETE", rules + "/0", "", `null`},
		{"GET", options, "", `{"enable":1}`},
	})
	e.live(t, e.user(t, "sdn@pve", "/sdn", "PVESDNAdmin"), []step{
		{"GET", rules, "", "403 Permission check failed (/, Sys.Audit)"},
		{"POST", rules, "type=in&action=DROP", "403 Permission check failed (/, Sys.Modify)"},
	})
}

func TestGroupsSetsAndAliases(t *testing.T) {
	e, root := firewallEnv(t)
	const groups, sets, aliases = "/cluster/firewall/groups", "/cluster/firewall/ipset", "/cluster/firewall/aliases"
	const used = " is used by "
	e.live(t, root, []step{
		{"POST", groups, "group=Web&comment=c", `null`},
		{"GET", groups, "", `[{"comment":"c","group":"web"}]`},
		{"POST", groups, "group=web", "400 Parameter verification failed. | name: security group 'web' already exists"},
		{"POST", groups + "/web", "type=in&action=ACCEPT&macro=HTTP&enable=1", `null`},
		{"GET", groups + "/web", "", `[{"action":"ACCEPT","enable":1,"macro":"HTTP","pos":0,"type":"in"}]`},
		{"POST", groups, "group=www&rename=web", `null`},
		{"GET", groups + "/www/0", "", `{"action":"ACCEPT","enable":1,"macro":"HTTP","pos":"0","type":"in"}`},
		{"GET", groups + "/web", "", "500 no such security group 'web'"},
		{"POST", vnetRules, "type=group&action=www&enable=1", `null`},
		{"DELETE", groups + "/www", "", "500 Security group 'www' is not empty"},
		{"DELETE", groups + "/www/0", "", `null`},
		{"DELETE", groups + "/www", "", "500 security-group www:" + used + "firewall vnet1; remove it there first"},
		{"POST", groups, "group=web&rename=www", "500 security-group www:" + used + "firewall vnet1; remove it there first"},

		{"POST", aliases, "name=Office&cidr=192.0.2.0/24", `null`},
		{"GET", aliases, "", `[{"cidr":"192.0.2.0/24","ipversion":4,"name":"office"}]`},
		{"PUT", aliases + "/office", "cidr=2001:db8::/64&rename=home&comment=x", `null`},
		{"GET", aliases + "/home", "", `{"cidr":"2001:db8::/64","comment":"x","ipversion":6,"name":"home"}`},
		{"GET", aliases + "/office", "", "400 Parameter verification failed. | name: no such alias"},
		{"POST", aliases, "name=bad&cidr=nonsense", "400 Parameter verification failed. | cidr: 'nonsense' is no address or network; write it like 10.0.0.5, 10.0.1.0/24 or fd00::/64"},

		{"POST", sets, "name=admins", `null`},
		{"POST", sets + "/admins", "cidr=10.0.0.0/8", `null`},
		{"POST", sets + "/admins", "cidr=10.1.0.0/16&nomatch=1&comment=not%20these", `null`},
		{"POST", sets + "/admins", "cidr=dc/home", `null`},
		{"POST", sets + "/admins", "cidr=10.0.0.0/8", "400 Parameter verification failed. | cidr: address '10.0.0.0/8' already exists"},
		{"POST", sets + "/admins", "cidr=nonsense/8", "400 Parameter verification failed. | cidr: 'nonsense/8' is no address, network, range or alias; write it like 10.0.0.5, 10.0.1.0/24, 10.0.0.5-10.0.0.9 or dc/myalias"},
		{"GET", sets + "/admins", "", `[{"cidr":"dc/home"},{"cidr":"10.1.0.0/16","comment":"not these","nomatch":1},{"cidr":"10.0.0.0/8"}]`},
		{"GET", sets + "/admins/10.1.0.0%2F16", "", `{"cidr":"10.1.0.0/16","comment":"not these","nomatch":1}`},
		{"PUT", sets + "/admins/10.1.0.0/16", "nomatch=0&comment=these", `null`},
		{"GET", sets + "/admins/10.1.0.0/16", "", `{"cidr":"10.1.0.0/16","comment":"these"}`},
		{"DELETE", sets + "/admins/10.1.0.0%2F16", "", `null`},
		{"DELETE", aliases + "/home", "", "500 alias home:" + used + "ip-set admins; remove it there first"},
		{"GET", "/cluster/firewall/refs?type=alias", "", `[{"comment":"x","name":"home","ref":"dc/home","scope":"dc","type":"alias"}]`},
		{"DELETE", sets + "/admins", "", "500 IPSet 'admins' is not empty"},
	})
	if got := e.call(t, root, "GET", "/cluster/firewall/macros", ""); len(got.Data.([]any)) != len(model.Macros()) {
		t.Errorf("macros: %s", got.body)
	}
	if got := e.call(t, root, "GET", "/cluster/firewall/refs?type=ipset", ""); !strings.Contains(got.body, `"+dc/admins"`) || !strings.Contains(got.body, `"+sdn/vnet1-dhcp"`) {
		t.Errorf("refs: %s", got.body)
	}
	e.live(t, root, []step{{"DELETE", sets + "/admins", "force=1", `null`}, {"GET", sets, "", `[]`}})
}

// TestRulesAtOnce has many add rules at the same time, and none lost.
func TestRulesAtOnce(t *testing.T) {
	e, root := firewallEnv(t)
	const writers = 6
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			body := url.Values{"type": {"forward"}, "action": {"ACCEPT"}, "source": {fmt.Sprintf("10.0.0.%d", i)}}.Encode()
			if got := e.call(t, root, "POST", vnetRules, body); got.Status != http.StatusOK {
				t.Errorf("writer %d: %d %s", i, got.Status, got.Message)
			}
		})
	}
	group.Wait()
	if got := e.call(t, root, "GET", vnetRules, ""); len(got.Data.([]any)) != writers {
		t.Errorf("%d rules: %s", len(got.Data.([]any)), got.body)
	}
}

func TestWhoMayFirewalls(t *testing.T) {
	e, root := firewallEnv(t)
	e.live(t, root, []step{{"POST", vnetRules, "type=forward&action=ACCEPT", `null`}})
	looker, maker := e.user(t, "looker@pve", "/sdn/zones/z1/vnet1", "PVEAuditor"), e.user(t, "maker@pve", "/sdn/zones/z1/vnet1", "PVESDNAdmin")
	denied := func(path, anyOf string) string { return "403 Permission check failed (" + path + ", " + anyOf + ")" }
	const vnet = "/sdn/zones/z1/vnet1"
	e.live(t, looker, []step{
		{"GET", vnetRules + "/0", "", `{"action":"ACCEPT","enable":0,"pos":"0","type":"forward"}`},
		{"DELETE", vnetRules + "/0", "", denied(vnet, "SDN.Allocate")},
		{"GET", "/cluster/firewall/aliases", "", denied("/", "Sys.Audit")},
		{"GET", "/cluster/sdn/vnets/none/firewall/rules", "", denied("/sdn/zones", "SDN.Audit|SDN.Allocate")},
	})
	e.live(t, maker, []step{
		{"DELETE", vnetRules + "/0", "", `null`},
		{"PUT", "/cluster/firewall/options", "enable=1", denied("/", "Sys.Modify")},
	})
}
