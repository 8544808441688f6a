package ifupdown2

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/test/requires"
	"github.com/viaduct-sdn/viaduct/test/scratch"
)

// lab is a node of its own: a network namespace, and directories that take the
// place of /etc/network and /run for the real ifupdown2.
type lab struct {
	t    *testing.T
	root string
	ns   *netns.NS
	d    *Driver
}

// wrapper runs a command in a file system where the lab's directories are in
// place, and so is the namespace's /sys.
const wrapper = `mount -t tmpfs tmpfs /run && mkdir /run/network && mount --bind "$0/etc/network" /etc/network &&
mount --bind "$0/run" /run/network && mount -t sysfs sysfs /sys && exec "$@"`

// operator is the operator's own file, which includes Viaduct's.
const operator = "auto lo\niface lo inet loopback\nsource /etc/network/interfaces.d/*\n"

func start(t *testing.T) *lab {
	t.Helper()
	ns := scratch.New(t)
	requires.Program(t, "ifreload")
	l := &lab{t: t, root: t.TempDir(), ns: ns}
	for _, dir := range []string{"etc/network/interfaces.d", "run/state"} {
		if err := os.MkdirAll(filepath.Join(l.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("cp", "-a", "/etc/network/ifupdown2", filepath.Join(l.root, "etc/network")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	conf := filepath.Join(l.root, "etc/network/ifupdown2/ifupdown2.conf")
	b, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	l.write("etc/network/ifupdown2/ifupdown2.conf", strings.ReplaceAll(string(b), "/var/tmp/network/", "/run/network/state/"))
	l.write("etc/network/interfaces", operator)
	l.d, err = New(Options{Namespace: ns, Root: l.root, Wrapper: []string{"unshare", "-m", "sh", "-c", wrapper, l.root}, LockTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.d.Close() })
	l.ip("link", "set", "lo", "up")
	l.ip("link", "add", "eth0", "type", "veth", "peer", "name", "far")
	l.ip("addr", "add", "10.0.0.1/24", "dev", "eth0")
	return l
}

func (l *lab) write(path, text string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.root, path), []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

// file is our file; empty if there is none.
func (l *lab) file() string {
	b, _ := os.ReadFile(filepath.Join(l.root, ownPath))
	return string(b)
}

// ip runs the command in the namespace and returns what it prints.
func (l *lab) ip(args ...string) string {
	l.t.Helper()
	var out []byte
	if err := l.ns.Run(func() (err error) {
		out, err = exec.Command("ip", args...).CombinedOutput()
		return err
	}); err != nil {
		l.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// owned returns the links in Viaduct's group, sorted.
func (l *lab) owned() []string {
	l.t.Helper()
	links, err := l.d.conn.Links(context.Background())
	if err != nil {
		l.t.Fatal(err)
	}
	var out []string
	for _, k := range links {
		if k.Group == desired.LinkGroup {
			out = append(out, k.Name)
		}
	}
	slices.Sort(out)
	return out
}

// pass reconciles once.
func (l *lab) pass(want *desired.Space) (driver.Result, error) {
	return l.d.Reconcile(context.Background(), want, false)
}

// settle reconciles what nothing hinders, and sees that a second pass has nothing
// to do.
func (l *lab) settle(want *desired.Space) {
	l.t.Helper()
	if _, err := l.pass(want); err != nil {
		l.t.Fatalf("reconcile: %v", err)
	}
	for _, dryRun := range []bool{true, false} {
		if r, err := l.d.Reconcile(context.Background(), want, dryRun); err != nil || r.Writes != 0 || len(r.Changes) != 0 {
			l.t.Errorf("second pass (dry run: %v): %v %v", dryRun, r, err)
		}
	}
}
