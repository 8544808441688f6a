package frr

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/render/frr"
)

func TestFromNothingAndBack(t *testing.T) {
	l := newLab(t)
	want := config(evpn, "bfdd", "bgpd")
	out := l.apply(want)
	contains(t, out, "+ frr daemon bgpd", "+ frr router bgp 65000 / address-family l2vpn evpn / advertise-all-vni")
	contains(t, l.running(), "vni 1000", "advertise-all-vni", "router bgp 65000 vrf vrf_z")
	contains(t, l.file(), "router bgp 65000\n", "  advertise-all-vni\n", "exit-vrf\n")

	// One VNI more, and one less.
	more := config(evpn+"vrf vrf_y\n vni 1001\nexit-vrf\nrouter bgp 65000 vrf vrf_y\n bgp router-id 192.168.0.1\nexit\n", "bfdd", "bgpd")
	if out = l.apply(more); strings.Count(out, "\n") != 2 {
		t.Errorf("adding a VRF changed\n%s", out)
	}
	if out = l.apply(want); strings.Count(out, "\n") != 2 {
		t.Errorf("removing a VRF changed\n%s", out)
	}
	lacks(t, l.running(), "vrf_y")

	l.apply(nil)
	lacks(t, l.running(), "router", "vni", "route-map")
	if text := l.file(); text != "" {
		t.Errorf("left in the file:\n%s", text)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		if _, ok := l.d.process("bgpd"); !ok {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("bgpd, which was started for us, still runs")
		}
		<-time.After(pollEvery)
	}
}

const foreign = `frr defaults traditional
hostname pve1
! the ring
router bgp 4200001000
 bgp router-id 10.0.0.1
 no bgp ebgp-requires-policy
 neighbor 10.9.9.9 remote-as 65009
 !
 address-family ipv4 unicast
  network 10.7.0.0/16
 exit-address-family
exit
!
ip prefix-list theirs seq 5 permit 10.0.0.0/8
!
line vty
`

const shared = `
router bgp 4200001000
 no bgp ebgp-requires-policy
 neighbor V peer-group
 neighbor V remote-as external
 neighbor 10.8.8.8 peer-group V
 address-family ipv4 unicast
  network 10.6.0.0/16
  neighbor V activate
 exit-address-family
 address-family l2vpn evpn
  neighbor V activate
  advertise-all-vni
 exit-address-family
exit
`

func TestForeignLinesStay(t *testing.T) {
	l := newLab(t)
	for name, text := range map[string]string{"frr.conf": foreign, "daemons": "bgpd=yes\nospfd=no # mine\nripd=no\n", "vtysh.conf": ""} {
		if err := l.d.writeFile(name, text); err != nil {
			t.Fatal(err)
		}
	}
	l.apply(config(shared, "bgpd"))
	with := l.running()
	contains(t, with, "neighbor 10.9.9.9 remote-as 65009", "network 10.7.0.0/16", "network 10.6.0.0/16", "advertise-all-vni", "theirs")
	contains(t, l.file(), "! the ring", "hostname pve1", "network 10.6.0.0/16")

	l.apply(nil)
	without := l.running()
	contains(t, without, "neighbor 10.9.9.9 remote-as 65009", "network 10.7.0.0/16", "no bgp ebgp-requires-policy", "theirs")
	lacks(t, without, "10.6.0.0", "neighbor V", "advertise-all-vni", "10.8.8.8")
	if l.file() != foreign {
		t.Errorf("the file is not as it was:\n%s", l.file())
	}
	if _, ok := l.d.process("bgpd"); !ok {
		t.Error("a daemon that was on before was stopped")
	}
}

func TestConflictsAreTold(t *testing.T) {
	l := newLab(t)
	l.apply(config("ip prefix-list x seq 5 permit 10.0.0.0/8\n", "bgpd"))
	l.vtysh("configure terminal", "router bgp 65009", "neighbor 10.9.9.9 remote-as 65008")
	_, err := l.try(config(evpn, "bfdd", "bgpd"))
	objects := driver.ObjectErrors(err)
	if len(objects) != 1 || objects[0].Owner != "controller/c" || !strings.Contains(err.Error(), "not made by Viaduct") {
		t.Errorf("told: %v", err)
	}
	contains(t, l.running(), "router bgp 65009", "neighbor 10.9.9.9 remote-as 65008", "vni 1000")
	l.settled(config(evpn, "bfdd", "bgpd"))
}

