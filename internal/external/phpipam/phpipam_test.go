package phpipam_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/external/phpipam"
	"github.com/viaduct-sdn/viaduct/internal/external/phpipam/phpipamtest"
	"github.com/viaduct-sdn/viaduct/internal/external/rest"
	"github.com/viaduct-sdn/viaduct/internal/external/rest/resttest"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

const mac = "BC:24:11:00:00:05"

func open(t *testing.T, s *phpipamtest.Server) *phpipam.System {
	t.Helper()
	n, err := phpipam.New(s.IPAM("php1"), rest.Options{Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got)\n%s", what, d)
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("operation %d: %v", i+1, err)
		}
	}
}

// A subnet lives: it gets addresses, of ranges and others, and goes.
func TestLifeOfASubnet(t *testing.T) {
	for _, texts := range []bool{false, true} {
		server := phpipamtest.New(t)
		server.Texts = texts
		n, ctx := open(t, server), t.Context()
		server.PutSubnet(phpipamtest.Section, "10.0.0.0/8")
		other := server.PutSubnet(9, "10.0.0.0/24") // another section's
		server.Put(phpipamtest.Address{Subnet: other, IP: ip("10.0.0.10"), MAC: strings.ToLower(mac)})
		s := &model.Subnet{CIDR: netip.MustParsePrefix("10.0.0.0/24"), Gateway: ip("10.0.0.1")}
		gateway := external.Entry{IP: s.Gateway, Name: "blue-gw", Gateway: true}
		must(t, n.Ping(ctx), n.AddSubnet(ctx, s), n.AddSubnet(ctx, s), n.UpdateSubnet(ctx, s, s), n.Add(ctx, s, gateway), n.Add(ctx, s, gateway))
		same(t, "subnets", server.Subnets(), "3: 10.0.0.0/8", "9: 10.0.0.0/24", "3: 10.0.0.0/24")

		if err := n.Add(ctx, s, external.Entry{IP: s.Gateway}); !errors.Is(err, external.ErrTaken) {
			t.Errorf("the gateway's address is given out: %v", err)
		}
		if err := n.Add(ctx, s, external.Entry{IP: ip("10.0.1.1")}); err == nil || errors.Is(err, external.ErrTaken) || errors.Is(err, external.ErrUnreachable) {
			t.Errorf("an address outside the subnet: %v", err)
		}
		var got []string
		r := &model.Range{Start: ip("10.0.0.10"), End: ip("10.0.0.11")}
		for range 3 {
			a, err := n.Next(ctx, s, r, external.Entry{Name: "web1", MAC: mac, Guest: "100"})
			if errors.Is(err, external.ErrNone) {
				got = append(got, "full")
				continue
			}
			must(t, err)
			got = append(got, a.String())
		}
		same(t, "of the range", got, "10.0.0.10", "10.0.0.11", "full")
		a, err := n.Next(ctx, s, nil, external.Entry{})
		must(t, err)
		same(t, "of the subnet", []string{a.String()}, "10.0.0.2")
		found, err := n.Of(ctx, s, mac)
		must(t, err, n.Update(ctx, s, external.Entry{IP: ip("10.0.0.10"), Name: "db1", Guest: "101"}))
		same(t, "of a hardware address", []string{fmt.Sprint(found)}, "[10.0.0.10 10.0.0.11]")
		same(t, "addresses", server.Addresses(), "10.0.0.10 bc:24:11:00:00:05", "10.0.0.1 blue-gw gateway", "10.0.0.10 db1 101",
			"10.0.0.11 web1 100 bc:24:11:00:00:05", "10.0.0.2")

		if err := n.DeleteSubnet(ctx, s); !errors.Is(err, external.ErrNotEmpty) {
			t.Errorf("a subnet in use is removed: %v", err)
		}
		for _, a := range []string{"10.0.0.2", "10.0.0.10", "10.0.0.11", "10.0.0.11"} {
			must(t, n.Delete(ctx, s, ip(a)))
		}
		must(t, n.DeleteSubnet(ctx, s), n.DeleteSubnet(ctx, s))
		same(t, "subnets", server.Subnets(), "3: 10.0.0.0/8", "9: 10.0.0.0/24")
		same(t, "addresses", server.Addresses(), "10.0.0.10 bc:24:11:00:00:05")
		for what, err := range map[string]error{"Add": n.Add(ctx, s, gateway), "Update": n.Update(ctx, s, gateway)} {
			if !errors.Is(err, external.ErrMissing) {
				t.Errorf("%s in a subnet that is gone: %v", what, err)
			}
		}
	}
}

