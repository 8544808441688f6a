package haproxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/naming"
	"github.com/viaduct-sdn/viaduct/test/requires"
	"github.com/viaduct-sdn/viaduct/test/scratch"
)

// ownUser is the user that the process of a test runs as.
const ownUser = 60791

// lab is a node with two spaces, red and blue, which have the same address.
type lab struct {
	*testing.T
	d      *Driver
	spaces map[string]*netns.NS
}

// address is what both spaces have, and their load balancers listen at.
const address = "172.16.0.1"

func newLab(t *testing.T) *lab {
	t.Helper()
	host := scratch.New(t)
	program := requires.Program(t, "haproxy")
	dir, err := os.MkdirTemp("/run", "haproxy-test-") // which the process may enter
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	names := netns.Dir(filepath.Join(dir, "netns"))
	l := &lab{T: t, spaces: map[string]*netns.NS{}}
	l.d = New(Options{Dir: filepath.Join(dir, "lb"), Program: program, Namespaces: names, Namespace: host, UID: ownUser, GID: ownUser})
	t.Cleanup(func() {
		for _, p := range l.d.processes() {
			if err := p.stop(context.Background(), time.Second); err != nil {
				t.Error(err)
			}
		}
		for _, ns := range l.spaces {
			_ = ns.Close()
		}
		if err := names.Remove(); err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(dir)
	})
	for _, space := range []string{"red", "blue"} {
		l.make(space)
	}
	return l
}

// make makes the namespace of a space.
func (l *lab) make(space string) {
	l.Helper()
	if err := l.d.o.Namespaces.Make(naming.Namespace(space), nil); err != nil {
		l.Fatal(err)
	}
	ns, err := l.d.o.Namespaces.Open(naming.Namespace(space))
	if err != nil {
		l.Fatal(err)
	}
	l.spaces[space] = ns
	scratch.Run(l.T, ns, "ip addr add "+address+"/32 dev lo")
}

// serve starts a server of TCP at a port of the loopback interface of a space. It greets with
// its name, then returns every line it gets. It ends with the returned function.
func (l *lab) serve(space string, port int, name string) (end func()) {
	l.Helper()
	ln := l.listen(space, port)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				fmt.Fprintln(c, name)
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return func() { _ = ln.Close() }
}

// serveHTTP is serve for HTTP; the path /down is answered with status 503.
func (l *lab) serveHTTP(space string, port int, name string) (end func()) {
	l.Helper()
	ln := l.listen(space, port)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/down" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprintln(w, name, r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Proto"))
	})}
	go func() { _ = server.Serve(ln) }()
	return func() { _ = server.Close() }
}

func (l *lab) listen(space string, port int) (ln net.Listener) {
	l.Helper()
	err := l.spaces[space].Run(func() (err error) {
		ln, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)) //nolint:noctx // of a test
		return err
	})
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { _ = ln.Close() })
	return ln
}

// dial connects from a space.
func (l *lab) dial(space, to string) (c net.Conn, err error) {
	err = l.spaces[space].Run(func() (err error) {
		c, err = net.DialTimeout("tcp", to, 5*time.Second)
		return err
	})
	return c, err
}

// greeting is what a server of TCP says first to a client of a space; empty if the connection
// is not served.
func (l *lab) greeting(space, to string) string {
	c, err := l.dial(space, to)
	if err != nil {
		return ""
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	line, _ := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSpace(line)
}

// client is a client of HTTP in a space, which opens a connection for every request.
func (l *lab) client(space string) *http.Client {
	return &http.Client{
		Timeout:       5 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(_ context.Context, _, to string) (net.Conn, error) {
			return l.dial(space, to)
		}},
	}
}

// apply reconciles load balancers, twice: the second time nothing may be left to do.
func (l *lab) apply(all ...desired.LoadBalancer) driver.Result {
	l.Helper()
	r, err := l.reconcile(false, all...)
	if err != nil {
		l.Fatal(err)
	}
	if again, err := l.reconcile(false, all...); err != nil || again.Writes != 0 || len(again.Changes) > 0 {
		l.Fatalf("the second pass: %+v, %v", again, err)
	}
	return r
}

func (l *lab) reconcile(dryRun bool, all ...desired.LoadBalancer) (driver.Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s := &desired.Space{LoadBalancers: all}
	s.Sort()
	return l.d.Reconcile(ctx, s, dryRun)
}

// pid is the running process.
func (l *lab) pid() int {
	l.Helper()
	now, err := l.d.running(context.Background())
	if err != nil || now == nil {
		l.Fatalf("HAProxy does not run: %v", err)
	}
	return now.info.PID
}

// balancer is a load balancer of TCP at port 80 of a space, with servers at ports of its
// loopback interface.
func balancer(space string, ports ...int) desired.LoadBalancer {
	b := desired.LoadBalancer{
		Name: "web-" + space, Owner: "load-balancer/web-" + space, Space: space, Algorithm: desired.BalanceRoundRobin, MaxConnections: 5000, IdleTimeout: 60,
		Listen: []desired.LoadBalancerListener{{Addr: netip.MustParseAddrPort(address + ":80")}},
	}
	for _, port := range ports {
		b.Servers = append(b.Servers, desired.LoadBalancerServer{Name: fmt.Sprintf("guest-%d", port), Addr: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port)), Weight: 100})
	}
	return b
}

// eventually waits until a condition holds.
func (l *lab) eventually(what string, holds func() bool) {
	l.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			l.Fatalf("not in time: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
