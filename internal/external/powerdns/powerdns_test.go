package powerdns_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/external/powerdns"
	"github.com/viaduct-sdn/viaduct/internal/external/powerdns/powerdnstest"
	"github.com/viaduct-sdn/viaduct/internal/external/rest"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

func open(t *testing.T, n *model.NameServer) *powerdns.Server {
	t.Helper()
	s, err := powerdns.New(n, rest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// Names are registered at a real server, and are then answered by DNS.
func TestNamesAreServed(t *testing.T) {
	real := powerdnstest.New(t)
	real.Zone("lab.example")
	s, ctx := open(t, real.NameServer("pdns")), t.Context()
	step := func(want []string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		got, err := real.Resolver().LookupHost(ctx, "web1.lab.example")
		if err != nil && len(want) > 0 {
			t.Fatal(err)
		}
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("web1.lab.example (-want +got)\n%s", d)
		}
	}
	step(nil, s.HasZone(ctx, "lab.example"))
	step([]string{"10.0.0.5"}, s.Add(ctx, "lab.example", "web1", ip("10.0.0.5")))
	step([]string{"10.0.0.5"}, s.Add(ctx, "lab.example", "web1", ip("10.0.0.5"))) // again
	step([]string{"10.0.0.5", "10.0.0.6"}, s.Add(ctx, "lab.example", "web1", ip("10.0.0.6")))
	step([]string{"10.0.0.5", "10.0.0.6", "2001:db8::5"}, s.Add(ctx, "lab.example", "web1", ip("2001:db8::5")))
	step([]string{"10.0.0.6", "2001:db8::5"}, s.Remove(ctx, "lab.example", "web1", ip("10.0.0.5")))
	step([]string{"10.0.0.6", "2001:db8::5"}, s.Remove(ctx, "lab.example", "web1", ip("10.0.0.99")))
	step([]string{"10.0.0.6"}, s.Remove(ctx, "lab.example", "web1", ip("2001:db8::5")))
	step(nil, s.Remove(ctx, "lab.example", "web1", ip("10.0.0.6")))
	if got := real.Records("lab.example", "web1.lab.example", "A"); got != nil {
		t.Errorf("records %v are left", got)
	}
}

// Addresses lead back to names, in the reverse zone of the subnet.
func TestAddressesLeadBack(t *testing.T) {
	real := powerdnstest.New(t)
	for _, zone := range []string{"10.in-addr.arpa", "113.0.203.in-addr.arpa", "20.172.in-addr.arpa", "0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"} {
		real.Zone(zone)
	}
	s, ctx := open(t, real.NameServer("pdns")), t.Context()
	for _, c := range []struct{ subnet, ip string }{
		{"10.1.0.0/24", "10.1.0.9"}, {"172.20.1.0/24", "172.20.1.7"}, {"203.0.113.64/26", "203.0.113.70"}, {"2001:db8::/48", "2001:db8::a:5"},
	} {
		sub := &model.Subnet{CIDR: netip.MustParsePrefix(c.subnet)}
		for _, name := range []string{"old.lab.example", "web1.lab.example"} {
			if err := s.Point(ctx, sub, ip(c.ip), name); err != nil {
				t.Fatal(err)
			}
		}
		got, err := real.Resolver().LookupAddr(ctx, c.ip)
		if err != nil || !slices.Equal(got, []string{"web1.lab.example."}) {
			t.Errorf("%s leads to %v, %v", c.ip, got, err)
		}
		for range 2 {
			if err := s.Unpoint(ctx, sub, ip(c.ip)); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := real.Resolver().LookupAddr(ctx, c.ip); err == nil {
			t.Errorf("%s still leads to %v", c.ip, got)
		}
	}
	none := &model.Subnet{CIDR: netip.MustParsePrefix("2001:db8::/61")}
	if err := s.Point(ctx, none, ip("2001:db8::5"), "x.lab.example"); err != nil {
		t.Errorf("a subnet without reverse zone is not passed over: %v", err)
	}
}

// What goes wrong is told as what it is, and nothing is changed.
func TestFaults(t *testing.T) {
	real := powerdnstest.New(t)
	ctx := t.Context()
	s := open(t, real.NameServer("pdns"))
	if err := s.Ping(ctx); err != nil {
		t.Error(err)
	}
	sub := &model.Subnet{CIDR: netip.MustParsePrefix("10.0.0.0/24")}
	for what, err := range map[string]error{
		"HasZone": s.HasZone(ctx, "gone.example"), "Add": s.Add(ctx, "gone.example", "a", ip("10.0.0.1")),
		"Point": s.Point(ctx, sub, ip("10.0.0.1"), "a.gone.example"),
	} {
		if !errors.Is(err, external.ErrMissing) || errors.Is(err, external.ErrUnreachable) {
			t.Errorf("%s in a zone that is missing: %v", what, err)
		}
	}
	for what, err := range map[string]error{
		"Remove": s.Remove(ctx, "gone.example", "a", ip("10.0.0.1")), "Unpoint": s.Unpoint(ctx, sub, ip("10.0.0.1")),
	} {
		if err != nil {
			t.Errorf("%s in a zone that is missing: %v", what, err)
		}
	}
	wrong := real.NameServer("pdns")
	wrong.Key = "not-the-key"
	err := open(t, wrong).Ping(ctx)
	if err == nil || errors.Is(err, external.ErrUnreachable) || !strings.Contains(err.Error(), "Invalid response from server: 401") || strings.Contains(err.Error(), "not-the-key") {
		t.Errorf("with a wrong key: %v", err)
	}
	real.Stop()
	if err := s.Ping(ctx); !errors.Is(err, external.ErrUnreachable) {
		t.Errorf("of a server that is gone: %v", err)
	}
}
