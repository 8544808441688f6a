package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// DefaultRoot is the directory below which labs keep their state. It is in memory:
// neither a lab nor its namespaces survive a reboot.
const DefaultRoot = "/run/viaduct/lab"

// DefaultName is the lab of commands that name none.
const DefaultName = "default"

// apiPort is the TCP port of a lab's server.
const apiPort = 8006

// startTimeout bounds the wait for a process to answer.
const startTimeout = 90 * time.Second

// Lab is one virtual cluster.
type Lab struct {
	Name string
	// Dir holds the lab's state; Binary is the program that its processes run.
	Dir    string
	Binary string
	// Spec is nil until Up or Open has read or made the lab.
	Spec *Spec
	// API is the address of the server on this machine: "127.0.0.1:8006".
	API  string
	mark string // distinguishes the root in the names of namespaces

	// Progress is called with a short description of each step; it may be nil.
	Progress func(format string, args ...any)
}

// state is the content of lab.json.
type state struct {
	Spec *Spec  `json:"spec"`
	API  string `json:"api"`
}

// New returns a lab by its name, whether it runs or not.
func New(root, name, binary string) (*Lab, error) {
	if !nodeName.MatchString(name) {
		return nil, fmt.Errorf("lab name %q: must be lower-case letters, digits and hyphens, at most 32", name)
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	l := &Lab{Name: name, Dir: filepath.Join(root, name), Binary: binary}
	if root != DefaultRoot {
		h := fnv.New32a()
		_, _ = h.Write([]byte(root))
		l.mark = fmt.Sprintf("-%08x", h.Sum32())
	}
	return l, nil
}

// Open reads the state of an existing lab; fs.ErrNotExist if there is none.
func (l *Lab) Open() error {
	b, err := os.ReadFile(filepath.Join(l.Dir, "lab.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("lab %q does not run; start it with `viaduct lab up`: %w", l.Name, err)
	}
	if err != nil {
		return err
	}
	var s state
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("the state of lab %q is damaged (%w); remove it with `viaduct lab down`", l.Name, err)
	}
	l.Spec, l.API = s.Spec, s.API
	return nil
}

func (l *Lab) save() error {
	b, err := json.MarshalIndent(state{Spec: l.Spec, API: l.API}, "", "  ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(l.Dir, "lab.json"), append(b, '\n'), 0o644)
}

// lock keeps two commands from changing the lab at once.
func (l *Lab) lock() (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(l.Dir), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(l.Dir+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot lock lab %q: %w", l.Name, err)
	}
	// Down removes the file: a process that waited for it holds a lock that nobody
	// else sees, and has to lock the new file.
	held, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if now, err := os.Stat(f.Name()); err != nil || !os.SameFile(held, now) {
		f.Close()
		return l.lock()
	}
	return func() { f.Close() }, nil
}

func (l *Lab) progress(format string, args ...any) {
	if l.Progress != nil {
		l.Progress(format, args...)
	}
}

// SocketPath is the server's socket for administrators.
func (l *Lab) SocketPath() string { return filepath.Join(l.serverData(), "api.sock") }

// Target is the value for the command line's --server.
func (l *Lab) Target() string { return "unix://" + l.SocketPath() }

// Client returns a client of the lab's server.
func (l *Lab) Client() (*client.Client, error) { return client.New(l.Target()) }

func (l *Lab) serverData() string          { return filepath.Join(l.Dir, "server") }
func (l *Lab) nodeData(node string) string { return filepath.Join(l.Dir, "nodes", node) }

// Up creates the lab, or completes and restarts missing parts of it. A nil spec
// means: as before, or three nodes.
func (l *Lab) Up(ctx context.Context, spec *Spec) error {
	if os.Geteuid() != 0 {
		return errors.New("a lab makes network namespaces, which takes root: run it with sudo")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return fmt.Errorf("a lab needs the program ip (package iproute2): %w", err)
	}
	unlock, err := l.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := l.settleSpec(spec); err != nil {
		return err
	}
	if err := l.checkKernel(ctx); err != nil {
		return err
	}
	l.progress("making %d nodes on underlay %s", len(l.Spec.Nodes), l.Spec.Underlay)
	if err := l.buildUnderlay(); err != nil {
		return err
	}
	if err := l.buildTopology(); err != nil {
		return err
	}
	if err := l.buildOVS(ctx); err != nil {
		return err
	}
	if err := l.buildIfupdown2(); err != nil {
		return err
	}
	if err := l.buildSystems(ctx); err != nil {
		return err
	}
	if err := l.startServer(ctx); err != nil {
		return err
	}
	c, err := l.Client()
	if err != nil {
		return err
	}
	for _, n := range l.Spec.Nodes {
		if err := l.startNode(ctx, c, n.Name); err != nil {
			return err
		}
	}
	l.progress("waiting for the nodes to report")
	return l.waitNodes(ctx, c)
}

// settleSpec determines the spec of the lab, and saves it before anything is
// created, so that Down finds all of it whatever happens next.
func (l *Lab) settleSpec(spec *Spec) error {
	if spec != nil {
		if err := spec.complete(); err != nil {
			return fmt.Errorf("lab %q: %w", l.Name, err)
		}
	}
	err := l.Open()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if spec == nil {
			spec = DefaultSpec(3)
			if err := spec.complete(); err != nil {
				return err
			}
		}
		l.Spec = spec
	case err != nil:
		return err
	case spec != nil && !reflect.DeepEqual(spec, l.Spec):
		return fmt.Errorf("lab %q runs with other nodes or another underlay; end it first with `viaduct lab down`", l.Name)
	}
	if err := os.MkdirAll(l.Dir, 0o755); err != nil {
		return err
	}
	return l.save()
}

// startServer runs the server unless it runs. It listens on the loopback for people
// and, by a socket that was opened there, inside the underlay for nodes: the server
// itself needs no interface in either.
func (l *Lab) startServer(ctx context.Context) error {
	pid, err := l.running(l.serverData())
	if err != nil {
		return err
	}
	if pid == 0 {
		l.progress("starting the server")
		inside, err := l.listen(underlayNS, net.JoinHostPort(l.Spec.serverAddr().String(), strconv.Itoa(apiPort)))
		if err != nil {
			return fmt.Errorf("cannot listen in the underlay: %w", err)
		}
		defer inside.Close()
		local, err := l.listenLocal()
		if err != nil {
			return err
		}
		defer local.Close()
		if err := os.MkdirAll(l.serverData(), 0o700); err != nil {
			return err
		}
		cmd, err := l.start("server", "", []*os.File{local, inside}, "server", "--data", l.serverData(), "--lab-command", l.command())
		if err != nil {
			return err
		}
		defer func() { go func() { _ = cmd.Wait() }() }()
	}
	if err := l.save(); err != nil {
		return err
	}
	c, err := l.Client()
	if err != nil {
		return err
	}
	return l.await(ctx, "server", l.serverData(), func() error {
		_, err := c.Version(ctx)
		return err
	})
}

// command is the command that controls this lab.
func (l *Lab) command() string {
	out := "viaduct lab"
	if l.Name != DefaultName {
		out += " --lab " + l.Name
	}
	if root := filepath.Dir(l.Dir); root != DefaultRoot {
		out += " --lab-dir " + root
	}
	return out
}

// listenLocal binds the usual port of the loopback, or any other if it is in use.
func (l *Lab) listenLocal() (*os.File, error) {
	var ln net.Listener
	var err error
	for _, addr := range []string{l.API, net.JoinHostPort("127.0.0.1", strconv.Itoa(apiPort)), "127.0.0.1:0"} {
		if addr == "" {
			continue
		}
		if ln, err = net.Listen("tcp", addr); err == nil {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on the loopback: %w", err)
	}
	defer ln.Close()
	l.API = ln.Addr().String()
	return ln.(*net.TCPListener).File()
}

// await polls until ready succeeds or the process has ended.
func (l *Lab) await(ctx context.Context, name, data string, ready func() error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for missing := 0; ; {
		err := ready()
		if err == nil {
			return nil
		}
		// While a process changes from one program to the next (ip netns exec) it
		// shows no arguments for a moment.
		pid, perr := l.running(data)
		if missing++; perr != nil || pid != 0 {
			missing = 0
		}
		if missing > 4 {
			return fmt.Errorf("the %s ended at once; its log (%s) says:\n%s", name, filepath.Join(l.Dir, "logs"), l.lastLog(name))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the %s does not answer after %s: %w; its log is in %s", name, startTimeout, err, filepath.Join(l.Dir, "logs"))
		case <-tick.C:
		}
	}
}

// startNode joins a node, as an operator would, and runs its agent.
func (l *Lab) startNode(ctx context.Context, c *client.Client, node string) error {
	data := l.nodeData(node)
	if pid, err := l.running(data); err != nil || pid != 0 {
		return err
	}
	if _, err := os.Stat(filepath.Join(data, "identity.json")); errors.Is(err, fs.ErrNotExist) {
		if err := l.join(ctx, c, node); err != nil {
			return err
		}
	}
	// Before anything looks into it: commands on the node see what is mounted there later.
	if err := netns.Dir(l.namespaceDir(node)).Share(); err != nil {
		return err
	}
	l.progress("starting the agent of %s", node)
	cmd, err := l.start(node, node, nil, "agent", "--data", data, "--frr-pathspace", l.FRRPathspace(node),
		"--ovs-socket", l.OVSSocket(node), "--dnsmasq-root", l.DNSMasqRoot(node), "--haproxy-dir", l.haproxyDir(node), "--netns-dir", l.namespaceDir(node))
	if err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }()
	return nil
}

// DNSMasqRoot is the directory below which the files of a node's DHCP servers are:
// the nodes share one file system. dnsmasq reads them as a user of its own.
func (l *Lab) DNSMasqRoot(node string) string { return filepath.Join(l.Dir, "dnsmasq", node) }

// haproxyDir is the directory of the files of a node's load balancers. Its name is short, since
// it is part of the longest path of a socket in a lab.
func (l *Lab) haproxyDir(node string) string { return filepath.Join(l.Dir, "lb", node) }

// namespaceDir is the directory of the network namespaces that a node's agent makes.
func (l *Lab) namespaceDir(node string) string { return filepath.Join(l.Dir, "netns", node) }

func (l *Lab) join(ctx context.Context, c *client.Client, node string) error {
	// A node that joined but lost its directory must be removed first.
	members, err := c.Members(ctx)
	if err != nil {
		return err
	}
	for _, m := range members {
		if m.Name == node {
			if err := c.DeleteMember(ctx, node); err != nil {
				return err
			}
		}
	}
	token, err := c.CreateToken(ctx, api.TokenRequest{Node: node, TTL: 5 * time.Minute})
	if err != nil {
		return err
	}
	url := "https://" + net.JoinHostPort(l.Spec.serverAddr().String(), strconv.Itoa(apiPort))
	cmd := exec.CommandContext(ctx, "ip", "netns", "exec", l.ns(node), l.Binary,
		"node", "join", url, "--token", token.Token, "--name", node, "--data", l.nodeData(node))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("node %s cannot join: %w: %s", node, err, out)
	}
	return nil
}