// An operator's router keeps its identifier: another one would end all sessions.
func TestRouterIDYields(t *testing.T) {
	l := newLab(t)
	l.apply(config("ip prefix-list x seq 5 permit 10.0.0.0/8\n", "bgpd"))
	l.vtysh("configure terminal", "router bgp 65000", "bgp router-id 10.9.9.9", "coalesce-time 500")
	l.apply(config(evpn, "bfdd", "bgpd"))
	contains(t, l.running(), "bgp router-id 10.9.9.9", "coalesce-time 500", "advertise-all-vni")
	l.settled(config(evpn, "bfdd", "bgpd"))
	l.apply(nil)
	contains(t, l.running(), "router bgp 65000", "bgp router-id 10.9.9.9", "coalesce-time 500")
}

func TestRefusedLinesAreTold(t *testing.T) {
	l := newLab(t)
	want := config(evpn+`
router bgp 65001 vrf vrf_other # zone/other
 neighbor 10.9.9.9 peer-group MISSING
exit
router bgp 65001 vrf vrf_q # zone/q
 frobnicate
 bgp router-id 1.1.1.1
exit
`, "bfdd", "bgpd")
	_, err := l.try(want)
	got := map[string]string{}
	for _, e := range driver.ObjectErrors(err) {
		got[e.Owner] += e.Err.Error()
	}
	if len(got) != 2 || len(driver.NodeErrors(err)) != 0 {
		t.Errorf("told: %v", err)
	}
	contains(t, got["zone/other"], "vrf vrf_other / neighbor 10.9.9.9 peer-group MISSING", "peer-group first")
	contains(t, got["zone/q"], "frobnicate", "Unknown command")
	contains(t, l.running(), "router bgp 65001 vrf vrf_q", "advertise-all-vni")
	l.settled(want)
}

// TestOneRejectedLine has a line among others that FRR's northbound layer takes
// or rejects as a whole. FRR 10.3's mgmtd may end over it, so it may take passes.
func TestOneRejectedLine(t *testing.T) {
	l := newLab(t)
	want := config(evpn+"vrf vrf_other # zone/other\n vni 1000\nexit-vrf\n", "bfdd", "bgpd")
	for range 5 {
		_, err := l.try(want)
		told := driver.ObjectErrors(err)
		if _, runs := l.d.process("zebra"); runs && len(told) == 1 && told[0].Owner == "zone/other" && strings.Contains(l.running(), "vrf vrf_z\n vni 1000") {
			contains(t, told[0].Error(), "vrf vrf_other / vni 1000", "already ") // "configured", "mapped" from FRR 10 on
			return
		}
	}
	t.Errorf("the line of zone/other keeps that of zone/z from its place:\n%s", l.running())
}

