package netbox_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/external/netbox"
	"github.com/viaduct-sdn/viaduct/internal/external/netbox/netboxtest"
	"github.com/viaduct-sdn/viaduct/internal/external/rest"
	"github.com/viaduct-sdn/viaduct/internal/external/rest/resttest"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

const mac = "BC:24:11:00:00:05"

func open(t *testing.T, s *netboxtest.Server) *netbox.System {
	t.Helper()
	n, err := netbox.New(s.IPAM("nb1"), rest.Options{Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func subnet(cidr string, ranges ...string) *model.Subnet {
	s := &model.Subnet{CIDR: netip.MustParsePrefix(cidr)}
	for _, r := range ranges {
		start, end, _ := strings.Cut(r, "-")
		s.DHCPRange = append(s.DHCPRange, model.Range{Start: ip(start), End: ip(end)})
	}
	return s
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got)\n%s", what, d)
	}
}

// must fails the test if one of the operations failed.
func must(t *testing.T, errs ...error) {
	t.Helper()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("operation %d: %v", i+1, err)
		}
	}
}

// A subnet lives: it gets ranges and addresses, changes, and goes.
func TestLifeOfASubnet(t *testing.T) {
	server := netboxtest.New(t)
	server.PageSize = 3 // so that lists have pages
	n, ctx := open(t, server), t.Context()
	server.Put(netboxtest.Object{Prefix: netip.MustParsePrefix("10.0.0.0/8")})               // holds the subnet
	server.Put(netboxtest.Object{Prefix: netip.MustParsePrefix("10.0.0.0/24"), VRF: "blue"}) // is somebody else's
	s := subnet("10.0.0.0/24", "10.0.0.10-10.0.0.11", "10.0.0.20-10.0.0.20", "10.0.0.30-10.0.0.39")
	s.Gateway = ip("10.0.0.1")
	gateway := external.Entry{IP: s.Gateway, Name: "blue-gw", Gateway: true}
	must(t, n.Ping(ctx), n.AddSubnet(ctx, s), n.AddSubnet(ctx, s), n.Add(ctx, s, gateway), n.Add(ctx, s, gateway))
	same(t, "prefixes", server.Prefixes(), "10.0.0.0/8", "10.0.0.0/24", "10.0.0.0/24")
	same(t, "ranges", server.Ranges(), "10.0.0.10/24-10.0.0.11/24", "10.0.0.30/24-10.0.0.39/24")

	var got []string
	for _, r := range []int{0, 0, 0, 1, 1, 2} {
		a, err := n.Next(ctx, s, &s.DHCPRange[r], external.Entry{Name: "web1.sub", MAC: mac})
		if errors.Is(err, external.ErrNone) {
			got = append(got, "full")
			continue
		}
		must(t, err)
		got = append(got, a.String())
	}
	same(t, "of ranges", got, "10.0.0.10", "10.0.0.11", "full", "10.0.0.20", "full", "10.0.0.30")
	a, err := n.Next(ctx, s, nil, external.Entry{})
	must(t, err)
	same(t, "of the subnet", []string{a.String()}, "10.0.0.2")

	found, err := n.Of(ctx, s, mac)
	must(t, err)
	same(t, "of a hardware address", []string{fmt.Sprint(found)}, "[10.0.0.10 10.0.0.11 10.0.0.20 10.0.0.30]")
	must(t, n.Update(ctx, s, external.Entry{IP: ip("10.0.0.10"), Name: "db1", MAC: "BC:24:11:00:00:06"}),
		n.Update(ctx, s, external.Entry{IP: ip("10.0.0.11")}))
	same(t, "addresses", server.Addresses(), "10.0.0.1/24 gateway blue-gw", "10.0.0.10/24 mac:BC:24:11:00:00:06 db1", "10.0.0.11/24",
		"10.0.0.20/24 mac:"+mac+" web1.sub", "10.0.0.30/24 mac:"+mac+" web1.sub", "10.0.0.2/24")

	now := subnet("10.0.0.0/24", "10.0.0.10-10.0.0.15", "10.0.0.30-10.0.0.39")
	must(t, n.UpdateSubnet(ctx, s, now), n.UpdateSubnet(ctx, s, now))
	same(t, "ranges", server.Ranges(), "10.0.0.30/24-10.0.0.39/24", "10.0.0.10/24-10.0.0.15/24")

	now.Gateway = s.Gateway
	if err := n.DeleteSubnet(ctx, now); !errors.Is(err, external.ErrNotEmpty) {
		t.Errorf("a subnet in use is removed: %v", err)
	}
	for _, a := range []string{"10.0.0.2", "10.0.0.10", "10.0.0.11", "10.0.0.20", "10.0.0.30", "10.0.0.30"} {
		must(t, n.Delete(ctx, now, ip(a)))
	}
	must(t, n.DeleteSubnet(ctx, now), n.DeleteSubnet(ctx, now))
	same(t, "prefixes", server.Prefixes(), "10.0.0.0/8", "10.0.0.0/24")
	same(t, "ranges", server.Ranges())
	same(t, "addresses", server.Addresses())
}

