package schema

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// An entry of a prefix list in Proxmox VE's property string, and back.
func TestListEntry(t *testing.T) {
	ten := netip.MustParsePrefix("10.0.0.0/8")
	for want, e := range map[string]model.PrefixEntry{
		"action=permit,prefix=10.0.0.0/8":                 {Action: "permit", Prefix: ten},
		"action=deny,prefix=10.0.0.0/8,le=24,ge=16,seq=5": {Action: "deny", Prefix: ten, Le: 24, Ge: 16, Seq: 5},
		"action=permit,prefix=fd00::/8,ge=64":             {Action: "permit", Prefix: netip.MustParsePrefix("fd00::/8"), Ge: 64},
	} {
		if got := ListEntry(e); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		back, err := ParseListEntry(want)
		if err != nil || back != e {
			t.Errorf("%q: got %+v, %v", want, back, err)
		}
	}
	if e, err := ParseListEntry("seq=5, prefix=10.0.0.0/8, action=deny"); err != nil || e.Seq != 5 || e.Action != "deny" {
		t.Errorf("in another order: %+v, %v", e, err)
	}
	for _, bad := range []string{
		"", "action=permit", "prefix=10.0.0.0/8", "action=allow,prefix=10.0.0.0/8", "action=permit,prefix=10.0.0.0", "action=permit,prefix=10.0.0.0/8,le=x",
		"action=permit,prefix=10.0.0.0/8,ge=x", "action=permit,prefix=10.0.0.0/8,seq=x", "action=permit,prefix=10.0.0.0/8,more=1",
	} {
		if _, err := ParseListEntry(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestClause(t *testing.T) {
	keys := []string{"vni", "ip-next-hop-peer-address"}
	for want, text := range map[string]string{
		"key=vni,value=10100":          model.JoinClause("vni", "10100"),
		"key=ip-next-hop-peer-address": model.JoinClause("ip-next-hop-peer-address", ""),
	} {
		if got := Clause(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if back, err := ParseClause(want, keys); err != nil || back != text {
			t.Errorf("%q: got %q, %v", want, back, err)
		}
	}
	// The key is the default key of the property string.
	for _, text := range []string{"vni,value=1", "value=1, key=vni", "value=1,vni"} {
		if got, err := ParseClause(text, keys); err != nil || got != model.JoinClause("vni", "1") {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "key=tag", "vni,vni", "key", "key=vni,value", "key=vni,more=1"} {
		if got, err := ParseClause(bad, keys); err == nil {
			t.Errorf("%q is accepted as %q", bad, got)
		}
	}
	if got := EntryName("m", 10); got != "m_10" {
		t.Errorf("got %q", got)
	}
}

// Perl writes numbers, texts and booleans in place of each other.
func TestScalar(t *testing.T) {
	for raw, want := range map[string]string{``: "", `null`: "", `"a"`: "a", `5`: "5", `10000000000000000001`: "10000000000000000001", `true`: "1", `false`: "0"} {
		if got, ok := Scalar(json.RawMessage(raw)); !ok || got != want {
			t.Errorf("%q: got %q, %v", raw, got, ok)
		}
	}
	for _, raw := range []string{`[]`, `{}`, `["a"]`, `x`, `"a`} {
		if got, ok := Scalar(json.RawMessage(raw)); ok {
			t.Errorf("%q: got %q", raw, got)
		}
	}
}

// A subnet's network with host bits or in capitals stays as it was written.
func TestNetworkSpelling(t *testing.T) {
	subnet := func(cidr string) *model.Subnet {
		return &model.Subnet{ID: "z1-" + strings.ReplaceAll(cidr, "/", "-"), CIDR: netip.MustParsePrefix(cidr)}
	}
	s := subnet("fd00::/64")
	SetNetwork(s, "fd00::/64")
	if s.ClientSpelling != nil || Network(s) != "fd00::/64" || SubnetID(s) != "z1-fd00::-64" {
		t.Errorf("canonical: %v, %s, %s", s.ClientSpelling, Network(s), SubnetID(s))
	}
	SetNetwork(s, "FD00::/64")
	if Network(s) != "FD00::/64" || SubnetID(s) != "z1-FD00::-64" {
		t.Errorf("capitals: %s, %s", Network(s), SubnetID(s))
	}
	if err := CheckClientSpelling(s); err != nil {
		t.Error(err)
	}
	SetNetwork(s, "FD00:0::/64")
	if Network(s) != "FD00:0::/64" {
		t.Errorf("the second spelling: %s", Network(s))
	}
	s.ClientSpelling["gateway"] = []string{"FD00::1"}
	s.Gateway = netip.MustParseAddr("fd00::1")
	SetNetwork(s, "FD00::/64")
	if len(s.ClientSpelling["gateway"]) != 1 {
		t.Error("other spellings are lost")
	}
	for _, spelling := range [][]string{{"fd01::/64"}, {"x"}, {}, {"FD00::/64", "FD00::/64"}} {
		s := subnet("fd00::/64")
		s.ClientSpelling = model.ClientSpelling{"cidr": spelling}
		if Network(s) != "fd00::/64" {
			t.Errorf("%q: got %s", spelling, Network(s))
		}
		if CheckClientSpelling(s) == nil {
			t.Errorf("%q passes as a spelling of %s", spelling, s.CIDR)
		}
	}
	if CheckClientSpelling(&model.VNet{ID: "v", ClientSpelling: model.ClientSpelling{"cidr": {"fd00::/64"}}}) == nil {
		t.Error("a VNet has no network")
	}
}

// What is read is a list with the properties of an object in its type.
func TestOptions(t *testing.T) {
	for _, c := range []struct {
		typ  string
		v    Values
		want string
	}{
		{"simple", Values{typeKey: {"simple"}, "mtu": {"1500"}}, ""},
		{"simple", Values{"bridge": {"vmbr0"}}, "unexpected property 'bridge'"},
		{"simple", Values{"nosuch": {"1"}}, "unexpected property 'nosuch'"},
		{"vlan", Values{"bridge": {"vmbr0"}}, ""},
		{"vlan", Values{"bridge": {}}, "missing value for required option 'bridge'"},
		{"qinq", Values{"bridge": {"vmbr0"}}, "missing value for required option 'tag'"},
	} {
		got := ""
		if err := Zones().Options(c.typ, c.v); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s %v: got %q, want %q", c.typ, c.v, got, c.want)
		}
	}
}

func TestMerge(t *testing.T) {
	old := Values{typeKey: {"vlan"}, "bridge": {"vmbr0"}, "mtu": {"1500"}, "nodes": {"a"}}
	for _, c := range []struct {
		given  Values
		remove []string
		want   Values
		fault  string
	}{
		{Values{"mtu": {"9000"}}, nil, old.with("mtu", "9000"), ""},
		{nil, []string{"mtu", "nodes"}, old.with("mtu").with("nodes"), ""},
		{Values{"mtu": {}}, nil, old.with("mtu"), ""},
		{Values{"mtu": {}}, []string{"mtu"}, old.with("mtu"), ""},
		{nil, []string{"nosuch"}, nil, "no such option 'nosuch'"},
		{nil, []string{"tag"}, nil, "no such option 'tag'"},
		{nil, []string{"bridge"}, nil, "unable to delete required option 'bridge'"},
		{Values{"mtu": {"1"}}, []string{"mtu"}, nil, "cannot set and delete property 'mtu' at the same time!"},
		{Values{"bridge": {}}, nil, nil, "unable to delete required option 'bridge'"},
		{Values{"nosuch": {"1"}}, nil, nil, "unexpected property 'nosuch'"},
		{Values{"nosuch": {}}, nil, nil, "unexpected property 'nosuch'"},
		{Values{"tag": {"1"}}, nil, nil, "unexpected property 'tag'"},
	} {
		got, err := Zones().Merge("vlan", old, c.given, c.remove)
		if err != nil != (c.fault != "") || err != nil && err.Error() != c.fault {
			t.Errorf("%v without %v: got error %v, want %q", c.given, c.remove, err, c.fault)
		} else if d := cmp.Diff(c.want, got); err == nil && d != "" {
			t.Errorf("%v without %v (-want +got):\n%s", c.given, c.remove, d)
		}
	}
	if !slices.Equal(old["mtu"], []string{"1500"}) {
		t.Error("the old values are changed")
	}
}
