package e2e

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// balanced are two sectors with the same network, each with a load balancer at the same port;
// web1 and web2 are on different nodes, and all three nodes have the gateways.
const balanced = `
{kind: backplane, id: bckplane, cidr: 10.200.0.0/16, type: vxlan, routed: true}
---
{kind: sector, id: app, subnets: [172.16.0.0/24], address: 10.200.0.10, vnet: olvn1001, forwards: [{port: tcp/8080, to: 172.16.0.43, to-port: 8000}]}
---
{kind: sector, id: shop, subnets: [172.16.0.0/24], address: 10.200.0.11, vnet: olvn1002}
---
{kind: load-balancer, id: app-web, sector: app, port: 80, target-port: 8000, pool: [100, 101], check-interval: 1}
---
{kind: load-balancer, id: shop-web, sector: shop, port: 80, target-port: 8000, pool: [103], check-interval: 1}
---
{kind: guest, id: 100, name: web1, node: node1, nics: [{id: net0, vnet: olvn1001, ips: [172.16.0.42]}]}
---
{kind: guest, id: 101, name: web2, node: node2, nics: [{id: net0, vnet: olvn1001, ips: [172.16.0.43]}]}
---
{kind: guest, id: 102, name: client, node: node3, nics: [{id: net0, vnet: olvn1001, ips: [172.16.0.50]}]}
---
{kind: guest, id: 103, name: shop1, node: node1, nics: [{id: net0, vnet: olvn1002, ips: [172.16.0.42]}]}
`

// A load balancer serves its sector's guests on all nodes to clients outside and in its sector,
// wherever they connect; and follows guests that fail, drain, move and end.
func TestLoadBalancer(t *testing.T) {
	c := newCluster(t, 3)
	c.run("apply", "-f", c.file("balanced.yaml", balanced))
	c.labRun("guest", "start", "--all")
	web1 := c.greets("web1", "172.16.0.42:8000")
	c.greets("web2", "172.16.0.43:8000")
	c.greets("shop1", "172.16.0.42:8000")
	c.eventually(20*time.Second, func() error { return c.balances("client", "172.16.0.1:80", 20, "web1", "web2") })
	for _, node := range []string{"192.168.0.1", "192.168.0.2", "192.168.0.3"} {
		c.in("outside", "ip", "route", "replace", "10.200.0.0/16", "via", node)
		c.eventually(20*time.Second, func() error { return c.balances("outside", "10.200.0.10:80", 20, "web1", "web2") })
		c.eventually(20*time.Second, func() error { return c.balances("outside", "10.200.0.11:80", 4, "shop1") })
	}
	for guest, to := range map[string]string{"client": "10.200.0.10:80", "web1": "10.200.0.10:80", "web2": "172.16.0.1:80"} {
		if err := c.balances(guest, to, 10, "web1", "web2"); err != nil {
			t.Errorf("%s to %s: %v", guest, to, err)
		}
	}
	if got := c.greeting("shop1", "10.200.0.10:80"); got != "" {
		t.Errorf("%q answers another sector", got)
	}
	if got := c.greeting("outside", "10.200.0.10:8080"); got != "web2" {
		t.Errorf("the forward beside the load balancer leads to %q", got)
	}
	for _, port := range []string{"81", "8000"} {
		if got := c.greeting("outside", "10.200.0.10:"+port); got != "" {
			t.Errorf("port %s answers %q", port, got)
		}
	}
	c.converge()

	web1() // its server ends
	c.eventually(20*time.Second, func() error { return c.balances("outside", "10.200.0.10:80", 10, "web2") })
	c.greets("web1", "172.16.0.42:8000")
	c.eventually(20*time.Second, func() error { return c.balances("outside", "10.200.0.10:80", 10, "web1", "web2") })

	lost := c.kept("outside", "10.200.0.10:80", 200, func() {
		c.run("set", "load-balancer", "app-web", "pool.101.drain=true")
		c.run("apply")
		c.eventually(20*time.Second, func() error { return c.balances("outside", "10.200.0.10:80", 10, "web1") })
		c.run("set", "load-balancer", "app-web", "pool.101.drain-", "pool.101.weight=200")
		c.run("apply")
		c.eventually(20*time.Second, func() error { return c.balances("outside", "10.200.0.10:80", 30, "web1", "web2") })
	})
	if lost > 0 {
		t.Errorf("%d of 200 connections were lost when guests of the pool changed", lost)
	}
	c.labRun("guest", "move", "web2", "node3")
	c.eventually(20*time.Second, func() error { return c.balances("outside", "10.200.0.10:80", 10, "web1", "web2") })
	c.run("set", "guest", "101", "node-") // as a hypervisor reports a guest that ended
	c.eventually(20*time.Second, func() error { return c.balances("outside", "10.200.0.10:80", 10, "web1") })
	c.servesTLS()

	c.run("set", "guest", "101", "node=node3") // the forward leads to it
	c.run("delete", "load-balancer", "app-web")
	c.run("delete", "load-balancer", "shop-web")
	c.run("apply")
	if got := c.greeting("client", "172.16.0.1:443"); got != "" {
		t.Errorf("a deleted load balancer answers %q", got)
	}
	c.converge()
}

