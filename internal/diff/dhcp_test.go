package diff

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// The NICs of a network are counted: those that come, that get another name or other
// addresses, and that go.
func TestDHCPHosts(t *testing.T) {
	host := func(mac, name string, ips ...string) desired.DHCPHost {
		h := desired.DHCPHost{MAC: mac, Name: name}
		for _, ip := range ips {
			h.IPs = append(h.IPs, netip.MustParseAddr(ip))
		}
		return h
	}
	web, db, mail := host("02:00:00:00:00:01", "web", "10.0.0.1"), host("02:00:00:00:00:02", "db", "10.0.0.2"), host("02:00:00:00:00:03", "mail", "10.0.0.3")
	renamed, moved, dual := web, web, web
	renamed.Name = "www"
	moved.IPs = []netip.Addr{netip.MustParseAddr("10.0.0.9")}
	dual.IPs = append(dual.IPs[:1:1], netip.MustParseAddr("fd00::1"))
	for _, c := range []struct {
		had, has []desired.DHCPHost
		want     []Field
	}{
		{nil, nil, nil},
		{[]desired.DHCPHost{web, db}, []desired.DHCPHost{db, web}, nil},
		{nil, []desired.DHCPHost{web, db}, []Field{{Name: "added", New: "2"}}},
		{[]desired.DHCPHost{web, db}, nil, []Field{{Name: "removed", New: "2"}}},
		{[]desired.DHCPHost{web}, []desired.DHCPHost{renamed}, []Field{{Name: "changed", New: "1"}}},
		{[]desired.DHCPHost{web}, []desired.DHCPHost{moved}, []Field{{Name: "changed", New: "1"}}},
		{[]desired.DHCPHost{web}, []desired.DHCPHost{dual}, []Field{{Name: "changed", New: "1"}}},
		{[]desired.DHCPHost{web}, []desired.DHCPHost{db}, []Field{{Name: "added", New: "1"}, {Name: "removed", New: "1"}}},
		{[]desired.DHCPHost{web}, []desired.DHCPHost{renamed, db}, []Field{{Name: "added", New: "1"}, {Name: "changed", New: "1"}}},
		{[]desired.DHCPHost{web, db}, []desired.DHCPHost{renamed, mail}, []Field{{Name: "added", New: "1"}, {Name: "changed", New: "1"}, {Name: "removed", New: "1"}}},
	} {
		var want *Change
		if c.want != nil {
			want = &Change{Action: Update, Type: desired.TypeDHCP, Name: "z vn1 hosts", Owner: "vnet/a", Fields: c.want}
		}
		got := DHCPHosts("z", &desired.DHCPNetwork{Link: "vn1", Owner: "vnet/a", Hosts: c.has}, c.had)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%v to %v (-want +got):\n%s", c.had, c.has, d)
		}
	}
}

// A plan tells of a file what becomes of it, and of an updated one that its content is
// replaced.
func TestDHCPFile(t *testing.T) {
	for action, want := range map[Action]string{
		Create: "+ dhcp z file hosts",
		Update: "~ dhcp z file hosts: content other -> as declared",
		Delete: "- dhcp z file hosts",
	} {
		if c := DHCPFile("z", "zone/z", "hosts", action); c.String() != want || c.Owner != "zone/z" {
			t.Errorf("got %q of %s, want %q of zone/z", c, c.Owner, want)
		}
	}
}