func TestIPv6(t *testing.T) {
	server := netboxtest.New(t)
	n, ctx := open(t, server), t.Context()
	s := subnet("2001:db8::/64", "2001:db8::10-2001:db8::1f")
	must(t, n.AddSubnet(ctx, s), n.Add(ctx, s, external.Entry{IP: ip("2001:db8::5"), MAC: mac}))
	a, err := n.Next(ctx, s, &s.DHCPRange[0], external.Entry{})
	must(t, err, n.Delete(ctx, s, ip("2001:db8::5")))
	same(t, "addresses", server.Addresses(), "2001:db8::10/64")
	same(t, "address", []string{a.String()}, "2001:db8::10")
}

// An address has one owner, whether or not the server sees to that.
func TestTaken(t *testing.T) {
	for _, duplicates := range []bool{false, true} {
		server := netboxtest.New(t)
		server.AllowDuplicates = duplicates
		n, ctx := open(t, server), t.Context()
		s := subnet("10.0.0.0/24")
		server.Put(netboxtest.Object{Address: netip.MustParsePrefix("10.0.0.50/24")}) // begins alike
		server.Put(netboxtest.Object{Address: netip.MustParsePrefix("10.0.0.5/24"), VRF: "blue"})
		must(t, n.AddSubnet(ctx, s), n.Add(ctx, s, external.Entry{IP: ip("10.0.0.5"), Name: "a"}))
		for _, e := range []external.Entry{{IP: ip("10.0.0.5"), Name: "b"}, {IP: ip("10.0.0.5"), Gateway: true}} {
			if err := n.Add(ctx, s, e); !errors.Is(err, external.ErrTaken) || errors.Is(err, external.ErrUnreachable) {
				t.Errorf("registered twice: %v", err)
			}
		}
		same(t, "addresses", server.Addresses(), "10.0.0.50/24", "10.0.0.5/24", "10.0.0.5/24  a")
		if err := n.Update(ctx, s, external.Entry{IP: ip("10.0.0.6")}); !errors.Is(err, external.ErrMissing) {
			t.Errorf("what is not there is changed: %v", err)
		}
	}
}

// A subnet whose range is refused leaves nothing behind.
func TestNoHalfSubnet(t *testing.T) {
	server := netboxtest.New(t)
	n, ctx := open(t, server), t.Context()
	server.Put(netboxtest.Object{Start: netip.MustParsePrefix("10.0.0.35/24"), End: netip.MustParsePrefix("10.0.0.45/24")})
	s := subnet("10.0.0.0/24", "10.0.0.10-10.0.0.19", "10.0.0.30-10.0.0.39")
	err := n.AddSubnet(ctx, s)
	if err == nil || errors.Is(err, external.ErrUnreachable) || !strings.Contains(err.Error(), "overlap with range 10.0.0.35/24") {
		t.Errorf("an overlapping range: %v", err)
	}
	same(t, "prefixes", server.Prefixes())
	same(t, "ranges", server.Ranges(), "10.0.0.35/24-10.0.0.45/24")
	server.Break(resttest.Internal, "DELETE", "/prefixes/", 1)
	if err := n.AddSubnet(ctx, s); !errors.Is(err, external.ErrUnreachable) {
		t.Errorf("what could not be taken back is not told: %v", err)
	}
	must(t, n.DeleteSubnet(ctx, subnet("10.0.0.0/24")))
}