func TestALocalLineStopsAll(t *testing.T) {
	l := newLab(t)
	l.opts.LocalPath = filepath.Join(t.TempDir(), "frr.conf.local")
	l.d = New(l.opts)
	if err := os.WriteFile(l.opts.LocalPath, []byte("! mine\nip prefix-list ok seq 5 permit 10.0.0.0/8\nipv6 prefix-list bad seq 5 permit fd80:: le 64\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := config(evpn, "bfdd", "bgpd")
	want.Blocks = append(want.Blocks, desired.FRRBlock{Head: "ipv6 prefix-list bad seq 5 permit fd80:: le 64", Owner: frr.LocalOwner})
	r, err := l.try(want)
	var object *driver.ObjectError
	if !errors.As(err, &object) || object.Owner != frr.LocalOwner {
		t.Fatalf("told: %v", err)
	}
	contains(t, object.Err.Error(), "frr.conf.local line 3: ipv6 prefix-list bad seq 5 permit fd80:: le 64: Unknown command")
	if r.Writes != 0 || len(l.d.running()) != 0 {
		t.Errorf("%d writes, daemons %v", r.Writes, l.d.running())
	}

	// Nor does it change anything of an FRR that runs, good lines beside it included.
	l.apply(config(evpn, "bfdd", "bgpd"))
	running, file := l.running(), l.file()
	want.Blocks = append(want.Blocks, desired.FRRBlock{Head: "ip prefix-list ok seq 5 permit 10.0.0.0/8", Owner: frr.LocalOwner})
	r, err = l.try(want)
	if err == nil || !strings.Contains(err.Error(), "frr.conf.local line 3") || r.Writes != 0 || l.running() != running || l.file() != file {
		t.Errorf("%d writes, told %v, running:\n%s", r.Writes, err, l.running())
	}
}

func TestRepairs(t *testing.T) {
	l := newLab(t)
	want := config(evpn, "bfdd", "bgpd")
	l.apply(want)
	l.vtysh("configure terminal", "router bgp 65000", "no coalesce-time 1000", "no neighbor 192.168.0.2 peer-group VTEP")
	if out := l.apply(want); strings.Count(out, "\n") != 2 {
		t.Errorf("repaired\n%s", out)
	}
	l.kill("bgpd")
	out := l.apply(want)
	contains(t, out, "daemon bgpd")
	contains(t, l.running(), "advertise-all-vni")
	contains(t, l.vtysh("show bgp l2vpn evpn summary"), "192.168.0.2")
	for name := range l.d.running() {
		l.kill(name)
	}
	l.apply(want)
	contains(t, l.running(), "advertise-all-vni", "vni 1000")

	// A kill of the agent between its note and its deed.
	l.d.want = wanted(config("ip prefix-list p seq 5 permit 10.0.0.0/8\n").Blocks)
	merge(l.d.state.last, l.d.want, &node{}, &node{})
	if err := l.d.state.save(); err != nil {
		t.Fatal(err)
	}
	l.vtysh("configure terminal", "ip prefix-list p seq 5 permit 10.0.0.0/8")
	l.d = New(l.opts)
	l.apply(want)
	lacks(t, l.running(), "prefix-list p ")
}

func TestReplacements(t *testing.T) {
	l := newLab(t)
	l.apply(config(evpn, "bfdd", "bgpd"))
	for old, now := range map[string]string{
		"vni 1000":               "vni 1002",
		"coalesce-time 1000":     "coalesce-time 2000",
		"remote-as 65000":        "remote-as external",
		"permit 1":               "deny 1",
		"65000":                  "65010",
		"192.168.0.1":            "192.168.0.7",
		"redistribute connected": "redistribute connected route-map MAP_IN",
		"neighbor VTEP":          "neighbor OTHER",
		"address-family ipv4":    "address-family ipv6",
		"route-map MAP_IN in":    "route-map MAP_IN out",
		"  advertise-all-vni":    "  advertise-all-vni\n  advertise-svi-ip",
		"advertise ipv4 unicast": "advertise ipv6 unicast\n  route-target import 65000:7",
		"no bgp default":         "bgp log-neighbor-changes\n no bgp default",
		"192.168.0.2 peer-group": "192.168.0.9 peer-group",
	} {
		t.Run(now, func(t *testing.T) {
			text := strings.ReplaceAll(evpn, old, now)
			if old == "neighbor VTEP" {
				text = strings.ReplaceAll(text, "VTEP", "OTHER")
			}
			l.t = t
			l.apply(config(text, "bfdd", "bgpd"))
			l.apply(config(evpn, "bfdd", "bgpd"))
		})
	}
	l.t = t
}

func TestEvents(t *testing.T) {
	l := newLab(t)
	ctx, cancel := context.WithCancel(context.Background())
	wake, err := l.d.Events(ctx)
	if err != nil {
		t.Fatal(err)
	}
	// quiet waits until nothing has happened for a while.
	quiet := func() {
		for {
			select {
			case <-wake:
			case <-time.After(100 * time.Millisecond):
				return
			}
		}
	}
	woken := func(what string) {
		t.Helper()
		select {
		case <-wake:
		case <-time.After(5 * time.Second):
			t.Error("no event after ", what)
		}
		quiet()
	}
	want := config(evpn, "bfdd", "bgpd")
	l.apply(want)
	woken("the start of the daemons")
	l.apply(want)
	select {
	case <-wake:
		t.Error("a pass with nothing to do wakes")
	case <-time.After(100 * time.Millisecond):
	}
	l.kill("bgpd")
	woken("the death of bgpd")
	l.apply(want)
	woken("its start")
	cancel()
	for range wake { // until it is closed
	}
}

func TestProbe(t *testing.T) {
	onEachFRR(t, func(t *testing.T, l *lab) {
		f, err := l.d.Facts(context.Background())
		if err != nil || f == nil || !strings.Contains(f.Version, ".") || f.AutoRT {
			t.Errorf("%+v %v", f, err)
		}
		again, err := l.d.Facts(context.Background())
		if *again != *f || err != nil {
			t.Errorf("asked again: %+v %v", again, err)
		}
	})
	if f, err := New(Options{Root: t.TempDir()}).Facts(context.Background()); f != nil || err != nil {
		t.Errorf("without FRR: %+v %v", f, err)
	}
}

// The operator's router is a fact, running or in the file only, and Viaduct's is none.
func TestTheOperatorsRouterIsAFact(t *testing.T) {
	l := newLab(t)
	asn := func() int {
		f, err := l.d.Facts(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return f.ASN
	}
	if err := l.d.writeFile("frr.conf", "router bgp 65000 vrf x\nexit\n"+foreign); err != nil {
		t.Fatal(err)
	}
	if got := asn(); got != 4200001000 {
		t.Errorf("of the file: %d", got)
	}
	l = newLab(t)
	l.apply(config("ip prefix-list x seq 5 permit 10.0.0.0/8\n", "bgpd"))
	if got := asn(); got != 0 {
		t.Errorf("without a router: %d", got)
	}
	l.vtysh("configure terminal", "router bgp 65000", "bgp router-id 10.9.9.9")
	if got := asn(); got != 65000 {
		t.Errorf("of a running one: %d", got)
	}
	l.apply(config(evpn, "bfdd", "bgpd"))
	if got := asn(); got != 65000 {
		t.Errorf("of one that Viaduct shares: %d", got)
	}
	l = newLab(t)
	l.apply(config(evpn, "bfdd", "bgpd"))
	if got := asn(); got != 0 {
		t.Errorf("of Viaduct's own: %d", got)
	}
}

func TestWithoutFRR(t *testing.T) {
	d := New(Options{Root: t.TempDir()})
	r, err := d.Reconcile(context.Background(), &desired.Space{}, false)
	if err != nil || r.Writes != 0 {
		t.Errorf("nothing wanted: %v %v", r, err)
	}
	_, err = d.Reconcile(context.Background(), &desired.Space{FRR: config(evpn, "bgpd")}, false)
	if objects := driver.ObjectErrors(err); len(objects) != 2 || !strings.Contains(err.Error(), "install the package frr") {
		t.Errorf("told: %v", err)
	}
}

// Without one of the daemons the objects that need it are reported by name, and all
// others are applied.
func TestWithoutOneDaemon(t *testing.T) {
	l := newLab(t)
	bin := t.TempDir()
	programs, err := filepath.Glob("/usr/lib/frr/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range programs {
		if filepath.Base(p) != "fabricd" {
			if err := os.Symlink(p, filepath.Join(bin, filepath.Base(p))); err != nil {
				t.Fatal(err)
			}
		}
	}
	l.opts.BinDir = bin
	l.d = New(l.opts)
	want := config(evpn+`
router openfabric fab # fabric/fab
 net 49.0001.1920.0000.2001.00
exit
interface lo # fabric/fab
 ip router openfabric fab
exit
`, "bfdd", "bgpd", "fabricd")
	_, err = l.try(want)
	errs := driver.ObjectErrors(err)
	if len(errs) == 0 || len(driver.NodeErrors(err)) > 0 {
		t.Fatalf("errors: %v", err)
	}
	for _, e := range errs {
		if e.Owner != "fabric/fab" || !strings.Contains(e.Error(), "FRR's daemon fabricd, which this node does not have") {
			t.Errorf("error: %v", e)
		}
	}
	contains(t, l.running(), "router bgp 65000", "neighbor VTEP peer-group")
	lacks(t, l.running()+l.file(), "openfabric")
	l.settled(want)
}

func TestDryRunChangesNothing(t *testing.T) {
	l := newLab(t)
	want := config(evpn, "bfdd", "bgpd")
	r, err := l.d.Reconcile(context.Background(), &desired.Space{FRR: want}, true)
	if err != nil || len(r.Changes) < 15 || len(l.d.running()) != 0 || l.file() != "" {
		t.Errorf("%d changes, %v", len(r.Changes), err)
	}
	l.apply(want)
	r, err = l.d.Reconcile(context.Background(), &desired.Space{}, true)
	if err != nil || len(r.Changes) < 15 {
		t.Errorf("%d changes, %v", len(r.Changes), err)
	}
	l.settled(want)
}

func TestTheFileAloneIsRepaired(t *testing.T) {
	l := newLab(t)
	want := config(evpn, "bfdd", "bgpd")
	l.apply(want)
	good := l.file()
	if err := l.d.writeFile("frr.conf", strings.Replace(good, "  advertise-all-vni\n", "", 1)); err != nil {
		t.Fatal(err)
	}
	if out := l.apply(want); out != "~ frr file frr.conf: content changed by hand -> as declared\n" {
		t.Errorf("changed %s", out)
	}
	contains(t, l.file(), "advertise-all-vni")
}
