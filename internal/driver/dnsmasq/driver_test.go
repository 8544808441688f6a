package dnsmasq

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
)

var vn1 = instance{"z1", "vn1"}

func TestGuestLearnsAllAndRenews(t *testing.T) {
	n := newNode(t, "169.254.67.67/32")
	n.reconcile(far(host(mac1, "web", "10.0.1.5")))
	c := n.guest(mac1).udhcpc()
	want := "bound ip=10.0.1.5 mask=255.255.255.0 router=10.0.1.1 dns=10.0.1.53 domain=lab.example mtu=1450 " +
		"routes=169.254.67.67/32 0.0.0.0 0.0.0.0/0 10.0.1.1 server=169.254.67.67 name=web"
	if got := c.event("bound", 1); got != want {
		t.Errorf("the guest was told\n%s\nwant\n%s", got, want)
	}
	// A renewal goes to the server's own address, by the route that the guest has.
	if err := c.cmd.Process.Signal(unix.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	c.event("renew", 1)
}

func TestUnknownGuestGetsNothingUnlessRangesAreOpen(t *testing.T) {
	n := newNode(t, "10.0.1.1/24")
	s := far(host(mac1, "", "10.0.1.5"))
	s.Networks[0].Subnets[0].Shared = false
	n.reconcile(s)
	c := n.guest(mac2).udhcpc()
	c.event("deconfig", 1)
	// The known one is answered afterwards, the unknown one was not.
	n.guest(mac1).udhcpc().event("bound", 1)
	if b, _ := os.ReadFile(c.log); strings.Contains(string(b), "bound") {
		t.Errorf("a guest that nobody knows got an address:\n%s", b)
	}
	s.Dynamic = true
	s.Networks[0].Subnets[0].Ranges = []desired.DHCPRange{{Start: addr("10.0.1.100"), End: addr("10.0.1.101")}}
	n.reconcile(s)
	if got := c.event("bound", 1); !strings.Contains(got, "ip=10.0.1.10") {
		t.Errorf("the guest was told %s, want an address of the range", got)
	}
}

func TestNothingToDoWritesNothing(t *testing.T) {
	n := newNode(t, "169.254.67.67/32")
	s := far(host(mac1, "web", "10.0.1.5"))
	if r := n.reconcile(s); len(r.Changes) == 0 || r.Writes == 0 {
		t.Errorf("the first pass told %+v", r)
	}
	p := n.mustRun("z1")
	if r := n.reconcile(s); len(r.Changes) != 0 || r.Writes != 0 {
		t.Errorf("the second pass told %+v", r)
	}
	// Another life of the agent adopts the process.
	n.restarted()
	if r := n.reconcile(s); len(r.Changes) != 0 || r.Writes != 0 {
		t.Errorf("the pass after a restart told %+v", r)
	}
	if now := n.mustRun("z1"); now != p {
		t.Errorf("process %v became %v, though nothing changed", p, now)
	}
	if err := os.Remove(n.run(vn1, ".pid")); err != nil {
		t.Fatal(err)
	}
	if now := n.mustRun("z1"); now != p {
		t.Errorf("without its file process %v is taken for %v", p, now)
	}
}

func TestLeasesSurvive(t *testing.T) {
	n := newNode(t, "169.254.67.67/32")
	s := far(host(mac1, "web", "10.0.1.5"))
	n.reconcile(s)
	c := n.guest(mac1).udhcpc()
	c.event("bound", 1)
	before := n.read("var/lib/misc/dnsmasq.z1.vn1.leases")
	if !strings.Contains(before, " "+mac1+" 10.0.1.5 web ") {
		t.Fatalf("the leases are\n%s", before)
	}
	for name, disturb := range map[string]func(){
		"killed":     func() { mustSignal(t, n.mustRun("z1"), unix.SIGKILL) },
		"ended":      func() { mustSignal(t, n.mustRun("z1"), unix.SIGTERM) },
		"configured": func() { s.Networks[0].MTU = 1400 },
	} {
		t.Run(name, func(t *testing.T) {
			p := n.mustRun("z1")
			disturb()
			if name != "configured" {
				eventually(t, func() bool { _, runs := processWith(p.pid, n.confArg(vn1)); return !runs }, "the process lives on")
			}
			if r := n.reconcile(s); len(r.Changes) == 0 {
				t.Error("nothing was told")
			}
			if now := n.mustRun("z1"); now == p {
				t.Errorf("still process %v", p)
			}
			if got := n.read("var/lib/misc/dnsmasq.z1.vn1.leases"); !strings.Contains(got, " "+mac1+" 10.0.1.5 web ") {
				t.Errorf("the leases are\n%s\nand were\n%s", got, before)
			}
		})
	}
	if err := c.cmd.Process.Signal(unix.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	c.event("renew", 1)
}

func mustSignal(t *testing.T, p process, sig unix.Signal) {
	t.Helper()
	if err := signal(p, sig); err != nil {
		t.Fatal(err)
	}
}

// A guest keeps its address with a server that has never heard of it: that of the
// node to which it moved, or of this one after its disk was lost.
func TestLeaseIsRebuiltWhereItIsNotKnown(t *testing.T) {
	n := newNode(t, "169.254.67.67/32")
	s := far(host(mac1, "web", "10.0.1.5"))
	n.reconcile(s)
	c := n.guest(mac1).udhcpc()
	c.event("bound", 1)
	p := n.mustRun("z1")
	if err := stop(p); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(n.leases(vn1)); err != nil {
		t.Fatal(err)
	}
	n.reconcile(s)
	if err := c.cmd.Process.Signal(unix.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if got := c.event("renew", 1); !strings.Contains(got, "ip=10.0.1.5 ") {
		t.Errorf("the guest was told %s", got)
	}
	eventually(t, func() bool { return strings.Contains(n.read("var/lib/misc/dnsmasq.z1.vn1.leases"), " 10.0.1.5 ") }, "the lease is not noted")
}

// An address that another NIC has now is given to it, though its old holder's lease
// has hours to go.
func TestAddressMovesToAnotherNIC(t *testing.T) {
	n := newNode(t, "169.254.67.67/32")
	n.reconcile(far(host(mac1, "old", "10.0.1.5")))
	c := n.guest(mac1).udhcpc()
	c.event("bound", 1)
	c.stop()
	n.reconcile(far())
	n.reconcile(far(host(mac2, "new", "10.0.1.5")))
	if got := n.guest(mac2).udhcpc().event("bound", 1); !strings.Contains(got, "ip=10.0.1.5 ") {
		t.Errorf("the guest was told %s", got)
	}
}

// A NIC that was told by itself is forgotten like any other.
func TestRemovedNICIsForgotten(t *testing.T) {
	n := newNode(t, "169.254.67.67/32")
	n.reconcile(far())
	n.reconcile(far(host(mac1, "web", "10.0.1.5")))
	n.reconcile(far(host(mac2, "db", "10.0.1.6")))
	c := n.guest(mac1).udhcpc()
	c.event("deconfig", 1)
	n.guest(mac2).udhcpc().event("bound", 1)
	if b, _ := os.ReadFile(c.log); strings.Contains(string(b), "bound") {
		t.Errorf("a NIC that is no more got an address:\n%s", b)
	}
}

// A NIC whose address was changed gets the new one when it asks next.
func TestChangedAddressReachesTheGuest(t *testing.T) {
	n := newNode(t, "169.254.67.67/32")
	n.reconcile(far(host(mac1, "web", "10.0.1.5")))
	c := n.guest(mac1).udhcpc()
	c.event("bound", 1)
	p := n.mustRun("z1")
	n.reconcile(far(host(mac1, "web", "10.0.1.6")))
	c.asks()
	if got := c.event("bound", 2); !strings.Contains(got, "ip=10.0.1.6 ") {
		t.Errorf("the guest was told %s", got)
	}
	if b, err := os.ReadFile(c.log); err != nil || strings.Contains(string(b), "renew ") {
		t.Errorf("the old address was prolonged (%v):\n%s", err, b)
	}
	if now := n.mustRun("z1"); now != p {
		t.Errorf("dnsmasq was started again for a NIC (%v, then %v)", p, now)
	}
}

func TestFilesEditedByHandComeBack(t *testing.T) {
	n := newNode(t, "169.254.67.67/32")
	s := far(host(mac1, "web", "10.0.1.5"))
	n.reconcile(s)
	p := n.mustRun("z1")
	folder := "etc/dnsmasq.d/z1/"
	before := n.read(folder + "10-vn1.conf")
	hosts := n.read(folder + "ethers-vn1")
	n.write(folder+"10-vn1.conf", "interface=eth0\n")
	n.write(folder+"10-old.conf", "# not ours\n")
	n.write(folder+"ethers-vn1", mac2+",10.0.1.7\n")
	r := n.reconcile(s)
	var told []string
	for _, c := range r.Changes {
		told = append(told, c.String())
	}
	want := "~ dhcp z1 file 10-vn1.conf: content other -> as declared\n~ dhcp z1 vn1 hosts: added 1, removed 1"
	if got := strings.Join(told, "\n"); !strings.HasPrefix(got, want) {
		t.Errorf("told\n%s\nwant\n%s", got, want)
	}
	if n.read(folder+"10-vn1.conf") != before || n.read(folder+"ethers-vn1") != hosts {
		t.Error("a file did not come back")
	}
	n.read(folder + "10-old.conf") // the operator's stays
	// The operator's file is read by a process that is started for it.
	if now := n.mustRun("z1"); now == p {
		t.Error("dnsmasq was not started with the operator's own file")
	}
}

// A dnsmasq that takes its configuration and then does not start with it, as when
// something else has its port: what ran before runs on with its own files.
func TestConfigurationThatDoesNotStart(t *testing.T) {
	n := newNode(t, "169.254.67.67/32")
	s := far(host(mac1, "web", "10.0.1.5"))
	n.reconcile(s)
	before := n.read("etc/dnsmasq.d/z1/10-vn1.conf")
	fussy := filepath.Join(n.root, "fussy")
	n.write("fussy", `#!/bin/sh
case $1 in
--test) exit 0 ;;
esac
grep -q option:mtu,1300 "`+n.root+`/etc/dnsmasq.d/z1/10-vn1.conf" && echo "it is too small for me" && exit 2
exec dnsmasq "$@"
`)
	if err := os.Chmod(fussy, 0o755); err != nil {
		t.Fatal(err)
	}
	n.Driver = New(Options{Namespace: n.ns, Root: n.root, Program: fussy})
	s.Networks[0].MTU = 1300
	for range 2 {
		_, err := n.Reconcile(context.Background(), &desired.Space{DHCP: []desired.DHCPServer{s}}, false)
		if err == nil || !strings.Contains(err.Error(), "too small for me") {
			t.Errorf("got %v", err)
		}
		if got := n.read("etc/dnsmasq.d/z1/10-vn1.conf"); got != before {
			t.Errorf("the file from before is not back:\n%s", got)
		}
		n.mustRun("z1")
	}
	n.guest(mac1).udhcpc().event("bound", 1)
	s.Networks[0].MTU = 1400
	n.reconcile(s)
}

func TestOperatorsFile(t *testing.T) {
	n := newNode(t, "169.254.67.67/32")
	s := far(host(mac1, "web", "10.0.1.5"))
	n.reconcile(s)
	p := n.mustRun("z1")
	own := "etc/dnsmasq.d/z1/90-local.conf"
	n.write(own, "dhcp-otpion=42,10.0.1.9\n")
	_, err := n.Reconcile(context.Background(), &desired.Space{DHCP: []desired.DHCPServer{s}}, false)
	var fault *driver.ObjectError
	if !errors.As(err, &fault) || fault.Owner != "vnet/vn1" || !strings.Contains(err.Error(), "etc/dnsmasq.d/z1/90-local.conf") {
		t.Errorf("a mistake in the operator's file gives %v", err)
	}
	if now := n.mustRun("z1"); now != p {
		t.Errorf("process %v became %v", p, now)
	}
	text := "dhcp-option=tag:z1-10.0.1.0-24,option:domain-name,own.example\n"
	n.write(own, text)
	n.reconcile(s)
	if n.mustRun("z1") == p {
		t.Error("dnsmasq has not read the operator's file")
	}
	if got := n.read(own); got != text {
		t.Errorf("the operator's file is now %q", got)
	}
	// Without the zone everything goes but that.
	n.reconcile()
	if _, runs := n.process(vn1); runs {
		t.Error("the zone is gone and its dnsmasq runs")
	}
	left, err := os.ReadDir(filepath.Join(n.root, "etc/dnsmasq.d/z1"))
	if err != nil || len(left) != 1 || left[0].Name() != "90-local.conf" {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestZoneThatIsGoneLeavesNothing(t *testing.T) {
	n := newNode(t, "169.254.67.67/32")
	n.reconcile(far())
	dry, err := n.Reconcile(context.Background(), &desired.Space{}, true)
	if err != nil || len(dry.Changes) != 1 || dry.Changes[0].Action != diff.Delete {
		t.Errorf("the dry run told %+v, %v", dry, err)
	}
	n.mustRun("z1")
	n.reconcile()
	for _, dir := range []string{"etc/dnsmasq.d", "var/lib/misc", "run/viaduct-dnsmasq"} {
		left, err := os.ReadDir(filepath.Join(n.root, dir))
		if err != nil || len(left) != 0 {
			t.Errorf("%s has %v, %v", dir, left, err)
		}
	}
}

func TestFolderOfSomebodyElseIsLeft(t *testing.T) {
	n := newNode(t, "169.254.67.67/32")
	if err := os.MkdirAll(filepath.Join(n.root, "etc/dnsmasq.d/z1"), 0o755); err != nil {
		t.Fatal(err)
	}
	n.write("etc/dnsmasq.d/z1/00-default.conf", "port=53\n")
	_, err := n.Reconcile(context.Background(), &desired.Space{DHCP: []desired.DHCPServer{far()}}, false)
	var conflict *driver.Conflict
	if !errors.As(err, &conflict) {
		t.Errorf("got %v", err)
	}
	if got := n.read("etc/dnsmasq.d/z1/00-default.conf"); got != "port=53\n" {
		t.Errorf("the file is now %q", got)
	}
}

func TestWithoutDnsmasq(t *testing.T) {
	n := newNode(t)
	n.Driver = New(Options{Namespace: n.ns, Root: n.root, Program: "no-such-dnsmasq"})
	_, err := n.Reconcile(context.Background(), &desired.Space{DHCP: []desired.DHCPServer{far()}}, false)
	if err == nil || !strings.Contains(err.Error(), "apt install dnsmasq-base") || len(driver.ObjectErrors(err)) != 1 {
		t.Errorf("got %v", err)
	}
}

// A link that was recreated has another index, to which sockets are not bound.
func TestLinkMadeAnew(t *testing.T) {
	n := newNode(t, "169.254.67.67/32")
	s := far(host(mac1, "web", "10.0.1.5"))
	n.reconcile(s)
	n.ip("link delete vn1")
	n.ip("link add vn1 type bridge")
	n.ip("link set vn1 up")
	n.ip("address add 169.254.67.67/32 dev vn1")
	n.reconcile(s)
	n.guest(mac1).udhcpc().event("bound", 1)
}

func TestEvents(t *testing.T) {
	n := newNode(t, "169.254.67.67/32")
	ctx, cancel := context.WithCancel(t.Context())
	events, err := n.Events(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s := far()
	n.reconcile(s)
	await := func(what string) {
		t.Helper()
		select {
		case <-events:
		case <-time.After(patience):
			t.Fatalf("no event after %s", what)
		}
	}
	await("the start")
	// Until nothing of the start is left to be told.
	for quiet := false; !quiet; {
		select {
		case <-events:
		case <-time.After(200 * time.Millisecond):
			quiet = true
		}
	}
	mustSignal(t, n.mustRun("z1"), unix.SIGKILL)
	await("the death of a process")
	n.reconcile(s)
	await("its new start")
	cancel()
	eventually(t, func() bool {
		select {
		case _, open := <-events:
			return !open
		default:
			return false
		}
	}, "the channel stays open")
}

// One NIC more among ten thousand is answered by the same server, which is told of it
// alone; test/bench/dhcp has how fast.
func TestNewNICAmongTenThousand(t *testing.T) {
	n := newNode(t, "169.254.67.67/32")
	s := far()
	s.Networks[0].Subnets[0].CIDR = prefix("10.0.0.0/16")
	for i := range 10000 {
		s.Networks[0].Hosts = append(s.Networks[0].Hosts, host(fmt.Sprintf("02:00:01:00:%02x:%02x", i>>8, i&255), fmt.Sprintf("guest%d", i), fmt.Sprintf("10.0.%d.%d", 2+i/250, 1+i%250)))
	}
	n.reconcile(s)
	p := n.mustRun("z1")
	c := n.guest(mac1).udhcpc()
	c.event("deconfig", 1)
	s.Networks[0].Hosts = append([]desired.DHCPHost{host(mac1, "web", "10.0.1.5")}, s.Networks[0].Hosts...)
	r := n.reconcile(s)
	if len(r.Changes) != 1 || r.Changes[0].String() != "~ dhcp z1 vn1 hosts: added 1" {
		t.Errorf("told %v", r.Changes)
	}
	other := n.guest(mac2) // one that dnsmasq has to read all for
	if got := c.event("bound", 1); !strings.Contains(got, "ip=10.0.1.5 ") {
		t.Errorf("the guest was told %s", got)
	}
	s.Networks[0].Hosts = append([]desired.DHCPHost{s.Networks[0].Hosts[0], host(mac2, "db", "10.0.1.6")}, s.Networks[0].Hosts[2:]...)
	n.reconcile(s)
	if got := other.udhcpc().event("bound", 1); !strings.Contains(got, "ip=10.0.1.6 ") {
		t.Errorf("the other guest was told %s", got)
	}
	if now := n.mustRun("z1"); now != p {
		t.Errorf("dnsmasq was started again for a NIC (%v, then %v)", p, now)
	}
}

// A port that another process has is told once for the node, with who has it; the
// server starts once it is free.
func TestPortOfAnotherProcess(t *testing.T) {
	n := newNode(t, "169.254.67.67/32")
	var other net.PacketConn
	if err := n.ns.Run(func() (err error) {
		other, err = net.ListenPacket("udp4", ":67")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	_, err := n.Reconcile(t.Context(), &desired.Space{DHCP: []desired.DHCPServer{far()}}, false)
	if err == nil || len(driver.ObjectErrors(err)) != 0 || len(driver.NodeErrors(err)) != 1 ||
		!strings.Contains(err.Error(), fmt.Sprintf("UDP port 67 of this node is already in use by dnsmasq.test (process %d", os.Getpid())) {
		t.Errorf("got %v", err)
	}
	_ = other.Close()
	n.reconcile(far())
	n.mustRun("z1")
}