// Of a range that somebody else takes addresses of, the next one is taken; the
// network's own addresses and the gateway are never given out.
func TestRangesAreSharedWithOthers(t *testing.T) {
	server := phpipamtest.New(t)
	n, ctx := open(t, server), t.Context()
	s := &model.Subnet{CIDR: netip.MustParsePrefix("10.0.0.0/29"), Gateway: ip("10.0.0.1")}
	must(t, n.AddSubnet(ctx, s))
	fast := []netip.Addr{ip("10.0.0.2"), ip("10.0.0.3")}
	server.OnPost = func(a netip.Addr) {
		if len(fast) > 0 && a == fast[0] {
			server.Put(phpipamtest.Address{Subnet: 1, IP: a, Hostname: "other"})
			fast = fast[1:]
		}
	}
	r := &model.Range{Start: ip("10.0.0.0"), End: ip("10.0.0.7")}
	var got []string
	for range 4 {
		a, err := n.Next(ctx, s, r, external.Entry{})
		got = append(got, fmt.Sprint(a, " ", errors.Is(err, external.ErrNone)))
	}
	same(t, "given out", got, "10.0.0.4 false", "10.0.0.5 false", "10.0.0.6 false", "invalid IP true")

	s = &model.Subnet{CIDR: netip.MustParsePrefix("fd00::/126")}
	must(t, n.AddSubnet(ctx, s))
	a, err := n.Next(ctx, s, &model.Range{Start: ip("fd00::"), End: ip("fd00::3")}, external.Entry{})
	must(t, err)
	same(t, "given out of IPv6", []string{a.String()}, "fd00::1")
}

func TestSubnetFull(t *testing.T) {
	server := phpipamtest.New(t)
	n, ctx := open(t, server), t.Context()
	s := &model.Subnet{CIDR: netip.MustParsePrefix("10.0.0.0/30")}
	must(t, n.AddSubnet(ctx, s))
	for range 2 {
		_, err := n.Next(ctx, s, nil, external.Entry{})
		must(t, err)
	}
	if a, err := n.Next(ctx, s, nil, external.Entry{}); !errors.Is(err, external.ErrNone) || errors.Is(err, external.ErrUnreachable) {
		t.Errorf("%v %v of a full subnet", a, err)
	}
}

// Whatever the server does, errors say what is known.
func TestFaults(t *testing.T) {
	s := &model.Subnet{CIDR: netip.MustParsePrefix("2001:db8::/64")}
	for method, operation := range map[string]func(*phpipam.System, context.Context) error{
		"POST": func(n *phpipam.System, ctx context.Context) error {
			return n.Add(ctx, s, external.Entry{IP: ip("2001:db8::9"), MAC: mac})
		},
		"PATCH": func(n *phpipam.System, ctx context.Context) error {
			return n.Update(ctx, s, external.Entry{IP: ip("2001:db8::5")})
		},
		"DELETE": func(n *phpipam.System, ctx context.Context) error { return n.Delete(ctx, s, ip("2001:db8::5")) },
		"GET": func(n *phpipam.System, ctx context.Context) error {
			_, err := n.Of(ctx, s, mac)
			return err
		},
	} {
		for _, fault := range []resttest.Fault{resttest.Hang, resttest.Garbage, resttest.Internal, resttest.Half} {
			server := phpipamtest.New(t)
			n := open(t, server)
			must(t, n.AddSubnet(t.Context(), s), n.Add(t.Context(), s, external.Entry{IP: ip("2001:db8::5")}))
			server.Break(fault, method, "/addresses/", 100)
			err := operation(n, t.Context())
			if !errors.Is(err, external.ErrUnreachable) || !strings.Contains(err.Error(), `phpipam "php1" at 127.0.0.1:`) || strings.Contains(err.Error(), server.Token) {
				t.Errorf("%s, fault %d: %v", method, fault, err)
			}
		}
	}
	server := phpipamtest.New(t)
	wrong := server.IPAM("php1")
	wrong.Token, wrong.Section = "wrong-token", 99
	n, err := phpipam.New(wrong, rest.Options{})
	must(t, err)
	if err := n.Ping(t.Context()); err == nil || errors.Is(err, external.ErrUnreachable) || !strings.Contains(err.Error(), "Invalid response from server: 403") {
		t.Errorf("with a wrong token: %v", err)
	}
}
