package sockets

import (
	"net"
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

func TestErrorSaysWhatToDo(t *testing.T) {
	for want, holders := range map[string][]Holder{
		"by dnsmasq (process 7, dnsmasq.service): systemctl disable --now dnsmasq": {{PID: 7, Name: "dnsmasq", Unit: "dnsmasq.service"}},
		"by named (process 8): stop it (kill 8)":                                   {{PID: 8, Name: "named"}},
		"ss -ulpn sport = :67":                                                     nil,
	} {
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
