// Package e2e runs whole clusters in labs: the real program, as processes in
// network namespaces, driven by its command line and proven with packets.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/lab"
	nsthread "github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// binary is the program under test, built by TestMain.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "these tests make network namespaces, which takes root")
		return 1
	}
	// Where there is no compiler, as in the virtual machine, the program is given.
	if binary = os.Getenv("VIADUCT_BINARY"); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "viaduct-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "viaduct")
	build := exec.Command("go", "build", "-o", binary, "github.com/viaduct-sdn/viaduct/cmd/viaduct")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build the program: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// cluster is a lab of one test.
type cluster struct {
	t    *testing.T
	lab  *lab.Lab
	root string
	// client is the one that status asks by, again and again: each has connections of its
	// own, of which the server takes so many.
	client *client.Client
}

// newCluster starts a lab of n nodes that ends with the test.
func newCluster(t *testing.T, n int) *cluster {
	t.Helper()
	return startedCluster(t, "--nodes", fmt.Sprint(n))
}

// startedCluster starts a lab as the arguments of `lab up` say.
func startedCluster(t *testing.T, args ...string) *cluster {
	t.Helper()
	c := plannedCluster(t)
	c.labRun(append([]string{"up"}, args...)...)
	if err := c.lab.Open(); err != nil {
		t.Fatal(err)
	}
	return c
}

// specifiedCluster starts the lab that a lab.yaml describes.
func specifiedCluster(t *testing.T, spec string) *cluster {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lab.yaml")
	if err := os.WriteFile(path, []byte(spec), 0o644); err != nil {
		t.Fatal(err)
	}
	return startedCluster(t, "--file", path)
}

// plannedCluster is a lab that has not been started.
func plannedCluster(t *testing.T) *cluster {
	t.Helper()
	h := fnv.New32a()
	fmt.Fprint(h, t.Name(), os.Getpid())
	c := &cluster{t: t, root: t.TempDir()}
	var err error
	if c.lab, err = lab.New(c.root, fmt.Sprintf("t%08x", h.Sum32()), binary); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			c.dumpLogs()
		}
		if err := c.lab.Down(); err != nil {
			t.Errorf("cannot remove the lab: %v", err)
		}
		c.mustBeGone()
	})
	return c
}

// mustBeGone fails the test if anything of the lab is left.
func (c *cluster) mustBeGone() {
	c.t.Helper()
	out, err := exec.Command("ip", "netns", "list").CombinedOutput()
	if err != nil {
		c.t.Errorf("ip netns list: %v: %s", err, out)
	}
	if strings.Contains(string(out), "viaduct-"+c.lab.Name) {
		c.t.Errorf("namespaces of the lab are left:\n%s", out)
	}
	if left, _ := filepath.Glob("/etc/netns/viaduct-" + c.lab.Name + "*"); len(left) > 0 {
		c.t.Errorf("files of the lab are left: %v", left)
	}
	if b, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(b), c.lab.Dir) {
		c.t.Errorf("mounts of the lab are left (%v):\n%s", err, b)
	}
	if _, err := os.Stat(c.lab.Dir); !errors.Is(err, os.ErrNotExist) {
		c.t.Errorf("the lab's directory %s is left (%v)", c.lab.Dir, err)
	}
}

func (c *cluster) dumpLogs() {
	logs, _ := filepath.Glob(filepath.Join(c.lab.Dir, "logs", "*.log"))
	for _, path := range logs {
		b, _ := os.ReadFile(path)
		if len(b) > 3000 {
			b = b[len(b)-3000:]
		}
		c.t.Logf("%s:\n%s", filepath.Base(path), b)
	}
}

// result is what a command gave.
type result struct {
	out, err string
	code     int
}

