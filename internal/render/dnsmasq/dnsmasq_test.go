package dnsmasq

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/test/golden"
	"github.com/viaduct-sdn/viaduct/test/requires"
)

// TestGolden renders servers, and has the real dnsmasq read each file.
func TestGolden(t *testing.T) {
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	golden.Run(t, "testdata/*.txtar", func(t *testing.T, c *golden.Case) {
		var s desired.DHCPServer
		if err := json.Unmarshal([]byte(c.Files["server.json"]), &s); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		show := func(name, text string) {
			if !strings.HasPrefix(text, Marker+"\n") {
				t.Errorf("%s does not say whose it is", name)
			}
			fmt.Fprintf(&out, "# %s\n%s", name, strings.TrimPrefix(text, Marker+"\n"))
		}
		show(DefaultFile, Default(&s))
		for i := range s.Networks {
			n := &s.Networks[i]
			text := Network(n, Paths{Folder: "/etc/dnsmasq.d/" + s.Zone, Leases: "/var/lib/misc/dnsmasq." + s.Zone + "." + n.Link + ".leases"})
			show(NetworkFile(n.Link), text)
			show(HostsFile(n.Link), Hosts(n.Hosts))
			accepted(t, ns, n.Link, Default(&s), text)
		}
		c.Want(t, "want", out.String())
	})
}

// accepted has the real dnsmasq read files, where the link is.
func accepted(t *testing.T, ns *netns.NS, link string, files ...string) {
	t.Helper()
	program := requires.Program(t, "dnsmasq")
	_ = ns.Run(exec.Command("ip", "link", "add", link, "type", "bridge").Run) // it may be there
	dir := t.TempDir()
	for i, text := range files {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said []byte
	err := ns.Run(func() (err error) {
		said, err = exec.Command(program, "--test", "--conf-file=/dev/null", "--conf-dir="+dir).CombinedOutput()
		return err
	})
	if err != nil {
		t.Errorf("dnsmasq refuses the files of %s: %v\n%s", link, err, said)
	}
}

func hosts() *rapid.Generator[[]desired.DHCPHost] {
	return rapid.Custom(func(t *rapid.T) []desired.DHCPHost {
		var out []desired.DHCPHost
		ips := rapid.SliceOfNDistinct(rapid.IntRange(1, 30), 0, 12, rapid.ID[int]).Draw(t, "ips")
		macs := rapid.SliceOfNDistinct(rapid.IntRange(0, 30), len(ips), len(ips), rapid.ID[int]).Draw(t, "macs")
		for i, ip := range ips {
			h := desired.DHCPHost{MAC: fmt.Sprintf("02:00:00:00:00:%02x", macs[i]), Name: rapid.SampledFrom([]string{"", "web", "db-1"}).Draw(t, "name")}
			if rapid.Bool().Draw(t, "v4") {
				h.IPs = append(h.IPs, netip.AddrFrom4([4]byte{10, 0, 0, byte(ip)}))
			}
			if rapid.Bool().Draw(t, "v6") {
				h.IPs = append(h.IPs, netip.AddrFrom16([16]byte{0: 0xfd, 15: byte(ip)}))
			}
			out = append(out, h)
		}
		slices.SortFunc(out, func(a, b desired.DHCPHost) int { return strings.Compare(a.MAC, b.MAC) })
		return out
	})
}

var sameHosts = cmp.Options{cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })}

func TestHostsAreReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := hosts().Draw(t, "hosts")
		if d := cmp.Diff(want, ParseHosts(Hosts(want)), sameHosts); d != "" {
			t.Fatalf("(-written +read):\n%s", d)
		}
	})
}

