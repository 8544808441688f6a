package model

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// big returns a configuration of n VNets with a subnet each.
func big(n int) *Config {
	cfg := &Config{}
	z := &Zone{ID: "vx", Type: ZoneVXLAN, Peers: []netip.Addr{netip.MustParseAddr("192.168.0.1"), netip.MustParseAddr("192.168.0.2")}}
	must(cfg.Put(z))
	for i := range n {
		id := fmt.Sprintf("v%d", i+10)
		must(cfg.Put(&VNet{ID: id, Zone: "vx", Tag: i + 1}))
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)
		must(cfg.Put(&Subnet{CIDR: p, VNet: id, Gateway: p.Addr().Next()}))
	}
	return cfg
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func TestValidateLargeConfigIsClean(t *testing.T) {
	cfg := big(10000)
	got := Validate(cfg, []string{"node1"})
	if len(got) != 0 {
		t.Fatalf("problems in a correct configuration: %v", got[0])
	}
}

// Thousands of dangling names must not cost a search each: that would take many minutes.
func TestValidateManyDanglingReferences(t *testing.T) {
	cfg := big(10000)
	cfg.Delete(KindZone, "vx")
	for i := range 900 {
		must(cfg.Put(&Zone{ID: fmt.Sprintf("z%d", i+10), Type: ZoneSimple}))
	}
	start := time.Now()
	got := Validate(cfg, nil)
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %v", took)
	}
	if n := len(got.Errors(false)); n != 10000 {
		t.Errorf("%d errors, want one per vnet", n)
	}
}

func BenchmarkValidate10000(b *testing.B) {
	cfg := big(10000)
	for b.Loop() {
		if got := Validate(cfg, nil); len(got) != 0 {
			b.Fatal(got[0])
		}
	}
}

// The sorted sweep must find exactly the subnets that lie in another one.
func TestOverlapsAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := &Config{}
		for _, z := range []string{"za", "zb"} {
			must(cfg.Put(&Zone{ID: z, Type: ZoneSimple, Nodes: []string{"on" + z}})) // which share no routing table
			must(cfg.Put(&VNet{ID: "v" + z, Zone: z}))
		}
		for range rapid.IntRange(0, 25).Draw(t, "n") {
			addr := netip.AddrFrom4([4]byte{10, byte(rapid.IntRange(0, 3).Draw(t, "b")), byte(rapid.SampledFrom([]int{0, 64, 128}).Draw(t, "c")), 0})
			p := netip.PrefixFrom(addr, rapid.IntRange(14, 26).Draw(t, "bits")).Masked()
			must(cfg.Put(&Subnet{CIDR: p, VNet: rapid.SampledFrom([]string{"vza", "vzb"}).Draw(t, "vnet")}))
		}
		want := map[string]bool{}
		for id, s := range cfg.Subnets {
			for other, o := range cfg.Subnets {
				if id != other && o.VNet == s.VNet && o.CIDR.Bits() <= s.CIDR.Bits() && o.CIDR.Overlaps(s.CIDR) {
					want[id] = true
				}
			}
		}
		got := map[string]bool{}
		for _, p := range Validate(cfg, []string{"onza", "onzb"}) {
			if !p.Lax || p.Field != "cidr" {
				t.Fatalf("unexpected problem: %v", p)
			}
			got[p.ID] = true
		}
		if len(got) != len(want) {
			t.Fatalf("overlapping %v, want %v", got, want)
		}
		for id := range want {
			if !got[id] {
				t.Fatalf("%s overlaps, not found", id)
			}
		}
	})
}

