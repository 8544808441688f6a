package model

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An edit is read as it is written; other text is refused.
func TestEditAsJSON(t *testing.T) {
	for text, e := range map[string]Edit{
		`{"kind":"zone","id":"z","object":{"id":"z","type":"simple"}}`: {Put: &Zone{ID: "z", Type: ZoneSimple}},
		`{"kind":"vnet","id":"v"}`:                                     {Kind: KindVNet, ID: "v"},
	} {
		got, err := json.Marshal(e)
		if err != nil || string(got) != text {
			t.Errorf("written %s, %v; want %s", got, err, text)
		}
		var back Edit
		if err := json.Unmarshal([]byte(text), &back); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		kind, id := e.Target()
		if k, i := back.Target(); k != kind || i != id || (back.Put == nil) != (e.Put == nil) {
			t.Errorf("%s is read as %+v", text, back)
		}
		if e.Put != nil {
			if d := cmp.Diff(e.Put, back.Put); d != "" {
				t.Errorf("%s (-want +got):\n%s", text, d)
			}
		}
	}
	var e Edit
	if err := json.Unmarshal([]byte(`{"kind":"vnet","id":"v","object":null}`), &e); err != nil || e.Put != nil || e.ID != "v" {
		t.Errorf("null object: %+v, %v", e, err)
	}
	for _, text := range []string{`{"kind":"horse","id":"x"}`, `{"kind":"zone","id":"z","colour":1}`, `{"kind":"zone","id":"z","object":{"colour":1}}`, `[]`, `{"kind":"zone","id":"z","object":[]}`} {
		if err := json.Unmarshal([]byte(text), &e); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

func TestDecode(t *testing.T) {
	if o, err := Decode(KindZone, []byte(`{"id":"z"}`)); err != nil || o.ObjectID() != "z" {
		t.Errorf("%v, %v", o, err)
	}
	for _, c := range [][2]string{{"horse", `{}`}, {"zone", `{"colour":1}`}, {"zone", `{} {}`}, {"zone", `{`}} {
		if o, err := Decode(Kind(c[0]), []byte(c[1])); err == nil {
			t.Errorf("%s %s is read as %v", c[0], c[1], o)
		}
	}
}

// A binding is found by its MAC address, else by the NIC, else by its first address.
func TestBindingID(t *testing.T) {
	ips := []netip.Addr{netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("fd00::5")}
	for want, b := range map[string]Binding{
		"z/bc:24:11:00:00:01": {Zone: "z", MAC: "bc:24:11:00:00:01", Guest: "100", NIC: "net0", IPs: ips},
		"z/100.net0":          {Zone: "z", Guest: "100", NIC: "net0", IPs: ips},
		"z/10.0.0.5":          {Zone: "z", IPs: ips},
		"z/":                  {Zone: "z"},
	} {
		if got := b.ID(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestKindNames(t *testing.T) {
	for text, want := range map[string]Kind{
		"zone": KindZone, "zones": KindZone, "vnets": KindVNet, "dns": KindDNS, "prefix-lists": KindPrefixList, "alias": KindAlias, "fabric-nodes": KindFabricNode,
		"horse": "", "": "", "Zone": "", "zoness": "",
	} {
		if got, ok := ParseKind(text); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", text, got, ok, want)
		}
	}
	for _, k := range Kinds() {
		if got, ok := ParseKind(k.Plural()); got != k || !ok {
			t.Errorf("%s: %q is %q", k, k.Plural(), got)
		}
		if k.Revisioned() == slices.Contains(LiveKinds(), k) {
			t.Errorf("%s is revisioned and live, or neither", k)
		}
	}
	if Kind("horse").Plural() != "horses" || !Kind("horse").Revisioned() || Kind("horse").Descriptor() != nil {
		t.Error("an unknown kind")
	}
}

func TestSets(t *testing.T) {
	for name, want := range map[string]bool{
		"lab": true, "0.a_b-c": true, strings.Repeat("s", 63): true, "": false, "-a": false, ".a": false, "a/b": false, strings.Repeat("s", 64): false,
	} {
		if ValidSet(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
		z := &Zone{ID: "z"}
		SetSet(z, name)
		if SetOf(z) != name || z.Set != name {
			t.Errorf("%q is kept as %q", name, z.Set)
		}
		if ps := CheckSet(z); (len(ps) == 0) != (want || name == "") || len(ps) > 0 && (ps[0].Field != "set" || ps[0].Value != name || ps[0].Kind != KindZone || ps[0].ID != "z") {
			t.Errorf("%q: %v", name, ps)
		}
	}
	SetSet(nil, "lab")
	if SetOf(nil) != "" {
		t.Error("nothing has a set")
	}
}

// A secret is never printed, is not given to those who may not read it, and stays when an
// update without it is stored.
func TestSecrets(t *testing.T) {
	if s := Secret("hunter2"); s.String() != "(secret)" || s.GoString() != "(secret)" || Secret("").String() != "" {
		t.Errorf("printed as %s", s)
	}
	full := &IPAM{ID: "nb", Type: "netbox", Token: "hunter2"}
	bare := WithoutSecrets(full).(*IPAM)
	if bare.Token != "" || bare.ID != "nb" || full.Token != "hunter2" {
		t.Errorf("without secrets: %+v of %+v", bare, full)
	}
	if got := LackingSecrets(bare); !slices.Equal(got, []string{"token"}) {
		t.Errorf("it lacks %v", got)
	}
	if got := LackingSecrets(full); len(got) != 0 {
		t.Errorf("the full one lacks %v", got)
	}
	if got := KeepSecrets(bare, full).(*IPAM); got.Token != "hunter2" || bare.Token != "" {
		t.Errorf("kept as %+v", got)
	}
	if got := KeepSecrets(&IPAM{ID: "nb", Type: "netbox", Token: "new"}, full).(*IPAM); got.Token != "new" {
		t.Errorf("the new one became %q", string(got.Token))
	}
	for what, old := range map[string]Object{
		"nothing": nil, "a missing one": (*IPAM)(nil), "another type": &IPAM{ID: "nb", Type: "phpipam", Token: "hunter2"}, "another kind": &NameServer{ID: "nb", Key: "hunter2"},
	} {
		if got := KeepSecrets(bare, old).(*IPAM); got != bare {
			t.Errorf("%s gave %+v", what, got)
		}
	}
	z := &Zone{ID: "z"}
	if WithoutSecrets(z) != Object(z) || len(LackingSecrets(z)) != 0 || WithoutSecrets(nil) != nil {
		t.Error("an object without secrets is another")
	}
}

func TestClientSpelling(t *testing.T) {
	w := ClientSpelling{"mtu": {"01450"}, "dhcp-range": {"a", "b"}}
	if got := w.String(); got != "dhcp-range=a b, mtu=01450" {
		t.Error(got)
	}
	z := &Zone{ID: "z"}
	SetClientSpelling(z, w)
	if d := cmp.Diff(w, ClientSpellingOf(z)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	g := &Alias{ID: "a"}
	SetClientSpelling(g, w)
	SetClientSpelling(nil, w)
	if ClientSpellingOf(nil) != nil {
		t.Error("nothing has a spelling")
	}
}

// External systems need an http URL without a password, and credentials.
func TestExternalSystems(t *testing.T) {
	fingerprint := strings.TrimSuffix(strings.Repeat("AB:", 32), ":")
	ipam := func(change func(*IPAM)) *IPAM {
		i := &IPAM{ID: "nb", Type: "netbox", URL: "https://netbox.example.com/api", Token: "x"}
		change(i)
		return i
	}
	dns := func(change func(*NameServer)) *NameServer {
		n := &NameServer{ID: "pd", Type: DNSTypePowerDNS, URL: "http://pdns.example.com:8081/api/v1/servers/localhost", Key: "x"}
		change(n)
		return n
	}
	for what, c := range map[string]struct {
		o    Object
		want []string
	}{
		"IPAM":                    {ipam(func(*IPAM) {}), nil},
		"IPAM, fingerprint":       {ipam(func(i *IPAM) { i.Fingerprint = fingerprint }), nil},
		"IPAM, short fingerprint": {ipam(func(i *IPAM) { i.Fingerprint = "AB:CD" }), []string{"fingerprint AB:CD"}},
		"IPAM, no URL":            {ipam(func(i *IPAM) { i.URL = "" }), []string{"url"}},
		"IPAM, no http URL":       {ipam(func(i *IPAM) { i.URL = "ftp://netbox" }), []string{"url ftp://netbox"}},
		"IPAM, no host":           {ipam(func(i *IPAM) { i.URL = "https:///api" }), []string{"url https:///api"}},
		"IPAM, not a URL":         {ipam(func(i *IPAM) { i.URL = "http://[" }), []string{"url http://["}},
		"IPAM, password":          {ipam(func(i *IPAM) { i.URL = "http://u:hunter2@netbox/" }), []string{"url http://u:xxxxx@netbox/"}},
		"IPAM, no token":          {ipam(func(i *IPAM) { i.Token = "" }), []string{"token"}},
		"phpIPAM, no section":     {ipam(func(i *IPAM) { i.Type = IPAMTypePHPIPAM }), []string{"section"}},
		"phpIPAM":                 {ipam(func(i *IPAM) { i.Type, i.Section = IPAMTypePHPIPAM, 1 }), nil},
		"built-in IPAM":           {&IPAM{ID: IPAMBuiltin, Type: IPAMTypePVE}, nil},
		"another built-in IPAM":   {&IPAM{ID: "px", Type: IPAMTypePVE}, nil},
		"its name for another":    {ipam(func(i *IPAM) { i.ID = IPAMBuiltin }), []string{"type netbox"}},
		"DNS":                     {dns(func(*NameServer) {}), nil},
		"DNS, no key":             {dns(func(n *NameServer) { n.Key = "" }), []string{"key"}},
		"DNS, no URL":             {dns(func(n *NameServer) { n.URL = "" }), []string{"url"}},
		"reverse zone":            {dns(func(n *NameServer) { n.ReverseMaskV6 = 64 }), nil},
		"reverse zone, half":      {dns(func(n *NameServer) { n.ReverseMaskV6 = 62 }), []string{"reversemaskv6 62"}},
	} {
		live := &Config{}
		live.Set(c.o)
		var got []string
		for _, p := range ValidateLive([]Edit{{Put: c.o}}, live, &Config{}, nil) {
			got = append(got, strings.TrimSpace(p.Field+" "+p.Value))
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
}

// What a revisioned object refers to is live: a missing IPAM is found, the built-in one is
// always there.
func TestLiveReferences(t *testing.T) {
	live := &Config{}
	live.Set(&IPAM{ID: "nb", Type: "netbox"})
	live.Set(&IPAM{ID: IPAMBuiltin, Type: IPAMTypePVE})
	for what, c := range map[string]struct {
		o    Object
		want []string
	}{
		"none": {&Zone{ID: "z"}, nil}, "built in": {&Zone{ID: "z", IPAM: IPAMBuiltin}, nil}, "declared": {&Zone{ID: "z", IPAM: "nb"}, nil},
		"missing": {&Zone{ID: "z", IPAM: "xy", DNS: "pd"}, []string{"ipam xy", "dns pd"}},
	} {
		var got []string
		for _, p := range CheckLiveReferences(c.o, live) {
			got = append(got, p.Field+" "+p.Value)
			if !p.Lax {
				t.Errorf("%s: Proxmox VE takes it: %v", what, p)
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
	if ps := ValidateLive([]Edit{{Kind: KindIPAM, ID: IPAMBuiltin}}, live, &Config{}, nil); len(ps) != 1 || ps[0].Lax {
		t.Errorf("deleting the built-in IPAM: %v", ps)
	}
	used := &Config{Zones: map[string]*Zone{"z": {ID: "z", IPAM: "nb"}}}
	if ps := ValidateLive([]Edit{{Kind: KindIPAM, ID: "nb"}}, live, used, nil); len(ps) != 1 || !ps[0].Lax || ps[0].About != Ref(KindZone, "z") {
		t.Errorf("deleting an IPAM in use: %v", ps)
	}
	if ps := ValidateLive([]Edit{{Kind: KindIPAM, ID: "nb"}}, live, &Config{}, nil); len(ps) != 0 {
		t.Errorf("deleting another: %v", ps)
	}
}

// A router ID is the last four bytes of the MAC address, of the bridge or bond if the link
// belongs to one.
func TestHardwareRouterID(t *testing.T) {
	f := &Facts{Interfaces: []Interface{
		{Name: "eth0", MAC: "02:00:0a:00:00:01"}, {Name: "eth1", MAC: "02:00:0a:00:00:02", Master: "vmbr0"}, {Name: "vmbr0", Kind: "bridge", MAC: "02:00:0a:00:00:03"},
		{Name: "eth2", MAC: "02:00:0a:00:00:04", Master: "bond0"}, {Name: "bond0", Kind: "bond", MAC: "02:00:0a:00:00:05"},
		{Name: "eth3", MAC: "02:00:0a:00:00:06", Master: "red"}, {Name: "red", Kind: "vrf", MAC: "02:00:0a:00:00:07"},
		{Name: "eth4", MAC: "02:00:0a:00:00:08", Master: "gone"}, {Name: "lo", MAC: "00:00:00:00:00:00"}, {Name: "tun0"}, {Name: "ib0", MAC: "02:00:0a:00:00:01:02:03"},
	}}
	for link, want := range map[string]string{
		"eth0": "10.0.0.1", "eth1": "10.0.0.3", "eth2": "10.0.0.5", "eth3": "10.0.0.6", "eth4": "10.0.0.8", "vmbr0": "10.0.0.3", "lo": "", "tun0": "", "ib0": "", "none": "",
	} {
		got := f.HardwareRouterID(link)
		if got.IsValid() != (want != "") || got.IsValid() && got.String() != want {
			t.Errorf("%s: %v, want %s", link, got, want)
		}
	}
}

// Of a bridge's ports those to a network card are its uplinks; a port to a container only if
// there is no other.
func TestUplinks(t *testing.T) {
	names := func(ports ...PortVLANs) string {
		b := &BridgeVLANs{Ports: ports}
		var out []string
		for _, p := range b.Uplinks() {
			out = append(out, p.Name)
		}
		return strings.Join(out, " ")
	}
	card, veth, tap := PortVLANs{Name: "eth0"}, PortVLANs{Name: "veth0", Kind: "veth"}, PortVLANs{Name: "tap0", Kind: "tap"}
	for _, c := range [][2]string{{names(card, veth, tap), "eth0"}, {names(veth, tap), "veth0"}, {names(tap), ""}, {names(), ""}} {
		if c[0] != c[1] {
			t.Errorf("got %q, want %q", c[0], c[1])
		}
	}
	p := PortVLANs{Tagged: []VLANRange{{5, 5}, {10, 20}}}
	for vlan := range 4095 {
		if want := vlan == 5 || vlan >= 10 && vlan <= 20; p.Carries(vlan) != want {
			t.Errorf("VLAN %d: %v", vlan, !want)
		}
	}
	f := &Facts{BridgeVLANs: []BridgeVLANs{{Bridge: "vmbr0"}, {Bridge: "vmbr1"}}}
	if got := f.VLANsOf("vmbr1"); got != &f.BridgeVLANs[1] {
		t.Errorf("vmbr1: %v", got)
	}
	if f.VLANsOf("vmbr2") != nil {
		t.Error("VLANs of a bridge that is not there")
	}
}

// The documentation of a property has its bounds and the types that it is for.
func TestPropertyText(t *testing.T) {
	for _, c := range []struct {
		p                       Property
		bounds, described, text string
	}{
		{Property{Doc: "d"}, "", "d", "d"},
		{Property{Doc: "d", Min: 1, Max: 600, Unit: "seconds"}, "1 to 600 seconds", "d", "d (1 to 600 seconds)"},
		{Property{Doc: "d", Max: 9}, "0 to 9", "d", "d (0 to 9)"},
		{Property{Doc: "d", Values: []string{"a", "b", "c"}}, "a, b or c", "d", "d (a, b or c)"},
		{Property{Doc: "d", Types: []string{"vlan", "qinq"}}, "", "d (vlan, qinq)", "d (vlan, qinq)"},
		{Property{Doc: "d", Max: 9, Types: []string{"vlan"}}, "0 to 9", "d (vlan)", "d (0 to 9; vlan)"},
	} {
		if got := [3]string{c.p.Bounds(), c.p.Described(), c.p.Text()}; got != [3]string{c.bounds, c.described, c.text} {
			t.Errorf("%+v: %q", c.p, got)
		}
	}
}

// Values of clauses are what FRR takes (FRR: route maps).
func TestClauseBounds(t *testing.T) {
	for clause, want := range map[string]bool{
		"match vni=1": true, "match vni=16777215": true, "match vni=0": false, "match vni=16777216": false, "match vni=x": false,
		"match tag=1": true, "match tag=4294967295": true, "match tag=0": false, "match tag=00": false, "match tag=4294967296": false, "match tag=x": false,
		"match metric=0": true, "match metric=-1": false, "match route-type=prefix": true, "match route-type=x": false,
		"match ip-next-hop-address=10.0.0.1": true, "match ip-next-hop-address=fd00::1": false, "match ip6-next-hop-address=fd00::1": true, "match ip6-next-hop-address=10.0.0.1": false,
		"match peer=10.0.0.1": true, "match peer=eth0": true, "match peer=a b": false,
		"set metric=+50": true, "set metric=-50": true, "set metric=50": true, "set metric=rtt": true, "set metric=+": false, "set metric=++5": false, "set metric=": false,
		"set local-preference=+5": true, "set local-preference=x": false, "set tag=untagged": true, "set tag=0": false, "set src=10.0.0.1": true, "set src=x": false,
	} {
		what, rest, _ := strings.Cut(clause, " ")
		key, value := SplitClause(rest)
		keys := map[string]map[string]ClauseValue{"match": MatchKeys, "set": SetKeys}[what]
		if got := keys[key].Valid(value); got != want {
			t.Errorf("%s: %v", clause, got)
		}
	}
	if JoinClause("a", "") != "a" || JoinClause("a", "b") != "a=b" {
		t.Error("a clause is not joined as it is split")
	}
	m := &RouteMap{Entries: []RouteMapEntry{{Order: 20, Call: "b"}, {Order: 10, Call: "a"}, {Order: 20, Call: "c"}}}
	got := m.Ordered()
	if got[0].Call+got[1].Call+got[2].Call != "abc" || m.Entries[0].Call != "b" {
		t.Errorf("ordered %v of %v", got, m.Entries)
	}
}
