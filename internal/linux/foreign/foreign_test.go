package foreign_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/linux/foreign"
)

// Statements as nft 1.0.6 prints them.
const (
	established = `{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["established","related"]}}`
	isNew       = `{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["new","established"]}}`
	stateMap    = `{"vmap":{"key":{"ct":{"key":"state"}},"data":{"set":[["invalid",{"drop":null}],["established",{"accept":null}]]}}}`
	portMap     = `{"vmap":{"key":{"payload":{"protocol":"tcp","field":"dport"}},"data":"@ports"}}`
	counter     = `{"counter":{"packets":0,"bytes":0}}`
	source      = `{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":{"prefix":{"addr":"10.0.0.0","len":8}}}}`
	limit       = `{"limit":{"rate":1,"burst":5,"per":"second"}}`
	accept      = `{"accept":null}`
	drop        = `{"drop":null}`
	reject      = `{"reject":{"type":"icmp","expr":"port-unreachable"}}`
	returns     = `{"return":null}`
)

func jump(chain string) string { return `{"jump":{"target":"` + chain + `"}}` }

func iface(key, op, right string) string {
	return `{"match":{"op":"` + op + `","left":{"meta":{"key":"` + key + `"}},"right":` + right + `}}`
}

// table is a listing of one with a base chain and another one; rules are separated by "|".
func table(family, policy, forward, other string) []byte {
	var items []string
	items = append(items, fmt.Sprintf(`{"chain":{"family":%q,"table":"t","name":"forward","hook":"forward","policy":%q}}`, family, policy),
		fmt.Sprintf(`{"chain":{"family":%q,"table":"t","name":"other"}}`, family))
	for chain, rules := range map[string]string{"forward": forward, "other": other} {
		for r := range strings.SplitSeq(rules, "|") {
			items = append(items, fmt.Sprintf(`{"rule":{"family":%q,"table":"t","chain":%q,"expr":[%s]}}`, family, chain, r))
		}
	}
	return []byte(`{"nftables":[{"metainfo":{}},` + strings.Join(items, ",") + `]}`)
}

func TestWhatSurelyDrops(t *testing.T) {
	docker := iface("oifname", "==", `"docker0"`) + "," + established + "," + accept + "|" + iface("oifname", "==", `"docker0"`) + "," + jump("other") + "|" +
		iface("iifname", "==", `"docker0"`) + "," + iface("oifname", "!=", `"docker0"`) + "," + accept
	for name, c := range map[string]struct {
		policy, forward, other string
		want                   bool
	}{
		"a policy":                           {"drop", counter, "", true},
		"what Docker makes":                  {"drop", docker, established + "," + accept, true},
		"and an exception for the VNet":      {"drop", iface("iifname", "==", `"vnet1"`) + "," + accept + "|" + docker, "", false},
		"one for all VNets":                  {"drop", iface("iifname", "==", `"vn*"`) + "," + accept, "", false},
		"one for another VNet":               {"drop", iface("iifname", "==", `{"set":["vnet2","vnet3"]}`) + "," + accept, "", true},
		"one for what leaves by an uplink":   {"drop", iface("oifname", "==", `"eth0"`) + "," + accept, "", false},
		"all but an interface":               {"accept", iface("iifname", "!=", `"lan"`) + "," + drop, "", true},
		"an interface":                       {"accept", iface("iifname", "==", `"lan"`) + "," + drop, "", false},
		"a last rule":                        {"accept", established + "," + accept + "|" + stateMap + "|" + reject, "", true},
		"a rule for some senders":            {"accept", source + "," + drop, "", false},
		"an exception for some senders":      {"drop", source + "," + accept, "", false},
		"an exception for some, then drop":   {"drop", limit + "," + drop + "|" + source + "," + drop, "", true},
		"an exception for new conversations": {"drop", isNew + "," + accept, "", false},
		"a map of ports":                     {"drop", portMap, "", false},
		"a chain that drops":                 {"accept", jump("other"), drop, true},
		"a chain that may accept":            {"drop", jump("other"), source + "," + accept, false},
		"a chain that returns":               {"drop", jump("other"), returns + "|" + accept, true},
		"a chain that some go to":            {"accept", source + "," + jump("other"), drop, false},
		"a circle":                           {"drop", jump("other"), jump("other"), false},
		"an extension of iptables":           {"accept", `{"xt":null},` + drop, "", false},
		"an extension of iptables, accepted": {"drop", `{"xt":null},` + accept, "", false},
		"nothing":                            {"accept", counter, "", false},
	} {
		for _, family := range []string{"ip", "inet"} {
			var s foreign.Ruleset
			if err := s.Add(table(family, c.policy, c.forward, c.other)); err != nil {
				t.Fatal(err)
			}
			got := s.Dropping(foreign.Packet{Family: "ip", In: "vnet1"})
			if (len(got) > 0) != c.want {
				t.Errorf("%s (%s): %v", name, family, got)
			}
			if other := s.Dropping(foreign.Packet{Family: "bridge"}); len(other) > 0 {
				t.Errorf("%s: a table of family %s drops frames: %v", name, family, other)
			}
		}
	}
	var s foreign.Ruleset
	if err := s.Add(table("bridge", "accept", iface("ibrname", "==", `"vnet1"`)+","+drop, "")); err != nil {
		t.Fatal(err)
	}
	for bridge, want := range map[string]int{"vnet1": 1, "vnet2": 0, "": 0} {
		if got := s.Dropping(foreign.Packet{Family: "bridge", InBridge: bridge}); len(got) != want {
			t.Errorf("frames of bridge %q: %v", bridge, got)
		}
	}
	if !s.Has("bridge", "t", "other") || s.Has("ip", "t", "other") {
		t.Error("chains are mixed up")
	}
}

func TestTablesThatForward(t *testing.T) {
	list := []byte(`{"nftables":[{"metainfo":{}},{"chain":{"family":"ip","table":"filter","name":"FORWARD","hook":"forward","policy":"drop"}},
		{"chain":{"family":"ip","table":"filter","name":"again","hook":"forward","policy":"accept"}},{"chain":{"family":"ip","table":"nat","name":"PREROUTING","hook":"prerouting"}},
		{"chain":{"family":"inet","table":"ours","name":"forward","hook":"forward","policy":"drop"}}]}`)
	got, err := foreign.Forwarding(list, func(t string) bool { return t == "ours" })
	if err != nil || fmt.Sprint(got) != "[{ip filter}]" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := foreign.Forwarding([]byte("Error"), nil); err == nil {
		t.Error("what is no JSON was read")
	}
	if err := new(foreign.Ruleset).Add([]byte("Error")); err == nil {
		t.Error("what is no JSON was read as a table")
	}
}
