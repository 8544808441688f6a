package frr

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// join connects two labs by a cable; each end is eth0 with an address.
func join(t *testing.T, a, b *lab, addrs ...string) {
	t.Helper()
	ha, err := netlink.NewHandleAt(netns.NsHandle(a.opts.Namespace.FD()), unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	defer ha.Close()
	hb, err := netlink.NewHandleAt(netns.NsHandle(b.opts.Namespace.FD()), unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	defer hb.Close()
	err = ha.LinkAdd(&netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "eth0", PeerNamespace: netlink.NsFd(b.opts.Namespace.FD()),
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range []*netlink.Handle{ha, hb} {
		link, err := h.LinkByName("eth0")
		if err != nil {
			t.Fatal(err)
		}
		addr, err := netlink.ParseAddr(addrs[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := h.AddrAdd(link, addr); err != nil {
			t.Fatal(err)
		}
		if err := h.LinkSetUp(link); err != nil {
			t.Fatal(err)
		}
	}
}

// session tells how often the session with a neighbour was established and lost.
func (l *lab) session(neighbour string) (established, dropped int) {
	l.t.Helper()
	var out map[string]struct {
		Up   int `json:"connectionsEstablished"`
		Down int `json:"connectionsDropped"`
	}
	if err := json.Unmarshal([]byte(l.vtysh("show bgp neighbors "+neighbour+" json")), &out); err != nil {
		l.t.Fatal(err)
	}
	return out[neighbour].Up, out[neighbour].Down
}

const pair = `
router bgp 65000
 bgp router-id 10.0.0.1
 neighbor G peer-group
 neighbor G remote-as 65000
 neighbor G timers 3 9
 neighbor G timers connect 1
 neighbor 10.0.0.2 peer-group G
 address-family l2vpn evpn
  neighbor G activate
  advertise-all-vni
 exit-address-family
exit
`

// TestSessionsStayUp changes what a session does not depend on.
func TestSessionsStayUp(t *testing.T) {
	a, b := newLab(t), newLab(t)
	join(t, a, b, "10.0.0.1/24", "10.0.0.2/24")
	a.apply(config(pair, "bgpd"))
	b.apply(config(strings.NewReplacer("10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.1").Replace(pair), "bgpd"))
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(50 * time.Millisecond) {
		if up, _ := a.session("10.0.0.2"); up > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no session")
		}
	}
	for _, more := range []string{
		"vrf vrf_y\n vni 1001\nexit-vrf\nrouter bgp 65000 vrf vrf_y\n bgp router-id 10.0.0.1\n address-family l2vpn evpn\n  advertise ipv4 unicast\n exit-address-family\nexit\n",
		"ip prefix-list p seq 5 permit 10.0.0.0/8\nroute-map m permit 10\n match ip address prefix-list p\nexit\n",
		"router bgp 65000\n neighbor 10.0.0.3 peer-group G\n address-family ipv4 unicast\n  network 10.7.0.0/16\n exit-address-family\nexit\n",
		"",
	} {
		a.apply(config(pair+more, "bgpd"))
	}
	if up, down := a.session("10.0.0.2"); up != 1 || down != 0 {
		t.Errorf("the session was established %d times and lost %d times", up, down)
	}
}

// TestUnderSystemd plays systemd with two scripts: FRR is started as a service
// while it is down, and what is missing of a running one in a scope.
func TestUnderSystemd(t *testing.T) {
	l := newLab(t)
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	scripts := map[string]string{
		"systemctl": `echo "systemctl $*" >>` + log + `
case $1 in
is-active) test -e ` + dir + `/active ;;
start)
	for d in zebra mgmtd bgpd staticd; do test ! -e ` + l.d.binDir() + `/$d || FRR_PATHSPACE=` + l.opts.Pathspace + ` ` + l.d.binDir() + `/watchfrr.sh start $d; done
	touch ` + dir + `/active ;;
esac
`,
		"systemd-run": `echo "systemd-run $*" >>` + log + `
while [ "${1#--}" != "$1" ]; do shift; done
exec "$@"
`,
	}
	for name, text := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil { // a program
			t.Fatal(err)
		}
	}
	played := func() *Driver {
		d := New(l.opts)
		d.systemd = func() bool { return true }
		d.systemctl, d.systemdRun = filepath.Join(dir, "systemctl"), filepath.Join(dir, "systemd-run")
		return d
	}
	l.d = played()
	if _, err := l.try(config(pair, "bgpd")); err != nil {
		t.Fatal(err)
	}
	before, _ := l.d.process("bgpd")
	l.d = played()
	if _, err := l.try(config(pair, "bfdd", "bgpd")); err != nil {
		t.Fatal(err)
	}
	if after, _ := l.d.process("bgpd"); after != before {
		t.Error("bgpd was restarted for bfdd")
	}
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(b), "systemctl enable --quiet frr\nsystemctl start frr\n", "systemd-run --quiet --collect --scope --unit=viaduct-frr-bfdd ")
	if strings.Count(string(b), "start frr") != 1 {
		t.Errorf("systemd was told:\n%s", b)
	}
}

// A router cannot take another AS number: the old one goes first, with the VRFs'
// routers before it and their VNIs before those.
func TestAnotherASNumber(t *testing.T) {
	l := newLab(t)
	other := func(asn string) *desired.FRR {
		return config(strings.ReplaceAll(strings.ReplaceAll(evpn, "  advertise-all-vni", "  advertise-all-vni\n  vni 2000\n   route-target import 1:1\n  exit-vni"),
			"router bgp 65000", "router bgp "+asn), "bgpd", "bfdd")
	}
	l.apply(other("65000"))
	told := l.apply(other("65001"))
	if strings.Contains(told, "vni 1000") {
		t.Errorf("the VNI that was away for a moment is told:\n%s", told)
	}
	contains(t, l.running(), "router bgp 65001\n", "router bgp 65001 vrf vrf_z\n", "vrf vrf_z\n vni 1000\n", "route-target import 1:1")
	lacks(t, l.running(), "router bgp 65000")

	l.vtysh("configure terminal", "router bgp 65001 vrf operators", "address-family l2vpn evpn", "advertise ipv4 unicast")
	_, err := l.try(other("65002"))
	if err == nil || !strings.Contains(err.Error(), `FRR keeps "router bgp 65001", which is no longer wanted: Cannot delete default BGP instance`) {
		t.Errorf("the operator's router in the way: %v", err)
	}
	contains(t, l.running(), "router bgp 65001\n", "vrf vrf_z\n vni 1000\n")
	lacks(t, l.running(), "\nvni 2000") // the default VRF's, if it is said at the top
	l.vtysh("configure terminal", "no router bgp 65001 vrf operators")
	l.apply(other("65002"))
	contains(t, l.running(), "router bgp 65002\n", "router bgp 65002 vrf vrf_z\n", "vrf vrf_z\n vni 1000\n")
	lacks(t, l.running(), "router bgp 65001")
}

// A bfdd whose zebra was another one has no sessions and gets none: it is started again
// with zebra, and bgpd goes on.
func TestZebraTakesBFDAlong(t *testing.T) {
	l := newLab(t)
	want := config(evpn, "bfdd", "bgpd")
	l.apply(want)
	before := l.d.running()
	l.kill("zebra")
	r, err := l.try(want)
	if err != nil {
		t.Fatal(err)
	}
	now := l.d.running()
	if now["bfdd"].before(now["zebra"]) || now["bfdd"] == before["bfdd"] || now["bgpd"] != before["bgpd"] {
		t.Errorf("daemons were %v and are %v: %v", before, now, r.Changes)
	}
	l.settled(want)
	if later := l.d.running(); later["bfdd"] != now["bfdd"] {
		t.Errorf("bfdd was started again without need: %v, then %v", now, later)
	}
}

// What the unit does when the machine goes down ends every session, and the driver
// leaves it be. At any other time it does nothing.
func TestLeaveUnit(t *testing.T) {
	unit, err := os.ReadFile("../../../packaging/systemd/viaduct-leave.service")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^ExecStop=-/bin/sh -c '(.*)'$`).FindSubmatch(unit)
	if m == nil {
		t.Fatalf("the unit has no such command:\n%s", unit)
	}
	l := newLab(t)
	want := config(evpn, "bfdd", "bgpd")
	l.apply(want)
	for _, state := range []string{"running", "stopping"} {
		down := state == "stopping"
		dir := t.TempDir()
		for name, text := range map[string]string{
			"systemctl": "#!/bin/sh\necho " + state + "\n",
			"vtysh":     "#!/bin/sh\nexec /usr/bin/vtysh -N " + l.opts.Pathspace + " \"$@\"\n",
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("/bin/sh", "-c", strings.ReplaceAll(string(m[1]), "$$", "$"))
		cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin"}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got := strings.Contains(l.vtysh("show bgp neighbors 192.168.0.2"), "Administratively shut down"); got != down {
			t.Errorf("the system is %s, and the neighbours are shut down: %v", state, got)
		}
	}
	l.settled(want)
}

// Graceful restart comes to a router that runs, changes its times, gives way to an
// operator's, and goes again.
func TestGracefulRestart(t *testing.T) {
	const own = " bgp graceful-restart restart-time 60\n bgp graceful-restart select-defer-time 20\n bgp graceful-restart preserve-fw-state\n bgp graceful-restart\n"
	l := newLab(t)
	with := func(lines string) *desired.FRR {
		return config(strings.Replace(evpn, " coalesce-time 1000\n", lines+" coalesce-time 1000\n", 1), "bfdd", "bgpd")
	}
	l.apply(with(""))
	before := l.running()
	l.apply(with(own))
	contains(t, l.running(), "bgp graceful-restart restart-time 60", "bgp graceful-restart select-defer-time 20", " bgp graceful-restart preserve-fw-state", " bgp graceful-restart\n")
	l.apply(with(strings.Replace(own, "time 60", "time 90", 1)))
	contains(t, l.running(), "bgp graceful-restart restart-time 90")
	l.apply(with(""))
	if after := l.running(); after != before {
		t.Errorf("left over:\n%s\nbefore:\n%s", after, before)
	}
	l.vtysh("configure terminal", "router bgp 65000", "bgp graceful-restart restart-time 200")
	l.apply(with(own))
	contains(t, l.running(), "bgp graceful-restart restart-time 200", "bgp graceful-restart preserve-fw-state")
}