// waitNodes waits until every node has reported.
func (l *Lab) waitNodes(ctx context.Context, c *client.Client) error {
	for _, n := range l.Spec.Nodes {
		err := l.await(ctx, n.Name, l.nodeData(n.Name), func() error {
			st, err := c.Status(ctx, "")
			if err != nil {
				return err
			}
			for _, s := range st.Nodes {
				if s.Name == n.Name && s.Report != nil {
					return nil
				}
			}
			return fmt.Errorf("node %s has not reported yet", n.Name)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Down removes every trace of the lab, whatever state it is in.
func (l *Lab) Down() error {
	unlock, err := l.lock()
	if err != nil {
		return err
	}
	defer unlock()
	var errs []error
	l.progress("ending the processes")
	// An agent may have restarted a server just before it ended.
	errs = append(errs, l.stopAll(), l.stopAll(), l.stopFRR())
	names, err := l.listNS()
	errs = append(errs, err)
	l.progress("removing %d namespaces", len(names))
	for _, name := range names {
		errs = append(errs, l.removeMachine(name))
	}
	errs = append(errs, l.removeViews(), l.removeIfupdown2())
	spaces, _ := filepath.Glob(l.namespaceDir("*")) // the pattern is valid
	for _, dir := range spaces {
		errs = append(errs, netns.Dir(dir).Remove())
	}
	errs = append(errs, os.RemoveAll(l.Dir))
	if err := errors.Join(errs...); err != nil {
		return err
	}
	// The lock is removed last; a process that waits for it then finds nothing to
	// remove.
	_ = os.Remove(l.Dir + ".lock")
	if filepath.Dir(l.Dir) == DefaultRoot { // the lab's folders; removed only if empty
		_ = os.Remove(DefaultRoot)
		_ = os.Remove(filepath.Dir(DefaultRoot))
	}
	return nil
}
