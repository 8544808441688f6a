package sockets

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestHolderOfAPort(t *testing.T) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	port := c.LocalAddr().(*net.UDPAddr).Port
	mine := func(h Holder) bool { return h.PID == os.Getpid() && h.Name != "" }
	if got := UDP(nil, port, nil); !slices.ContainsFunc(got, mine) {
		t.Errorf("holders %+v, want process %d", got, os.Getpid())
	}
	if got := UDP(nil, port, func(pid int) bool { return pid == os.Getpid() }); slices.ContainsFunc(got, mine) {
		t.Errorf("a skipped process is among %+v", got)
	}
	_ = c.Close()
	if got := UDP(nil, port, nil); slices.ContainsFunc(got, mine) {
		t.Errorf("after its end: %+v", got)
	}
}

// Who has an address, or all of them, keeps another one from it; who has a neighbouring
// one does not.
func TestHolderOfAnAddress(t *testing.T) {
	mine := func(list []Holder) bool {
		return slices.ContainsFunc(list, func(h Holder) bool { return h.PID == os.Getpid() })
	}
	for _, listen := range []string{"127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"} {
		family := "6"
		if listen[0] != '[' {
			family = "4" // Go takes IPv6 too for all addresses otherwise
		}
		u, err := net.ListenPacket("udp"+family, listen)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = u.Close() }()
		l, err := net.Listen("tcp"+family, listen)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		for tcp, at := range map[bool]net.Addr{false: u.LocalAddr(), true: l.Addr()} {
			port := netip.MustParseAddrPort(at.String()).Port()
			for address, want := range map[string]bool{
				"127.0.0.1": family == "4" || listen == "[::]:0", "127.0.0.2": listen == "0.0.0.0:0" || listen == "[::]:0", "::1": family == "6",
			} {
				if got := At(nil, tcp, netip.AddrPortFrom(netip.MustParseAddr(address), port), nil); mine(got) != want {
					t.Errorf("%s held, tcp %v: %s is held by %+v", listen, tcp, address, got)
				}
			}
		}
	}
}

func TestErrorSaysWhatToDo(t *testing.T) {
	for want, holders := range map[string][]Holder{
		"by dnsmasq (process 7, dnsmasq.service): systemctl disable --now dnsmasq": {{PID: 7, Name: "dnsmasq", Unit: "dnsmasq.service"}},
		"by named (process 8): stop it (kill 8)":                                   {{PID: 8, Name: "named"}},
		"ss -ulpn sport = :67":                                                     nil,
	} {
		if got := (&TakenError{Server: "the DNS server", Port: 53, TCP: true}).Error(); !strings.Contains(got, "TCP port 53") || !strings.Contains(got, "ss -tlpn") {
			t.Errorf("of TCP: %q", got)
		}
		if got := (&TakenError{Server: "the DHCP server", Port: 67, Holders: holders}).Error(); !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
}

func TestUnit(t *testing.T) {
	for cgroup, want := range map[string]string{
		"0::/system.slice/dnsmasq.service\n":                               "dnsmasq.service",
		"0::/user.slice/user-0.slice/session-1.scope\n":                    "",
		"0::/user.slice/user-0.slice/user@0.service/app.slice/x.service\n": "x.service",
		"": "",
	} {
		if got := unit(cgroup); got != want {
			t.Errorf("%q: %q, want %q", cgroup, got, want)
		}
	}
}