func guestConfig() *Config {
	cfg := &Config{}
	must(cfg.Put(&Zone{ID: "simple", Type: ZoneSimple}))
	must(cfg.Put(&Zone{ID: "far", Type: ZoneSimple, Nodes: []string{"node2"}}))
	must(cfg.Put(&Zone{ID: "vx", Type: ZoneVXLAN, Peers: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}))
	must(cfg.Put(&VNet{ID: "vnet1", Zone: "simple"}))
	must(cfg.Put(&VNet{ID: "vnet2", Zone: "far"}))
	must(cfg.Put(&VNet{ID: "vnet3", Zone: "vx", Tag: 3}))
	must(cfg.Put(&Subnet{CIDR: netip.MustParsePrefix("10.0.1.0/24"), VNet: "vnet1", Gateway: netip.MustParseAddr("10.0.1.1")}))
	must(cfg.Put(&Subnet{CIDR: netip.MustParsePrefix("10.0.3.0/24"), VNet: "vnet3", Gateway: netip.MustParseAddr("10.0.3.1")}))
	return cfg
}

func guest(id, node string, nics ...NIC) *Guest { return &Guest{ID: id, Node: node, NICs: nics} }

func nic(id, vnet, mac string, ips ...string) NIC {
	n := NIC{ID: id, VNet: vnet, MAC: mac}
	for _, ip := range ips {
		n.IPs = append(n.IPs, netip.MustParseAddr(ip))
	}
	return n
}

func TestValidateGuest(t *testing.T) {
	others := map[string]*Guest{"200": guest("200", "node1", nic("net0", "vnet1", "BC:24:11:00:00:02", "10.0.1.20"))}
	tests := []struct {
		name  string
		guest *Guest
		want  string // part of the only problem; empty for none
	}{
		{"good", guest("100", "node1", nic("net0", "vnet1", "bc:24:11:00:00:01", "10.0.1.14")), ""},
		{"runs nowhere", guest("100", "", nic("net0", "vnet2", "")), ""},
		{"number too small", guest("99", "node1"), `id "99": is not a guest number: use 100 to 999999999`},
		{"number too large", guest("1000000000", "node1"), "is not a guest number"},
		{"name", &Guest{ID: "100", Name: "web_1"}, `name "web_1": is not a DNS name`},
		{"unknown node", guest("100", "node7"), `node "node7": has not joined (did you mean node1?)`},
		{"nic id", guest("100", "", nic("net32", "vnet1", "")), `nics[0].id "net32": is not a NIC name`},
		{"nic id twice", guest("100", "", nic("net0", "vnet1", ""), nic("net0", "vnet3", "")), `nics[1].id "net0": is used twice`},
		{"no vnet", guest("100", "", nic("net0", "", "")), "nics[0].vnet: is missing"},
		{"unknown vnet", guest("100", "", nic("net0", "vent1", "")), "did you mean vnet1?"},
		{"zone elsewhere", guest("100", "node1", nic("net0", "vnet2", "")), "is not on node node1: its zone far is deployed on node2 only"},
		{"multicast mac", guest("100", "", nic("net0", "vnet1", "01:00:5e:00:00:01")), "is not the MAC address of a host"},
		{"mac of another, other case", guest("100", "", nic("net0", "vnet1", "bc-24-11-00-00-02")), "is already that of guest 200 net0"},
		{"mac in another vnet", guest("100", "", nic("net0", "vnet3", "bc:24:11:00:00:02")), ""},
		{"mac twice in one guest", guest("100", "", nic("net0", "vnet1", "bc:24:11:00:00:09"), nic("net1", "vnet1", "bc:24:11:00:00:09")), "is already that of guest 100 net0"},
		{"ip of another", guest("100", "", nic("net0", "vnet1", "", "10.0.1.20")), "is already that of guest 200 net0"},
		{"ip outside", guest("100", "", nic("net0", "vnet1", "", "10.0.2.20")), "is in no subnet of vnet vnet1, which has 10.0.1.0/24"},
		{"ip without subnets", guest("100", "node2", nic("net0", "vnet2", "", "10.0.2.20")), ""},
		{"network address", guest("100", "", nic("net0", "vnet1", "", "10.0.1.0")), "is the network address of"},
		{"broadcast address", guest("100", "", nic("net0", "vnet1", "", "10.0.1.255")), "is the broadcast address of"},
		{"gateway of the node", guest("100", "", nic("net0", "vnet1", "", "10.0.1.1")), "is the gateway of subnet 10.0.1.0/24"},
		{"gateway is the guest in layer 2", guest("100", "", nic("net0", "vnet3", "", "10.0.3.1")), ""},
		{"ip twice", guest("100", "", nic("net0", "vnet1", "", "10.0.1.5", "10.0.1.5")), "is listed twice"},
		{"loopback", guest("100", "", nic("net0", "vnet1", "", "127.0.0.1")), "is not an address a guest can have"},
		{"link-local", guest("100", "", nic("net0", "vnet1", "", "fe80::1")), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ValidateGuest(tt.guest, guestConfig(), []string{"node1", "node2"}, others)
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("unexpected: %v", got)
			case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0].String(), tt.want)):
				t.Errorf("got %q, want one with %q", got.Error(), tt.want)
			}
		})
	}
}