// What Added returns makes one list of the other, if it says that it does, and never
// says so when an entry went or changed, or an address has another owner.
func TestAdded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		had, want := hosts().Draw(t, "had"), hosts().Draw(t, "want")
		if rapid.Bool().Draw(t, "grow") {
			want = grow(had, want)
		}
		more, only := Added(had, want)
		taken := owners(had)
		expect := true
		for _, h := range had {
			expect = expect && slices.ContainsFunc(want, func(w desired.DHCPHost) bool { return sameHost(&h, &w) })
		}
		for _, h := range want {
			known := slices.ContainsFunc(had, func(w desired.DHCPHost) bool { return sameHost(&h, &w) })
			for _, ip := range h.IPs {
				_, used := taken[ip]
				expect = expect && (known || !used)
			}
		}
		if only != expect {
			t.Fatalf("only more: %v, want %v\nhad\n%s\nwant\n%s", only, expect, Hosts(had), Hosts(want))
		}
		if !only {
			return
		}
		all := slices.Concat(had, more)
		slices.SortFunc(all, func(a, b desired.DHCPHost) int { return strings.Compare(a.MAC, b.MAC) })
		if d := cmp.Diff(want, all, sameHosts); d != "" {
			t.Fatalf("(-want +got):\n%s", d)
		}
	})
}

// grow adds to a list what of another has a MAC that it has not.
func grow(had, more []desired.DHCPHost) []desired.DHCPHost {
	out := slices.Clone(had)
	for _, h := range more {
		if !slices.ContainsFunc(out, func(o desired.DHCPHost) bool { return o.MAC == h.MAC }) {
			out = append(out, h)
		}
	}
	slices.SortFunc(out, func(a, b desired.DHCPHost) int { return strings.Compare(a.MAC, b.MAC) })
	return out
}

func TestStaleLeases(t *testing.T) {
	host := func(mac string, ips ...string) desired.DHCPHost {
		h := desired.DHCPHost{MAC: mac}
		for _, ip := range ips {
			h.IPs = append(h.IPs, netip.MustParseAddr(ip))
		}
		return h
	}
	const (
		mine     = "1795341770 02:00:00:00:00:01 10.0.0.1 web 01:02:00:00:00:00:01\n"
		old      = "1795341770 02:00:00:00:00:09 10.0.0.2 * *\n"
		unknown  = "1795341770 02:00:00:00:00:08 10.0.0.3 * *\n"
		duid     = "duid 00:02:00:00:7e:d9\n"
		mine6    = "1795306015 2136719894 fd00::1 web 00:01\n"
		old6     = "1795306015 2136719895 fd00::2 * 00:02\n"
		anything = "what nobody knows\n"
	)
	had := []desired.DHCPHost{host("02:00:00:00:00:01", "10.0.0.1", "fd00::1"), host("02:00:00:00:00:09", "10.0.0.2", "fd00::2")}
	want := []desired.DHCPHost{had[0], host("02:00:00:00:00:02", "10.0.0.2", "fd00::2")}
	stale, rest := Stale(mine+old+unknown+duid+mine6+old6+anything, had, want)
	if got := fmt.Sprint(stale); got != "[10.0.0.2 fd00::2]" {
		t.Errorf("stale are %s", got)
	}
	if rest != mine+unknown+duid+mine6+anything {
		t.Errorf("the rest is\n%s", rest)
	}
	if stale, _ := Stale(mine+duid+mine6, had, had); len(stale) != 0 {
		t.Errorf("stale are %v, and nobody has changed", stale)
	}
}

// Leases of both families are read; other lines are not.
func TestLeases(t *testing.T) {
	got := Leases("1795341770 02:00:00:00:00:01 10.0.0.1 web 01:02\n0 02:00:00:00:00:09 10.0.0.2 * *\nduid 00:02:00\n1795306015 2136719894 fd00::1 web 00:01\nx y z w\nshort\n")
	want := []Lease{
		{Address: netip.MustParseAddr("10.0.0.1"), MAC: "02:00:00:00:00:01", Name: "web", Expires: 1795341770},
		{Address: netip.MustParseAddr("10.0.0.2"), MAC: "02:00:00:00:00:09"},
		{Address: netip.MustParseAddr("fd00::1"), Name: "web", Expires: 1795306015},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("leases are %v", got)
	}
}