// converge waits until all nodes are as declared.
func (c *cluster) converge() {
	c.t.Helper()
	for _, node := range []string{"node1", "node2", "node3"} {
		c.standsAs(node, protocol.Converged, 20*time.Second)
	}
	c.stands()
}

// servesTLS demands TLS with a certificate of the manifest, and that a key of another is refused.
func (c *cluster) servesTLS() {
	c.t.Helper()
	certificate, key := selfSigned(c.t, "app.example")
	_, other := selfSigned(c.t, "other.example")
	c.run("delete", "load-balancer", "app-web")
	create := func(key string) result {
		return c.try("lb", "create", "app-web", "--sector", "app", "--port", "443", "--target-port", "8000", "--guest", "100=50",
			"--certificate-file", c.file("chain.pem", certificate), "--key-file", c.file("key.pem", key))
	}
	if r := create(other); r.code == 0 || !strings.Contains(r.err, "private key does not match") {
		c.t.Errorf("a key of another certificate is taken: %d %s", r.code, r.err)
	}
	if r := create(key); r.code != 0 {
		c.t.Fatalf("%s%s", r.out, r.err)
	}
	c.run("apply")
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(certificate))
	c.eventually(20*time.Second, func() error {
		return c.inside("outside", func() error {
			conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 2 * time.Second}, "tcp", "10.200.0.10:443", &tls.Config{RootCAs: roots, ServerName: "app.example"})
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close() }()
			line, err := bufio.NewReader(conn).ReadString('\n')
			if line != "web1\n" {
				return fmt.Errorf("%q answers: %w", line, err)
			}
			return nil
		})
	})
	if out := c.run("lb", "status", "app-web", "--node", "node1"); !strings.Contains(out, "100/net0") || !strings.Contains(out, "172.16.0.42:8000") || !strings.Contains(out, "L4OK") {
		c.t.Errorf("the state of the load balancer on node1:\n%s", out)
	}
}

// selfSigned makes a certificate of a name and its key, in PEM.
func selfSigned(t *testing.T, name string) (certificate, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(typ string, b []byte) string { return string(pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: b})) }
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", private)
}

// greets starts a server in a guest that greets with the guest's name and returns every line;
// it ends with the returned function, or the test.
func (c *cluster) greets(guest, at string) (end func()) {
	c.t.Helper()
	var l net.Listener
	if err := c.inside(guest, func() (err error) {
		l, err = net.Listen("tcp", at)
		return err
	}); err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	context.AfterFunc(ctx, func() { _ = l.Close() })
	c.t.Cleanup(cancel)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				fmt.Fprintln(conn, guest)
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return func() { _ = l.Close() }
}

// connect opens a connection from a machine and reads the greeting.
func (c *cluster) connect(from, to string) (conn net.Conn, greeting string, err error) {
	err = c.inside(from, func() error {
		conn, err = net.DialTimeout("tcp", to, 2*time.Second)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	line, err := bufio.NewReader(conn).ReadString('\n')
	return conn, strings.TrimSpace(line), err
}

// greeting is what a machine is greeted with; empty if nobody does.
func (c *cluster) greeting(from, to string) string {
	conn, greeting, err := c.connect(from, to)
	if conn != nil {
		_ = conn.Close()
	}
	if err != nil {
		return ""
	}
	return greeting
}

// balances returns an error unless all of a number of connections are served, by all of some
// guests and no other.
func (c *cluster) balances(from, to string, connections int, guests ...string) error {
	served := map[string]int{}
	for range connections {
		served[c.greeting(from, to)]++
	}
	for _, g := range guests {
		if served[g] == 0 {
			return fmt.Errorf("%s to %s: %s serves none of %d connections: %v", from, to, g, connections, served)
		}
	}
	if len(served) != len(guests) {
		return fmt.Errorf("%s to %s: served by %v, want %v", from, to, served, guests)
	}
	return nil
}

// kept opens connections, calls f, and returns how many do not work afterwards.
func (c *cluster) kept(from, to string, connections int, f func()) (lost int) {
	c.t.Helper()
	conns := make([]net.Conn, connections)
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := worker; i < connections; i += 8 {
				conn, _, err := c.connect(from, to)
				if err != nil {
					c.t.Error(err)
				}
				conns[i] = conn
			}
		})
	}
	wait.Wait()
	f()
	for i, conn := range conns {
		if conn == nil || works(conn, i) != nil {
			lost++
		}
		if conn != nil {
			_ = conn.Close()
		}
	}
	return lost
}

func works(conn net.Conn, i int) error {
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := fmt.Fprintln(conn, i); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && line != fmt.Sprintln(i) {
		err = errors.New("another line comes back: " + line)
	}
	return err
}
