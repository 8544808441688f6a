package ovs

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/test/scratch"
)

// lab is an Open vSwitch of its own: a database and, once started, a switch in
// userspace, in a scratch namespace and directory.
type lab struct {
	t   *testing.T
	dir string
	ns  *netns.NS
	d   *Driver
}

// start runs the database; the switch waits for startSwitch.
func start(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, dir: t.TempDir(), ns: scratch.New(t)}
	l.d = New(Options{Socket: l.path("db.sock"), SwitchTimeout: 10 * time.Second})
	l.run("ovsdb-tool", "create", l.path("conf.db"), "/usr/share/openvswitch/vswitch.ovsschema")
	l.daemon("ovsdb-server", l.path("conf.db"), "--remote=punix:"+l.path("db.sock"))
	l.until("the database answers", func() bool {
		_, running, err := l.d.Probe(context.Background())
		return running && err == nil
	})
	l.vsctl("init")
	return l
}

func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

// command prepares a program that uses the lab's directories.
func (l *lab) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "OVS_RUNDIR="+l.dir, "OVS_DBDIR="+l.dir, "OVS_LOGDIR="+l.dir)
	return cmd
}

// run executes a command in the namespace and returns what it prints.
func (l *lab) run(name string, args ...string) string {
	l.t.Helper()
	var out []byte
	err := l.ns.Run(func() (err error) {
		out, err = l.command(name, args...).CombinedOutput()
		return err
	})
	if err != nil {
		l.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// vsctl changes the database and waits for nobody.
func (l *lab) vsctl(args ...string) string {
	l.t.Helper()
	return l.run("ovs-vsctl", append([]string{"--db=unix:" + l.path("db.sock"), "--no-wait"}, args...)...)
}

// daemon runs a program until the test ends.
func (l *lab) daemon(name string, args ...string) (stop func()) {
	l.t.Helper()
	cmd := l.command(name, append([]string{"-vconsole:off", "--log-file=" + l.path(name+".log"), "--pidfile=" + l.path(name+".pid")}, args...)...)
	if err := l.ns.Run(cmd.Start); err != nil {
		l.t.Fatalf("start %s: %v", name, err)
	}
	ended := false
	stop = func() {
		if !ended {
			ended = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	l.t.Cleanup(stop)
	return stop
}

// startSwitch runs the switch with its datapath in userspace.
func (l *lab) startSwitch() (stop func()) {
	l.t.Helper()
	// Before 10 s of uptime ovs-vswitchd counts no CPUs and forwards nothing.
	l.until("the machine is up for 11 s", func() bool {
		b, _ := os.ReadFile("/proc/uptime")
		seconds, _ := strconv.ParseFloat(strings.Fields(string(b))[0], 64)
		return seconds >= 11
	})
	return l.daemon("ovs-vswitchd", "unix:"+l.path("db.sock"))
}

// until polls a condition.
func (l *lab) until(what string, done func() bool) {
	l.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(15 * time.Second); !done(); {
		select {
		case <-deadline:
			l.t.Fatalf("%s: it did not come to that", what)
		case <-tick.C:
		}
	}
}

// bridge makes a bridge that Viaduct does not own.
func (l *lab) bridge(name string) {
	l.t.Helper()
	l.vsctl("add-br", name, "--", "set", "bridge", name, "datapath_type=netdev", "fail_mode=standalone")
}

// reconcile applies ports that nothing hinders and verifies the result.
func (l *lab) reconcile(ports ...desired.OVSPort) []string {
	l.t.Helper()
	node := &desired.Space{OVSPorts: ports}
	node.Sort()
	r, err := l.d.Reconcile(context.Background(), node, false)
	if err != nil {
		l.t.Fatalf("reconcile: %v", err)
	}
	again, err := l.d.Reconcile(context.Background(), node, false)
	if err != nil || again.Writes != 0 || len(again.Changes) != 0 {
		l.t.Errorf("second pass: %v %v", again, err)
	}
	return lines(r)
}

func lines(r driver.Result) []string {
	var out []string
	for _, c := range r.Changes {
		out = append(out, c.String())
	}
	return out
}

// failures are the errors of objects, as text.
func failures(err error) []string {
	var out []string
	for _, e := range driver.ObjectErrors(err) {
		out = append(out, e.Error())
	}
	return out
}