// Whatever the server does, errors say what is known, and reading is tried again.
func TestFaults(t *testing.T) {
	s := subnet("10.0.0.0/24")
	operations := map[string]func(*netbox.System, context.Context) error{
		"POST": func(n *netbox.System, ctx context.Context) error {
			return n.Add(ctx, s, external.Entry{IP: ip("10.0.0.9"), MAC: mac})
		},
		"PATCH": func(n *netbox.System, ctx context.Context) error {
			return n.Update(ctx, s, external.Entry{IP: ip("10.0.0.5")})
		},
		"DELETE": func(n *netbox.System, ctx context.Context) error { return n.Delete(ctx, s, ip("10.0.0.5")) },
		"GET": func(n *netbox.System, ctx context.Context) error {
			_, err := n.Of(ctx, s, mac)
			return err
		},
	}
	for method, operation := range operations {
		for _, fault := range []resttest.Fault{resttest.Hang, resttest.Garbage, resttest.Internal, resttest.Half} {
			if method != "POST" && method != "GET" && fault == resttest.Garbage {
				continue // nothing is read of the answer
			}
			server := netboxtest.New(t)
			n, err := netbox.New(server.IPAM("nb1"), rest.Options{Timeout: 300 * time.Millisecond})
			must(t, err, n.AddSubnet(t.Context(), s), n.Add(t.Context(), s, external.Entry{IP: ip("10.0.0.5")}))
			server.Break(fault, method, "/ip-addresses/", 100)
			err = operation(n, t.Context())
			if !errors.Is(err, external.ErrUnreachable) || !strings.Contains(err.Error(), `netbox "nb1" at 127.0.0.1:`) || strings.Contains(err.Error(), server.Token) {
				t.Errorf("%s, fault %d: %v", method, fault, err)
			}
		}
	}
	server := netboxtest.New(t)
	n := open(t, server)
	server.Break(resttest.Unavailable, "GET", "/ip-addresses/", 1)
	server.Break(resttest.Half, "GET", "/ip-addresses/", 1)
	must(t, operations["GET"](n, t.Context()))
	server.Requests()
	server.Break(resttest.Unavailable, "POST", "/ip-addresses/", 1)
	_ = operations["POST"](n, t.Context())
	if got := server.Requests(); slices.ContainsFunc(got[1:], func(r string) bool { return strings.HasPrefix(r, "POST") }) {
		t.Errorf("writing was tried again: %v", got)
	}
}

// An address that was registered although the connection broke is found by its
// hardware address.
func TestHalfDoneIsFound(t *testing.T) {
	server := netboxtest.New(t)
	n, ctx := open(t, server), t.Context()
	s := subnet("10.0.0.0/24")
	must(t, n.AddSubnet(ctx, s))
	server.Break(resttest.Half, "POST", "/available-ips/", 1)
	if _, err := n.Next(ctx, s, nil, external.Entry{MAC: mac}); !errors.Is(err, external.ErrUnreachable) {
		t.Errorf("Next: %v", err)
	}
	found, err := n.Of(ctx, s, mac)
	must(t, err)
	same(t, "found", []string{fmt.Sprint(found)}, "[10.0.0.1]")
}

// A token goes in the scheme of its version, and one that the server does not know is
// told as such.
func TestTokens(t *testing.T) {
	for _, token := range []string{"0123456789abcdef0123456789abcdef01234567", "nbt_AbCdEf123456.0123456789abcdefghijklmnopqrstuvwxyzABCD"} {
		server := netboxtest.New(t)
		server.Token = token
		n, s := open(t, server), subnet("10.0.0.0/24")
		must(t, n.Ping(t.Context()), n.AddSubnet(t.Context(), s), n.Add(t.Context(), s, external.Entry{IP: ip("10.0.0.5")}), n.Delete(t.Context(), s, ip("10.0.0.5")))
		for _, wrong := range []model.Secret{"wrong-token", "nbt_wrong.token"} {
			i := server.IPAM("nb1")
			i.Token = wrong
			n, err := netbox.New(i, rest.Options{})
			must(t, err)
			err = n.Ping(t.Context())
			if err == nil || errors.Is(err, external.ErrUnreachable) || !strings.Contains(err.Error(), "Invalid response from server: 403 Forbidden") {
				t.Errorf("with the token %s instead of %s: %v", string(wrong), token, err)
			}
		}
	}
}
