package schema

import (
	"strings"
	"testing"
)

// forms checks which texts a form accepts.
func forms(t *testing.T, name string, check func(string) string, valid, invalid []string) {
	t.Helper()
	for _, s := range valid {
		if what := check(s); what != "" {
			t.Errorf("%s %q: got %q, want none", name, s, what)
		}
	}
	for _, s := range invalid {
		if check(s) == "" {
			t.Errorf("%s %q is accepted", name, s)
		}
	}
}

// IDs follow the patterns of Proxmox VE's SDN plugins; the texts are those of its API.
func TestCheckID(t *testing.T) {
	short := []string{"z1", "ab", "A1b", "abcdefgh"}
	notShort := []string{"", "z", "1z", "z-1", "z_1", "ä1", "z1\n"}
	for _, k := range []*Kind{zones, vnets} {
		forms(t, k.Noun, k.CheckID, short, append([]string{"abcdefghi"}, notShort...))
	}
	for _, k := range []*Kind{ipams, nameServers} { // without a limit of their own
		forms(t, k.Noun, k.CheckID, append([]string{"abcdefghi"}, short...), notShort)
	}
	forms(t, "controller", controllers.CheckID,
		[]string{"c1", "evpn_1", "a-b", "c" + strings.Repeat("x", 63)}, []string{"", "c", "_c", "c_", "c" + strings.Repeat("x", 64)})
	forms(t, "fabric", fabrics.CheckID,
		[]string{"fa", "f-1", "11", "abcdefgh"}, []string{"", "f", "f_1", "-f", "f-", "abcdefghi"})
	for want, got := range map[string]string{
		"invalid format - zone ID '1z' contains illegal characters":                                                 zones.CheckID("1z"),
		"invalid format - vnet ID '1v' contains illegal characters":                                                 vnets.CheckID("1v"),
		"invalid format - zone ID 'abcdefghi' can't be more length than 8 characters":                               zones.CheckID("abcdefghi"),
		"invalid format - controller ID '1c' contains illegal characters":                                           controllers.CheckID("1c"),
		"invalid format - ID '1p' contains illegal characters":                                                      ipams.CheckID("1p"),
		"value must be at least 2 characters long":                                                                  fabrics.CheckID("f"),
		"value may only be 8 characters long":                                                                       fabrics.CheckID("abcdefghi"),
		"invalid format - value does not look like a valid fabric ID":                                               fabrics.CheckID("f_1"),
		"invalid format - controller ID 'c" + strings.Repeat("x", 64) + "' can't be more length than 64 characters": controllers.CheckID("c" + strings.Repeat("x", 64)),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestForms(t *testing.T) {
	label := strings.Repeat("a", 63)
	for name, c := range map[string]struct {
		check          func(string) string
		valid, invalid []string
	}{
		"configuration ID": {configID, []string{"a", "A_1-b", strings.Repeat("a", 32)}, []string{"", "-a", "a-", "a b", strings.Repeat("a", 33)}},
		"node":             {nodeName, []string{"n", "node-1"}, []string{"", "node_1", "-n", "n.b"}},
		"DNS name":         {dnsName, []string{"lab", "a.b", label + "." + label}, []string{"", "a..b", "-a", "a.", label + "a"}},
		"address":          {Address, []string{"10.0.0.1", "fd00::1"}, []string{"", "10.0.0.1/8", "fe80::1%eth0", "10.0.0"}},
		"IPv4 address":     {address4, []string{"10.0.0.1"}, []string{"fd00::1", "x"}},
		"IPv6 address":     {address6, []string{"fd00::1"}, []string{"10.0.0.1", "x"}},
		"IPv4 network":     {prefix4, []string{"10.0.0.0/8", "0.0.0.0/0"}, []string{"fd00::/8", "10.0.0.1", "10.0.0.0/33"}},
		"IPv6 network":     {prefix6, []string{"fd00::/8"}, []string{"10.0.0.0/8", "fd00::1", "fd00::/129"}},
		"network":          {prefix, []string{"fd00::/8", "10.0.0.0/8"}, []string{"fd00::1", "10.0.0.1", ""}},
		"WireGuard key":    {publicKey, []string{"xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="}, []string{"", "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8D==", "x"}},
		"subnet":           {CIDR, []string{"10.0.0.0/8", "10.0.0.5/32", "fd00::/128"}, []string{"10.0.0.0/7", "10.0.0.0", "fd00::/7"}},
		// IEEE 802: the lowest bit of the first byte is set in group addresses.
		"MAC address":   {MAC, []string{"bc:24:11:00:00:01", "BC:24:11:00:00:01", "fe:ff:ff:ff:ff:ff"}, []string{"", "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "bc-24-11-00-00-01", "bc:24:11:00:00"}},
		"route target":  {routeTarget, []string{"65000:1", "0:0", "4294967295:4294967295"}, []string{"65000", "65000:", ":1", "a:1", "1:b", "1:2:3", "4294967296:1", "-1:1"}},
		"entity title":  {entityTitle, []string{"49.0001.1921.6800.1002.00", "49.0001.0002.0003.00", "49.0001.0001.0001.0001.0001.0001.0001.0001.0001.00"}, []string{"49.0001.0002.00", "49.0001.0001.0001.0001.0001.0001.0001.0001.0001.0001.00", "49.0001.1921.6800.1002", "4g.0001.0002.0003.00"}},
		"OSPF area":     {ospfArea, []string{"0", "4294967295", "0.0.0.1"}, []string{"", "4294967296", "-1", "::1", "0.0.0"}},
		"fingerprint":   {fingerprint, []string{strings.Repeat("aF:", 31) + "00"}, []string{"", strings.Repeat("aF:", 30) + "00", strings.Repeat("aF:", 32) + "00", strings.Repeat("ag:", 31) + "00"}},
		"alias":         {aliasText, []string{"", "Büro (2. OG) <a@b>", "a\tb"}, []string{"a|b", "a\x00"}},
		"line of text":  {lineFault, []string{"", "a\tb", "Büro"}, []string{"a\nb", "a\rb", "a\x00"}},
		"boolean":       {(&Property{Form: Boolean}).fault, []string{"1", "0", "on", "OFF", "Yes", "no", "True", "false"}, []string{"", "2", "maybe"}},
		"text":          {(&Property{Form: Text}).fault, []string{"", strings.Repeat("ä", 4096)}, []string{strings.Repeat("a", 4097), "a\nb"}},
		"short text":    {(&Property{Form: Text, MaxLength: 2}).fault, []string{"", "ää"}, []string{"abc"}},
		"short list":    {(&Property{Form: List, MaxLength: 2}).fault, []string{"a,"}, []string{"a,b"}},
		"list":          {(&Property{Form: List}).fault, []string{"", "a,b;c d", strings.Repeat("a", 64<<10)}, []string{strings.Repeat("a", 64<<10+1), "a\x01"}},
		"list of nodes": {(&Property{Form: List, Check: nodeName}).fault, []string{"", "a,b"}, []string{"a,b_c"}},
		"array":         {(&Property{Form: Array, Check: nodeName}).fault, []string{"a"}, []string{"a,b", strings.Repeat("a", 4097)}},
		"enumeration":   {(&Property{Form: Text, Enum: []string{"a", "b"}}).fault, []string{"a", "b"}, []string{"", "c", "ab"}},
		"checked text":  {(&Property{Form: Text, Check: Address}).fault, []string{"10.0.0.1"}, []string{"x"}},
		"integer":       {(&Property{Form: Integer}).fault, []string{"0", "+5", "007", "9223372036854775807"}, []string{"", "-1", "1.5", "0x1", "9223372036854775808", strings.Repeat("0", 21)}},
		"bounded":       {(&Property{Form: Integer, Min: 1, Max: 3}).fault, []string{"1", "3"}, []string{"0", "4"}},
		"negative":      {(&Property{Form: Integer, Min: -1}).fault, []string{"-1"}, []string{"-2"}},
	} {
		forms(t, name, c.check, c.valid, c.invalid)
	}
}

// Texts of the Proxmox VE API, as PVE::JSONSchema writes them.
func TestFault(t *testing.T) {
	for _, c := range []struct {
		p      Property
		values []string
		want   string
	}{
		{Property{Form: Text}, []string{"a"}, ""},
		{Property{Form: Text}, []string{"a", "b"}, "type check ('string') failed - got ARRAY"},
		{Property{Form: List}, []string{"a", "b"}, "type check ('string') failed - got ARRAY"},
		{Property{Form: Integer}, []string{}, "type check ('integer') failed - got ARRAY"},
		{Property{Form: Boolean}, []string{"x"}, "type check ('boolean') failed - got 'x'"},
		{Property{Form: Integer}, []string{"x"}, "type check ('integer') failed - got 'x'"},
		{Property{Form: Integer}, []string{"9223372036854775808"}, "type check ('integer') failed - got '9223372036854775808'"},
		{Property{Form: Integer, Min: 2}, []string{"1"}, "value must have a minimum value of 2"},
		{Property{Form: Integer, Max: 2}, []string{"3"}, "value must have a maximum value of 2"},
		{Property{Form: Text, MaxLength: 2}, []string{"abc"}, "value may only be 2 characters long"},
		{Property{Form: Text, Enum: []string{"a", "b"}}, []string{"c"}, "value 'c' does not have a value in the enumeration 'a, b'"},
		{Property{Form: Text, Check: Address}, []string{"c"}, Address("c")},
		{Property{Form: List, Check: Address}, []string{"10.0.0.1,c"}, Address("c")},
		{Property{Form: Array}, []string{}, ""},
		{Property{Form: Array, Check: Address}, []string{"10.0.0.1", "c"}, Address("c")},
	} {
		if got := c.p.Fault(c.values); got != c.want {
			t.Errorf("%s %q: got %q, want %q", c.p.Form, c.values, got, c.want)
		}
	}
}

// Only an empty text that the form does not allow clears an optional property.
func TestClears(t *testing.T) {
	address := Property{Form: Text, Check: Address}
	for _, c := range []struct {
		p      Property
		values []string
		want   bool
	}{
		{address, []string{""}, true},
		{address, []string{"x"}, false},
		{address, []string{"", ""}, false},
		{address, nil, false},
		{Property{Form: Text, Check: Address, Need: 'r'}, []string{""}, false},
		{Property{Form: Text}, []string{""}, false},
		{Property{Form: Integer}, []string{""}, false},
	} {
		if got := c.p.Clears(c.values); got != c.want {
			t.Errorf("%+v %q: got %v", c.p.Form, c.values, got)
		}
	}
}

// Integers are compared as numbers, everything else as text.
func TestEqual(t *testing.T) {
	for _, c := range []struct {
		form Form
		a, b string
		want bool
	}{
		{Text, "1", "1", true}, {Text, "1", "01", false},
		{Integer, "1", "01", true}, {Integer, "+1", "1", true}, {Integer, "1", "2", false},
		{Integer, "x", "x", true}, {Integer, "x", "y", false}, {Integer, "x", "0", false}, {Integer, "0", "x", false},
	} {
		if got := (&Property{Form: c.form}).Equal(c.a, c.b); got != c.want {
			t.Errorf("%s %q and %q: got %v", c.form, c.a, c.b, got)
		}
	}
}

func TestBooleansAndItems(t *testing.T) {
	for text, want := range map[string]bool{"on": true, "TRUE": true, "1": true, "off": false, "0": false, "No": false} {
		if got, ok := parseBool(text); !ok || got != want {
			t.Errorf("%q: got %v, %v", text, got, ok)
		}
	}
	if got := strings.Join(Items("a,b", "c;d  e\tf", ""), "|"); got != "a|b|c|d|e|f" {
		t.Errorf("Items: got %q", got)
	}
}