// try runs the program against the lab's server.
func (c *cluster) try(args ...string) result {
	c.t.Helper()
	if inVM() && args[0] == "apply" {
		args = append(args, "--timeout", "4m")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), "VIADUCT_SERVER="+c.lab.Target(), "NO_COLOR=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatalf("viaduct %s: %v", strings.Join(args, " "), err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// run is try for a command that has to succeed.
func (c *cluster) run(args ...string) string {
	c.t.Helper()
	r := c.try(args...)
	if r.code != 0 {
		c.t.Fatalf("viaduct %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.out, r.err)
	}
	return r.out
}

func (c *cluster) labArgs(args []string) []string {
	return append([]string{"lab", "--lab", c.lab.Name, "--lab-dir", c.root}, args...)
}

func (c *cluster) labRun(args ...string) string {
	c.t.Helper()
	return c.run(c.labArgs(args)...)
}

// exec runs a command inside a node or guest.
func (c *cluster) exec(where string, args ...string) result {
	c.t.Helper()
	return c.try(c.labArgs(append([]string{"exec", where, "--"}, args...))...)
}

// in is exec for a command that has to succeed.
func (c *cluster) in(where string, args ...string) string {
	c.t.Helper()
	r := c.exec(where, args...)
	if r.code != 0 {
		c.t.Fatalf("%s: %s: exit code %d\n%s%s", where, strings.Join(args, " "), r.code, r.out, r.err)
	}
	return r.out
}

// inside runs f on a thread that is in a guest's namespace; sockets that it opens
// stay there.
func (c *cluster) inside(guest string, f func() error) error {
	name, err := c.lab.Namespace(guest)
	if err != nil {
		return err
	}
	return nsthread.OnThread(func() error {
		ns, err := netns.GetFromName(name)
		if err != nil {
			return err
		}
		defer ns.Close()
		if err := netns.Set(ns); err != nil {
			return err
		}
		return f()
	})
}

// apply writes a manifest and applies it.
func (c *cluster) apply(manifest string, args ...string) string {
	c.t.Helper()
	path := filepath.Join(c.t.TempDir(), "manifest.yaml")
	if err := os.WriteFile(path, []byte(manifest), 0o644); err != nil {
		c.t.Fatal(err)
	}
	return c.run(append([]string{"apply", "-f", path}, args...)...)
}

// answers demands that a ping is answered.
func (c *cluster) answers(guest, addr string, opts ...string) {
	c.t.Helper()
	args := append([]string{"ping", "-c", "3", "-i", "0.2", "-W", "1", "-w", "10"}, opts...)
	if r := c.exec(guest, append(args, addr)...); r.code != 0 {
		c.t.Errorf("%s does not reach %s:\n%s%s", guest, addr, r.out, r.err)
	}
}

// silent demands that no ping is answered.
func (c *cluster) silent(guest, addr string, opts ...string) {
	c.t.Helper()
	args := append([]string{"ping", "-c", "2", "-i", "0.2", "-W", "1", "-w", "2"}, opts...)
	// That packets were sent and lost, not just that the command failed.
	if r := c.exec(guest, append(args, addr)...); r.code == 0 || !strings.Contains(r.out, "100% packet loss") {
		c.t.Errorf("%s must send to %s and get no answer:\n%s%s", guest, addr, r.out, r.err)
	}
}

// status is the cluster's state, asked over the API.
func (c *cluster) status() *api.Status {
	c.t.Helper()
	if c.client == nil {
		var err error
		if c.client, err = c.lab.Client(); err != nil {
			c.t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	st, err := c.client.Status(ctx, "")
	if err != nil {
		c.t.Fatal(err)
	}
	return st
}

// node is the state of one node.
func (c *cluster) node(name string) api.NodeStatus {
	c.t.Helper()
	st := c.status()
	i := slices.IndexFunc(st.Nodes, func(n api.NodeStatus) bool { return n.Name == name })
	if i < 0 {
		c.t.Fatalf("node %s is not in the status", name)
	}
	return st.Nodes[i]
}

// eventually polls until f is content; f returns what is still missing.
func (c *cluster) eventually(within time.Duration, f func() error) {
	c.t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("after %s: %v", within, err)
		}
		<-tick.C
	}
}

// stands demands that every node is just what the running revision declares:
// its agent's own check of the real state finds nothing to change.
func (c *cluster) stands() {
	c.t.Helper()
	for _, n := range c.lab.Spec.Nodes {
		c.eventually(20*time.Second, func() error {
			if r := c.exec(n.Name, binary, "agent", "check"); r.code != 0 {
				return fmt.Errorf("node %s differs from its document:\n%s%s", n.Name, r.out, r.err)
			}
			return nil
		})
	}
}

// alive is the process number of a part that has to run.
func (c *cluster) alive(part string) (pid int) {
	c.t.Helper()
	c.eventually(10*time.Second, func() error {
		if pid = c.pid(part); pid == 0 {
			return fmt.Errorf("%s does not run", part)
		}
		return nil
	})
	return pid
}

// pid of the server ("server") or of a node's agent; 0 if it does not run.
func (c *cluster) pid(part string) int {
	c.t.Helper()
	parts, err := c.lab.Parts(context.Background())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, p := range parts {
		if p.Name == part {
			return p.PID
		}
	}
	c.t.Fatalf("the lab has no %s", part)
	return 0
}

// kill ends a process without mercy and waits until it is gone.
func (c *cluster) kill(part string) {
	c.t.Helper()
	pid := c.alive(part)
	if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
		c.t.Fatal(err)
	}
	c.eventually(10*time.Second, func() error {
		if now := c.pid(part); now == pid {
			return fmt.Errorf("%s (process %d) is still there", part, pid)
		}
		return nil
	})
}

// link is what `ip -json link` tells, as far as the tests look.
type link struct {
	Name   string `json:"ifname"`
	MTU    int    `json:"mtu"`
	Master string `json:"master"`
	Group  string `json:"group"`
	Alias  string `json:"ifalias"`
}

func (c *cluster) links(where string) map[string]link {
	c.t.Helper()
	var list []link
	if err := json.Unmarshal([]byte(c.in(where, "ip", "-json", "link")), &list); err != nil {
		c.t.Fatal(err)
	}
	out := map[string]link{}
	for _, l := range list {
		out[l.Name] = l
	}
	return out
}
