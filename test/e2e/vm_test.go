package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inVM tells that the tests run in a virtual machine, whose processor may be an
// emulated one: what takes seconds elsewhere takes a minute.
func inVM() bool { return os.Getenv("VIADUCT_VM") != "" }

// needsVM marks a scenario that needs what only a distribution's kernel has:
// VLANs, VRFs, Open vSwitch. `make test-vm` runs those, by their name TestVM...,
// inside a virtual machine; anything else that calls them is told so.
func needsVM(t *testing.T) {
	t.Helper()
	if !inVM() {
		t.Fatal("this scenario runs in the virtual machine: use `make test-vm`")
	}
}

var errNotListening = errors.New("tcpdump does not listen yet")

// lockedBuffer may be read while a process writes to it.
type lockedBuffer struct {
	mu sync.Mutex
	b  *bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// proved tells what a scenario has shown so far, for those who read along.
func (c *cluster) proved(format string, args ...any) {
	c.t.Helper()
	if c.t.Failed() {
		c.t.FailNow()
	}
	c.t.Logf("proved: "+format, args...)
}

// captured returns the frames with VLAN tags that an interface of a node shows while f
// runs, as tcpdump -e prints them, and what else tcpdump said.
func (c *cluster) captured(node, link string, f func()) (frames, said string) {
	c.t.Helper()
	args := append([]string{}, c.labArgs([]string{"exec", node, "--", "tcpdump", "-l", "-e", "-n", "-i", link, "vlan"})...)
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "VIADUCT_SERVER="+c.lab.Target())
	var out, errs bytes.Buffer
	listening := &lockedBuffer{b: &errs}
	cmd.Stdout, cmd.Stderr = &out, listening
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.eventually(15*time.Second, func() error {
		if !strings.Contains(listening.String(), "listening on") {
			return errNotListening
		}
		return nil
	})
	f()
	_ = unix.Kill(cmd.Process.Pid, unix.SIGINT) // tcpdump then ends in order
	_ = cmd.Wait()
	return out.String(), listening.String()
}

// tagged returns how many frames with VLAN tags an interface of a node shows while f
// runs whose line holds all of the texts; there have to be some.
func (c *cluster) tagged(node, link string, f func(), texts ...string) int {
	c.t.Helper()
	out, said := c.captured(node, link, f)
	n := 0
	for line := range strings.Lines(out) {
		all := true
		for _, text := range texts {
			all = all && strings.Contains(line, text)
		}
		if all {
			n++
		}
	}
	if n == 0 {
		c.t.Errorf("no frame with %q on %s of %s; those with tags were:\n%s%s", texts, link, node, out, said)
	}
	return n
}

// dumpNodes logs what the nodes' kernels and FRR have, for a scenario of routing
// that failed.
func (c *cluster) dumpNodes() {
	if !c.t.Failed() {
		return
	}
	for _, n := range c.lab.Spec.Nodes {
		for _, command := range []string{
			"ip -br addr", "ip -4 route show table all type unicast; ip -6 route show table all type unicast", "bridge fdb show | grep 'dst '", "ip neigh; ip -6 neigh",
			"vtysh -c 'show bgp l2vpn evpn summary' -c 'show bgp l2vpn evpn' -c 'show evpn mac vni all' -c 'show evpn arp-cache vni all' -c 'show evpn rmac vni all' -c 'show bfd peers brief' -c 'show bgp vrf all ipv4 unicast' -c 'show bgp vrf all ipv6 unicast' -c 'show ipv6 route vrf all'",
		} {
			r := c.exec(n.Name, "sh", "-c", command)
			c.t.Logf("%s: %s\n%s%s", n.Name, command, r.out, r.err)
		}
	}
}
