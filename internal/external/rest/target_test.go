package rest

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestNetworks(t *testing.T) {
	allowed, err := ParseNetworks([]string{"127.0.0.0/8", "fe80::7"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseNetworks([]string{"here"}); err == nil {
		t.Error("here is a network")
	}
	for text, want := range map[string]struct{ none, some bool }{
		"192.0.2.1": {true, true}, "10.0.0.1": {true, true}, "2001:db8::1": {true, true}, "fd00::1": {true, true},
		"127.0.0.1": {false, true}, "::1": {false, false}, "::ffff:127.9.9.9": {false, true}, "64:ff9b::7f00:1": {false, true},
		"169.254.169.254": {false, false}, "64:ff9b::a9fe:a9fe": {false, false}, "fe80::1": {false, false}, "fe80::7%eth0": {false, true},
		"0.0.0.0": {false, false}, "0.1.2.3": {false, false}, "::": {false, false}, "224.0.0.1": {false, false}, "ff02::1": {false, false}, "255.255.255.255": {false, false},
	} {
		a := netip.MustParseAddr(text)
		if err := Networks(nil).Check(a); (err == nil) != want.none || err != nil && (!errors.Is(err, ErrForbidden) || !strings.Contains(err.Error(), "--allow-external")) {
			t.Errorf("%s: %v", text, err)
		}
		if err := allowed.Check(a); (err == nil) != want.some {
			t.Errorf("%s, where some networks are allowed: %v", text, err)
		}
	}
}

func TestURLsOfTheHostItself(t *testing.T) {
	for url, want := range map[string]struct{ own, forbidden bool }{
		"http://127.0.0.1:8081/api": {own: true}, "http://[::1]/": {own: true}, "http://LOCALHOST.:80/": {own: true}, "http://x.localhost/": {own: true}, "http://[::ffff:127.0.0.1]/": {own: true},
		"http://169.254.169.254/latest": {forbidden: true}, "http://[fe80::1%25eth0]/": {forbidden: true}, "http://0.0.0.0/": {forbidden: true}, "http://[::]:8081/": {forbidden: true},
		"https://netbox.example.com/api": {}, "http://192.0.2.1/": {}, "no url": {},
	} {
		if err := Networks(nil).Own(url); (err != nil) != want.own {
			t.Errorf("%s: own host: %v", url, err)
		}
		if err := Networks(nil).CheckURL(url); (err != nil) != want.forbidden {
			t.Errorf("%s: forbidden: %v", url, err)
		}
		if _, err := New(Target{URL: url}, Options{}); want.forbidden && !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// Whatever name led to an address of the host itself, it is refused when it is connected
// to; where the URL names it, the connection is made, since the URL was checked.
func TestConnectionsAreChecked(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
	defer s.Close()
	address := s.Listener.Addr().String()
	for what, c := range map[string]struct {
		own     bool
		allowed Networks
		refused bool
	}{
		"named by its address":             {true, nil, false},
		"by a name that leads there":       {false, nil, true},
		"by a name, where that may lead":   {false, Networks{netip.MustParsePrefix("127.0.0.0/8")}, false},
		"by a name, where others may lead": {false, Networks{netip.MustParsePrefix("169.254.0.0/16")}, true},
	} {
		conn, err := (&net.Dialer{Control: c.allowed.control(c.own)}).DialContext(t.Context(), "tcp", address)
		if errors.Is(err, ErrForbidden) != c.refused || err != nil && !c.refused {
			t.Errorf("%s: %v", what, err)
		}
		if err == nil {
			_ = conn.Close()
		}
	}
	if err := read(t.Context(), client(t, Target{URL: s.URL, Header: "Token"}, Options{}), nil); err != nil {
		t.Error(err)
	}
}
