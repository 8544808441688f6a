package frr

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

func TestCanonical(t *testing.T) {
	for in, want := range map[string]string{
		"network 10.1.2.3/24":                          "network 10.1.2.0/24",
		"neighbor FD00:0::1 peer-group G":              "neighbor fd00::1 peer-group G",
		"ip route 10.0.0.0/8 null0":                    "ip route 10.0.0.0/8 Null0",
		"ip address 10.0.0.1/24":                       "ip address 10.0.0.1/24",
		"address-family ipv4":                          "address-family ipv4 unicast",
		"neighbor 1.1.1.1 description see 10.0.0.1/8":  "neighbor 1.1.1.1 description see 10.0.0.1/8",
		"net 49.0001.1720.2000.3001.00":                "net 49.0001.1720.2000.3001.00",
		"route-target import 65000:1":                  "route-target import 65000:1",
		"ipv6 access-list a permit A:B::1/75":          "ipv6 access-list a permit a:b::/75",
		"ip prefix-list a seq 5 permit 0.0.0.0/0 le 8": "ip prefix-list a seq 5 permit 0.0.0.0/0 le 8",
	} {
		if got := canonical(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestSlots(t *testing.T) {
	for in, want := range map[string]string{
		"neighbor G remote-as external":        "neighbor G remote-as",
		"neighbor G timers connect 10":         "neighbor G timers connect",
		"neighbor G route-map m in":            "neighbor G route-map in",
		"redistribute connected route-map m":   "redistribute connected",
		"match ip address prefix-list p":       "match ip address prefix-list",
		"match ip address a":                   "match ip address",
		"ip prefix-list p seq 5 permit any":    "ip prefix-list p seq 5",
		"neighbor 10.0.0.1 peer-group G":       "",
		"route-target import 65000:1":          "",
		"neighbor G bfd":                       "",
		"access-list a permit 10.0.0.0/8":      "",
		"ip protocol bgp route-map m":          "ip protocol bgp",
		"neighbor e interface remote-as 65000": "neighbor e interface remote-as",
	} {
		if got := slot(in); got != want {
			t.Errorf("%q sets %q, want %q", in, got, want)
		}
	}
}

func TestWhatALaterLineUndoes(t *testing.T) {
	got := keys(wanted([]desired.FRRBlock{
		{Head: "router bgp 1", Lines: []string{
			" neighbor G peer-group", " neighbor G bfd", " neighbor 1.1.1.1 peer-group G", " bgp router-id 1.1.1.1",
			" address-family ipv4", "  neighbor G activate", " exit-address-family",
		}},
		{Head: "router bgp 1", Lines: []string{" no neighbor G peer-group", " bgp router-id 2.2.2.2"}},
		{Head: "ip route 10.0.0.0/8 null0 vrf a"},
	}))
	want := []string{
		"router bgp 1", "router bgp 1 / address-family ipv4 unicast", "router bgp 1 / bgp router-id 2.2.2.2",
		"router bgp 1 / no neighbor G peer-group", "vrf a", "vrf a / ip route 10.0.0.0/8 Null0",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestComplaints(t *testing.T) {
	c := parseMessages(`The route-map 'M' does not exist.
line 3: % Unknown command[39]:   autort as 65000

BGP is already running; AS is 1
line 15: Failure to communicate[13] to bgpd, line: router bgp 2

[16909|mgmtd] done
% Configuration failed.
Error type: validation
Error description: VNI 100 is already configured as L3-VNI
The following commands were dynamically grouped into the same transaction and rejected:
-  vni 100
`)
	lines := map[int]string{3: "Unknown command", 15: "BGP is already running; AS is 1"}
	if d := cmp.Diff(lines, c.lines); d != "" {
		t.Error(d)
	}
	if got := c.of(99, "  vni 100"); got != "VNI 100 is already configured as L3-VNI" {
		t.Errorf("said of the VNI: %q", got)
	}
	if !c.rejected {
		t.Error("that nothing was taken was not noticed")
	}
	if got := firstMessage("% Configuration failed.\n\nvni 1000 is already mapped to another vrf\n"); got != "vni 1000 is already mapped to another vrf" {
		t.Errorf("said of one line: %q", got)
	}
}

func TestSwitchDaemon(t *testing.T) {
	const file = "# bgpd=no is off\nzebra=yes\nbgpd=no\nospfd=\"yes\"\nbgpd_options=\"  -A 127.0.0.1\"\n"
	for _, c := range []struct {
		daemon   string
		on       bool
		want     string
		switched bool
	}{
		{"bgpd", true, "# bgpd=no is off\nzebra=yes\nbgpd=yes\nospfd=\"yes\"\nbgpd_options=\"  -A 127.0.0.1\"\n", true},
		{"bgpd", false, file, false},
		{"ospfd", true, file, false},
		{"bfdd", true, file + "bfdd=yes\n", true},
		{"bfdd", false, file, false},
	} {
		got, switched := switchDaemon(file, c.daemon, c.on)
		if got != c.want || switched != c.switched {
			t.Errorf("%s %t: %t\n%s", c.daemon, c.on, switched, got)
		}
	}
}

func TestFlatFiles(t *testing.T) {
	const text = `hostname a
password secret
router bgp 1
neighbor 1.1.1.1 remote-as 2
address-family ipv4 unicast
network 10.0.0.0/8
exit-address-family
exit
!
router ospf
ospf router-id 1.1.1.1
!
ip route 1.2.3.4/32 Null0
interface eth0
 description x

 ip ospf area 0
log syslog
end
`
	file := parseFile(text)
	if again, _ := render(file); again != text {
		t.Error(cmp.Diff(text, again))
	}
	want := []string{
		"end", "hostname a", "interface eth0", "interface eth0 / description x", "interface eth0 / ip ospf area 0",
		"ip route 1.2.3.4/32 Null0", "log syslog", "password secret",
		"router bgp 1", "router bgp 1 / address-family ipv4 unicast", "router bgp 1 / address-family ipv4 unicast / network 10.0.0.0/8",
		"router bgp 1 / neighbor 1.1.1.1 remote-as 2", "router ospf", "router ospf / ospf router-id 1.1.1.1",
	}
	if d := cmp.Diff(want, keys(file)); d != "" {
		t.Error(d)
	}
}
