package frr

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/render/frr"
	"github.com/viaduct-sdn/viaduct/test/scratch"
)

// lab is an FRR of its own in a network namespace, and a driver of it.
type lab struct {
	t    *testing.T
	opts Options
	d    *Driver
}

func newLab(t *testing.T) *lab { return newLabIn(t, "") }

func newLabIn(t *testing.T, root string) *lab {
	t.Helper()
	l := &lab{t: t, opts: Options{
		Namespace: scratch.New(t), Root: root, StateFile: filepath.Join(t.TempDir(), "frr.json"),
		Pathspace: fmt.Sprintf("viaduct-test-%d-%d", os.Getpid(), time.Now().UnixNano()%1e9),
	}}
	l.d = New(l.opts)
	if !l.d.installed() {
		t.Fatal("frr is not installed: scripts/setup installs what tests need")
	}
	if err := l.d.makeRunDir(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for name := range l.d.running() {
			l.kill(name)
		}
		_ = os.RemoveAll(l.d.path(l.d.runDir()))
		_ = os.RemoveAll(l.d.path(l.d.confDir()))
	})
	return l
}

// kill ends a daemon as a crash would.
func (l *lab) kill(daemon string) {
	l.t.Helper()
	p, ok := l.d.process(daemon)
	if !ok {
		l.t.Fatalf("%s does not run", daemon)
	}
	if err := unix.Kill(p.pid, unix.SIGKILL); err != nil {
		l.t.Error(err)
	}
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		if now, ok := l.d.process(daemon); !ok || now != p {
			return
		}
		<-time.After(time.Millisecond)
	}
	l.t.Errorf("%s survives", daemon)
}

// vtysh runs commands, and returns FRR's output.
func (l *lab) vtysh(commands ...string) string {
	l.t.Helper()
	var args []string
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	out, status, err := l.d.vtysh(context.Background(), args...)
	if err != nil || status != 0 {
		l.t.Fatalf("vtysh %q: status %d %v\n%s", commands, status, err, out)
	}
	return out
}

func (l *lab) running() string {
	l.t.Helper()
	return l.vtysh("show running-config no-header")
}

// file is frr.conf.
func (l *lab) file() string {
	l.t.Helper()
	text, err := l.d.readFile()
	if err != nil {
		l.t.Fatal(err)
	}
	return text
}

// try makes one pass of both drivers.
func (l *lab) try(want *desired.FRR) (driver.Result, error) {
	node := &desired.Space{FRR: want}
	r, err := l.d.Withdraw().Reconcile(context.Background(), node, false)
	if err != nil {
		l.t.Fatal(err)
	}
	main, err := l.d.Reconcile(context.Background(), node, false)
	main.Changes = append(r.Changes, main.Changes...)
	main.Writes += r.Writes
	return main, err
}

// apply applies what nothing hinders and returns the changes; a second pass, of
// a driver that knows only its state file, must find nothing to do.
func (l *lab) apply(want *desired.FRR) string {
	l.t.Helper()
	r, err := l.try(want)
	if err != nil {
		l.t.Fatalf("%v\nrunning:\n%s", err, l.running())
	}
	l.settled(want)
	var b strings.Builder
	for _, c := range r.Changes {
		fmt.Fprintln(&b, c)
	}
	return b.String()
}

// settled fails unless another pass changes nothing.
func (l *lab) settled(want *desired.FRR) {
	l.t.Helper()
	l.d = New(l.opts)
	again, err := l.try(want)
	if len(driver.NodeErrors(err)) > 0 || again.Writes != 0 || len(again.Changes) != 0 {
		l.t.Errorf("second pass: %v %v", again, err)
	}
}

func contains(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if !strings.Contains(text, l) {
			t.Errorf("%q is missing in:\n%s", l, text)
		}
	}
}

func lacks(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if strings.Contains(text, l) {
			t.Errorf("%q is still in:\n%s", l, text)
		}
	}
}

// config makes a configuration of text; the owner of a block stands behind its
// head after a "#".
func config(text string, daemons ...string) *desired.FRR {
	f := &desired.FRR{Daemons: daemons}
	for _, b := range frr.Parse(text) {
		head, owner, ok := strings.Cut(b.Head, " # ")
		if !ok {
			owner = "zone/z"
		}
		f.Blocks = append(f.Blocks, desired.FRRBlock{Head: head, Lines: b.Lines, Owner: owner})
	}
	return f
}

const evpn = `
vrf vrf_z
 vni 1000
exit-vrf
router bgp 65000 # controller/c
 bgp router-id 192.168.0.1
 no bgp default ipv4-unicast
 coalesce-time 1000
 neighbor VTEP peer-group
 neighbor VTEP remote-as 65000
 neighbor VTEP bfd
 neighbor 192.168.0.2 peer-group VTEP
 address-family l2vpn evpn
  neighbor VTEP activate
  neighbor VTEP route-map MAP_IN in
  advertise-all-vni
 exit-address-family
exit
router bgp 65000 vrf vrf_z
 bgp router-id 192.168.0.1
 address-family ipv4 unicast
  redistribute connected
 exit-address-family
 address-family l2vpn evpn
  advertise ipv4 unicast
 exit-address-family
exit
route-map MAP_IN permit 1 # controller/c
exit
`
