package running_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
)

var samePrefix = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

// Entries are read in either form, and those of a map are put together.
func TestPolicies(t *testing.T) {
	r, problems, err := running.Parse([]byte(`{
		"prefix-lists": {"ids": {"a": {"type": "prefix-list", "entries": ["seq=7,action=permit,prefix=10.0.0.0/8,ge=16,le=24", {"action": "deny", "prefix": "fd00::/8", "le": 64}]}, "b": {"type": "prefix-list"}}},
		"route-maps": {"ids": {
			"my_map_20": {"type": "route-map-entry", "action": "deny"},
			"my_map_3": {"type": "route-map-entry", "action": "permit", "match": "key=vni,value=5", "set": ["key=metric,value=+rtt", {"key": "weight", "value": 6}, {"key": "ip-next-hop-unchanged"}],
				"call": "other", "exit-action": {"key": "continue", "value": "20"}}}}}`))
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	lists := map[string]*model.PrefixList{"b": {ID: "b"}, "a": {ID: "a", Entries: []model.PrefixEntry{
		{Action: "permit", Prefix: netip.MustParsePrefix("10.0.0.0/8"), Ge: 16, Le: 24, Seq: 7}, {Action: "deny", Prefix: netip.MustParsePrefix("fd00::/8"), Le: 64},
	}}}
	if d := cmp.Diff(lists, r.PrefixLists, samePrefix); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	routeMaps := map[string]*model.RouteMap{"my_map": {ID: "my_map", Entries: []model.RouteMapEntry{
		{Order: 20, Action: "deny"},
		{Order: 3, Action: "permit", Match: []string{"vni=5"}, Set: []string{"metric=+rtt", "weight=6", "ip-next-hop-unchanged"}, Call: "other", ExitAction: "continue=20"},
	}}}
	if d := cmp.Diff(routeMaps, r.RouteMaps); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// What cannot be read is told, and left out.
func TestPoliciesThatCannotBeRead(t *testing.T) {
	for text, want := range map[string]string{
		`"prefix-lists":{"ids":{"a":{"entries":["action=allow,prefix=10.0.0.0/8"]}}}`:             `prefix-list a: action "allow": must be permit or deny`,
		`"prefix-lists":{"ids":{"a":{"entries":["action=permit,prefix=10.0.0.0"]}}}`:              `entries "10.0.0.0": must be an IPv4 network`,
		`"prefix-lists":{"ids":{"a":{"entries":["action=permit,prefix=10.0.0.0/8,le=x"]}}}`:       `entries "x": must be a number of at most 128`,
		`"prefix-lists":{"ids":{"a":{"entries":["action=permit,prefix=10.0.0.0/8,colour=red"]}}}`: `entries "colour": is not a property`,
		`"prefix-lists":{"ids":{"a":{"entries":[{"action":"permit","prefix":["10.0.0.0/8"]}]}}}`:  `must be a single value`,
		`"prefix-lists":{"ids":{"a b":{"entries":[]}}}`:                                           `must not have blanks`,
		`"route-maps":{"ids":{"nothing":{"action":"permit"}}}`:                                    `route-map nothing: id "nothing": must be <route map>_<order>`,
		`"route-maps":{"ids":{"m_x":{"action":"permit"}}}`:                                        `id "x": must be a number of at most 65535`,
		`"route-maps":{"ids":{"m_1":{"action":"permit","match":["key=colour,value=red"]}}}`:       `match "colour": is not a key`,
		`"route-maps":{"ids":{"m_1":{"action":"permit","set":["key=tag,value=1\nlog file x"]}}}`:  `must not have blanks or control characters`,
		`"route-maps":{"ids":{"m_1":{"action":"permit","exit-action":"key=stop"}}}`:               `exit-action "stop": is not a key`,
		`"controllers":{"ids":{"c":{"type":"evpn","bgp-mode":"both"}}}`:                           `bgp-mode "both": must be auto or external or internal`,
		`"controllers":{"ids":{"c":{"type":"evpn","peer-group-name":"a b"}}}`:                     `peer-group-name "a b": must not have blanks`,
	} {
		r, problems, err := running.Parse([]byte("{" + strings.ReplaceAll(text, "\n", `\n`) + "}"))
		if err != nil || !strings.Contains(problems.Error(), want) {
			t.Errorf("%s: %v %v, want %s", text, err, problems, want)
			continue
		}
		if len(r.PrefixLists)+len(r.RouteMaps) > 0 {
			t.Errorf("%s: kept: %v %v", text, r.PrefixLists, r.RouteMaps)
		}
	}
}

// A list that Proxmox writes is read as it was.
func TestPrefixListsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := &model.PrefixList{ID: "a"}
		var entries []string
		for i := range rapid.IntRange(1, 5).Draw(t, "entries") {
			e := model.PrefixEntry{Action: rapid.SampledFrom([]string{"permit", "deny"}).Draw(t, "action"), Seq: 5 * i}
			e.Prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "addr"))), rapid.IntRange(0, 32).Draw(t, "bits"))
			parts := []string{"action=" + e.Action, "prefix=" + e.Prefix.String()}
			if e.Seq != 0 {
				parts = append(parts, fmt.Sprint("seq=", e.Seq))
			}
			if e.Le = rapid.IntRange(0, 32).Draw(t, "le"); e.Le != 0 {
				parts = append(parts, fmt.Sprint("le=", e.Le))
			}
			entries = append(entries, `"`+strings.Join(rapid.Permutation(parts).Draw(t, "order"), ",")+`"`)
			want.Entries = append(want.Entries, e)
		}
		r, problems, err := running.Parse([]byte(`{"prefix-lists":{"ids":{"a":{"type":"prefix-list","entries":[` + strings.Join(entries, ",") + `]}}}}`))
		if err != nil || len(problems) > 0 {
			t.Fatal(err, problems)
		}
		if d := cmp.Diff(want, r.PrefixLists["a"], samePrefix); d != "" {
			t.Fatal(d)
		}
	})
}

// Where a zone's own controller does not run, a secondary one carries it.
func TestCarrier(t *testing.T) {
	r, problems, err := running.Parse([]byte(`{"controllers":{"ids":{
		"a":{"type":"evpn","asn":1,"nodes":{"n1":1}}, "b":{"type":"evpn","asn":2,"nodes":"n2"}, "c":{"type":"evpn","asn":3,"nodes":["n2","n3"]}}},
		"zones":{"ids":{"z":{"type":"evpn","controller":"a","secondary-controllers":["b","c"]}}}}`))
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	for node, want := range map[string]string{"n1": "a", "n2": "b", "n3": "c", "n4": "a"} {
		if got := r.Carrier(r.Zones["z"], node).ID; got != want {
			t.Errorf("%s: %s, want %s", node, got, want)
		}
	}
}
