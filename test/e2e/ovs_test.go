package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The datapaths of Open vSwitch.
const (
	inKernel  = "system"
	userspace = "netdev"
)

// ovsCluster starts the lab of examples/vlan/lab/ovs.yaml with one datapath.
func ovsCluster(t *testing.T, datapath string) *cluster {
	t.Helper()
	b, err := os.ReadFile("../../examples/vlan/lab/ovs.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := specifiedCluster(t, strings.ReplaceAll(string(b), "ovs: true", "ovs: true, datapath: "+datapath))
	if out := c.in("node1", "ovs-appctl", "-t", c.control("node1", "ovs-vswitchd"), "dpif/show"); !strings.Contains(out, datapath+"@") {
		t.Fatalf("the bridge's datapath is not %s:\n%s", datapath, out)
	}
	return c
}

// control is the socket by which a daemon of a node's Open vSwitch is asked.
func (c *cluster) control(node, daemon string) string {
	return filepath.Join(filepath.Dir(c.lab.OVSSocket(node)), daemon+".ctl")
}

// ovsPorts are the ports of ours on a node's Open vSwitch, each with its tag.
func (c *cluster) ovsPorts(node string) string {
	c.t.Helper()
	return strings.TrimSpace(c.in(node, "ovs-vsctl", "--format=csv", "--no-headings", "--columns=name,tag", "find", "port", "external_ids:viaduct=1"))
}

// ovsGone demands that nothing of a name is left in a node's Open vSwitch.
func (c *cluster) ovsGone(node, name string) {
	c.t.Helper()
	if out := c.ovsPorts(node); strings.Contains(out, name) {
		c.t.Errorf("Open vSwitch of %s still has a port %s:\n%s", node, name, out)
	}
	if _, there := c.links(node)[name]; there {
		c.t.Errorf("%s still has the interface %s", node, name)
	}
}

var pingCounts = regexp.MustCompile(`(\d+) packets transmitted, (\d+) received`)

// lossWhile counts the pings that a guest sends every 10 ms while f runs, and
// those that were not answered.
func (c *cluster) lossWhile(guest, addr string, f func()) (sent, lost int) {
	c.t.Helper()
	args := append([]string{}, c.labArgs([]string{"exec", guest, "--", "ping", "-q", "-i", "0.01", "-W", "2", addr})...)
	var out strings.Builder
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "VIADUCT_SERVER="+c.lab.Target())
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	f()
	_ = unix.Kill(cmd.Process.Pid, unix.SIGINT) // ping then tells its counts
	_ = cmd.Wait()
	m := pingCounts.FindStringSubmatch(out.String())
	if m == nil {
		c.t.Fatalf("ping told no counts:\n%s", out.String())
	}
	sent, _ = strconv.Atoi(m[1])
	received, _ := strconv.Atoi(m[2])
	return sent, sent - received
}

// restartsOVS shows that what stands outlives the agent, and what does not
// outlive ovs-vswitchd is repaired.
func (c *cluster) restartsOVS(guest, addr string) {
	c.t.Helper()
	sent, lost := c.lossWhile(guest, addr, func() {
		c.kill("node1")
		c.labRun("up")
		c.stands()
	})
	if lost > 1 { // the last one may still be on its way
		c.t.Errorf("%d of %d pings were lost while the agent was killed and came back", lost, sent)
	}
	c.proved("the agent was killed and came back without a packet lost (%d sent)", sent)

	c.kill("node1.ovs-vswitchd")
	c.labRun("up")
	c.eventually(30*time.Second, func() error {
		if n := c.node("node1"); len(n.Report.Objects) > 0 {
			return fmt.Errorf("node1: %+v", n.Report.Objects)
		}
		return nil
	})
	c.stands()
	c.reaches(guest, addr, 10*time.Second)
	c.proved("ovs-vswitchd was killed and came back; the node is as it was")

	c.kill("node1.ovsdb-server")
	c.labRun("up")
	c.stands()
	c.answers(guest, addr)
	c.proved("so for its database")
}

// sends demands that a guest gets a megabyte to another one by TCP: that large
// segments and checksums, which interfaces like to leave to hardware, come through.
func (c *cluster) sends(from, to, addr string) {
	c.t.Helper()
	const size = 1 << 20
	var listener net.Listener
	if err := c.inside(to, func() (err error) {
		listener, err = net.Listen("tcp", net.JoinHostPort(addr, "0"))
		return err
	}); err != nil {
		c.t.Fatal(err)
	}
	defer listener.Close()
	received := make(chan int64, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			received <- 0
			return
		}
		defer conn.Close()
		n, _ := io.Copy(io.Discard, conn)
		received <- n
	}()
	err := c.inside(from, func() error {
		conn, err := net.DialTimeout("tcp", listener.Addr().String(), 10*time.Second)
		if err != nil {
			return err
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
		_, err = conn.Write(make([]byte, size))
		return err
	})
	if err != nil {
		c.t.Errorf("%s cannot send to %s by TCP: %v", from, to, err)
		return
	}
	if n := <-received; n != size {
		c.t.Errorf("%s got %d of the %d bytes that %s sent", to, n, size, from)
	}
}