func TestValidateGuestIgnoresItsOldSelf(t *testing.T) {
	g := guest("100", "node1", nic("net0", "vnet1", "", "10.0.1.14"))
	if got := ValidateGuest(g, guestConfig(), []string{"node1"}, map[string]*Guest{"100": g}); len(got) > 0 {
		t.Error(got)
	}
}

func TestValidateGuestsFindsDuplicatesAmongThem(t *testing.T) {
	guests := map[string]*Guest{
		"100": guest("100", "node1", nic("net0", "vnet1", "", "10.0.1.14")),
		"101": guest("101", "node1", nic("net0", "vnet1", "", "10.0.1.14")),
	}
	got := ValidateGuests(guests, guestConfig(), []string{"node1"})
	if len(got) != 1 || got[0].ID != "101" {
		t.Errorf("got %v", got)
	}
}

func TestNormalizeMAC(t *testing.T) {
	for in, want := range map[string]string{
		"bc:24:11:ab:cd:ef": "BC:24:11:AB:CD:EF", "BC-24-11-AB-CD-EF": "BC:24:11:AB:CD:EF",
		"01:00:5e:00:00:01": "", "00:00:00:00:00:00": "", "bc:24:11": "", "02:00:5e:10:00:00:00:01": "",
	} {
		if got, ok := NormalizeMAC(in); got != want || ok != (want != "") {
			t.Errorf("NormalizeMAC(%q) = %q, %v", in, got, ok)
		}
	}
}

// Validation must never panic on odd values, whatever their origin.
func TestValidateZeroObjects(t *testing.T) {
	cfg := &Config{
		Nodes: map[string]*Node{"": {}}, Zones: map[string]*Zone{"": {}},
		VNets: map[string]*VNet{"": {}}, Subnets: map[string]*Subnet{"": {DHCPRange: []Range{{}}, SNAT: true}},
	}
	if got := Validate(cfg, nil); len(got.Errors(true)) == 0 {
		t.Error("empty objects were accepted")
	}
	if got := ValidateGuest(&Guest{NICs: []NIC{{IPs: []netip.Addr{{}}}}}, &Config{}, nil, nil); len(got.Errors(true)) == 0 {
		t.Error("an empty guest was accepted")
	}
}

func TestProblemsAreOrderedAndSayWhatIsRight(t *testing.T) {
	cfg := guestConfig()
	cfg.Delete(KindZone, "simple")
	cfg.Zones["vx"].MTU = 100
	got := Validate(cfg, nil)
	kinds := []Kind{}
	for _, p := range got {
		kinds = append(kinds, p.Kind)
	}
	order := func(k Kind) int { return slices.Index(Kinds(), k) }
	if !slices.IsSortedFunc(kinds, func(a, b Kind) int { return order(a) - order(b) }) {
		t.Errorf("not in order of kinds: %v", kinds)
	}
	if !strings.Contains(got.Error(), "zone simple is used by vnet vnet1") {
		t.Errorf("deletion of a used zone: %v", got)
	}
}
