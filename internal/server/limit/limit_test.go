package limit_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/server/limit"
)

// patience bounds every wait of these tests.
const patience = 30 * time.Second

// fakeListener gives what is sent to it: connections and errors.
type fakeListener struct {
	next chan any
	once sync.Once
}

func (l *fakeListener) Accept() (net.Conn, error) {
	switch v := (<-l.next).(type) {
	case net.Conn:
		return v, nil
	case error:
		return nil, v
	}
	return nil, net.ErrClosed
}
func (l *fakeListener) Close() error   { l.once.Do(func() { close(l.next) }); return nil }
func (l *fakeListener) Addr() net.Addr { return &net.TCPAddr{} }

// fakeConn is a connection from an address, which tells when it is closed.
type fakeConn struct {
	net.Conn
	from   string
	closed chan struct{}
}

func from(addr string) *fakeConn { return &fakeConn{from: addr, closed: make(chan struct{})} }

func (c *fakeConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(c.from), 1000))
}
func (c *fakeConn) Close() error { close(c.closed); return nil }

// gate is one with a listener that the test feeds.
func gate(t *testing.T, bounds limit.Connections) (in *fakeListener, out chan net.Conn, log *bytes.Buffer) {
	t.Helper()
	in, out, log = &fakeListener{next: make(chan any)}, make(chan net.Conn, 1000), &bytes.Buffer{}
	l := limit.NewGate(bounds, slog.New(slog.NewTextHandler(log, nil))).Listen(in)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			out <- c
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return in, out, log
}

// admitted connects from an address and reports whether that was let in.
func admitted(t *testing.T, in *fakeListener, out chan net.Conn, addr string) (net.Conn, bool) {
	t.Helper()
	c := from(addr)
	in.next <- c
	select {
	case got := <-out:
		return got, true
	case <-c.closed:
		return nil, false
	case <-time.After(patience):
		t.Fatal("neither admitted nor closed")
		return nil, false
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	in, out, log := gate(t, limit.Connections{Total: 6, PerAddress: 2, PerNetwork: 3})
	var held []net.Conn
	for _, c := range []struct {
		addr string
		want bool
	}{
		{"192.0.2.1", true}, {"192.0.2.1", true}, {"192.0.2.1", false}, {"::ffff:192.0.2.1", false}, // the same address
		{"2001:db8::1", true}, {"2001:db8::2", true}, {"2001:db8::3", true}, {"2001:db8::4", false}, // the same network
		{"2001:db8:0:1::1", true}, {"192.0.2.9", false}, // the sixth was the last
	} {
		got, ok := admitted(t, in, out, c.addr)
		if ok != c.want {
			t.Errorf("from %s: admitted %v, want %v", c.addr, ok, c.want)
		}
		if ok {
			held = append(held, got)
		}
	}
	_ = held[0].Close()
	_ = held[2].Close()
	for _, addr := range []string{"192.0.2.1", "2001:db8::4"} {
		if _, ok := admitted(t, in, out, addr); !ok {
			t.Errorf("from %s: what was closed still counts", addr)
		}
	}
	if _, ok := admitted(t, in, out, "192.0.2.1"); ok {
		t.Error("one too many was admitted")
	}
	// Each kind of refusal is logged once a minute, however many there are.
	if n := strings.Count(log.String(), "\n"); n != 3 {
		t.Errorf("%d lines in the log:\n%s", n, log)
	}
}

// A connection that is closed twice gives its place back once.
func TestClosedTwice(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	in := &fakeListener{next: make(chan any, 1)}
	g := limit.NewGate(limit.Connections{Total: 2, PerAddress: 2, PerNetwork: 2}, nil)
	l := g.Listen(in)
	defer l.Close()
	in.next <- a
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	_ = c.Close()
	if g.Open() != 0 {
		t.Errorf("%d are open", g.Open())
	}
}

// Running out of descriptors or memory is no reason to end the server.
func TestAcceptIsTriedAgain(t *testing.T) {
	in, out, log := gate(t, limit.Connections{Total: 100, PerAddress: 100, PerNetwork: 100})
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EPROTO} {
		in.next <- &net.OpError{Op: "accept", Err: e}
		if _, ok := admitted(t, in, out, "192.0.2.1"); !ok {
			t.Fatalf("after %v nothing is accepted", e)
		}
	}
	if n := strings.Count(log.String(), "cannot be accepted"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, log)
	}
}

func TestBounds(t *testing.T) {
	for _, c := range []struct {
		total, per, files int
		want              limit.Connections
		fails             string
	}{
		{files: 1 << 20, want: limit.Connections{Total: 8192, PerAddress: 1024, PerNetwork: 6144}},
		{files: 1024, want: limit.Connections{Total: 768, PerAddress: 96, PerNetwork: 576}},
		{files: 400, want: limit.Connections{Total: 144, PerAddress: 64, PerNetwork: 108}},
		{files: 300, fails: "LimitNOFILE"},
		{total: 20_000, per: 20_000, files: 65536, want: limit.Connections{Total: 20_000, PerAddress: 20_000, PerNetwork: 15_000}},
		{total: 2000, files: 1024, fails: "at most 768"},
		{total: -1, files: 1024, fails: "negative"},
		{total: 10, per: 50, files: 1024, want: limit.Connections{Total: 10, PerAddress: 10, PerNetwork: 7}},
	} {
		got, err := limit.Bounds(c.total, c.per, c.files)
		if got != c.want || (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%d, %d with %d files: %+v, %v", c.total, c.per, c.files, got, err)
		}
	}
}

// bodies serves requests within a budget: each is read and then held until free is
// closed; its owner is in the query.
func bodies(t *testing.T, b limit.Bodies) (url string, budget *limit.Budget, free chan struct{}, reading chan error) {
	t.Helper()
	budget, free, reading = limit.NewBudget(b, nil), make(chan struct{}), make(chan error, 100)
	srv := httptest.NewServer(budget.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit.Own(r, r.URL.Query().Get("as"))
		if r.URL.Query().Get("unread") != "" {
			return
		}
		_, err := io.ReadAll(r.Body)
		reading <- err
		if errors.Is(err, limit.ErrBusy) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		<-free
	})))
	t.Cleanup(srv.Close)
	return srv.URL, budget, free, reading
}

func post(t *testing.T, url string, size int, chunked bool) chan int {
	t.Helper()
	var body io.Reader = strings.NewReader(strings.Repeat("x", size))
	if chunked {
		body = io.MultiReader(body)
	}
	got := make(chan int, 1)
	go func() {
		resp, err := http.Post(url, "text/plain", body)
		if err != nil {
			got <- 0
			return
		}
		_ = resp.Body.Close()
		got <- resp.StatusCode
	}()
	return got
}

func await[T any](t *testing.T, c chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
	return v
}

// What one principal holds leaves room for others, and all of it comes back.
func TestBodiesShareABudget(t *testing.T) {
	url, budget, free, reading := bodies(t, limit.Bodies{Total: 4000, Share: 2000, Wait: 50 * time.Millisecond, Timeout: patience})
	var held []chan int
	for _, as := range []string{"a", "a", "b"} {
		held = append(held, post(t, url+"?as="+as, 1000, false))
		if err := await(t, reading); err != nil {
			t.Fatal(err)
		}
	}
	for _, chunked := range []bool{false, true} {
		if got := await(t, post(t, url+"?as=a", 1000, chunked)); got != http.StatusServiceUnavailable {
			t.Errorf("beyond a share, chunked %v: %d", chunked, got)
		}
		if err := await(t, reading); !errors.Is(err, limit.ErrBusy) {
			t.Errorf("chunked %v: %v", chunked, err)
		}
	}
	held = append(held, post(t, url+"?as=c", 900, true))
	if err := await(t, reading); err != nil {
		t.Fatalf("another principal is refused: %v", err)
	}
	if got := await(t, post(t, url+"?as=d", 1000, false)); got != http.StatusServiceUnavailable {
		t.Errorf("beyond the total: %d", got)
	}
	_ = await(t, reading)
	if got := await(t, post(t, url+"?unread=1", 1000, false)); got != http.StatusOK {
		t.Errorf("a body that nobody reads: %d", got)
	}
	close(free)
	for _, h := range held {
		if got := await(t, h); got != http.StatusOK {
			t.Errorf("status %d", got)
		}
	}
	for until := time.Now().Add(patience); budget.Used() != 0; { // the handler ends after its answer
		if time.Now().After(until) {
			t.Fatalf("%d bytes were never given back", budget.Used())
		}
		<-time.After(time.Millisecond)
	}
}

// Whoever waits is served when there is room.
func TestBodiesWait(t *testing.T) {
	url, _, free, reading := bodies(t, limit.Bodies{Total: 1000, Share: 1000, Wait: patience, Timeout: patience})
	first := post(t, url, 1000, false)
	if err := await(t, reading); err != nil {
		t.Fatal(err)
	}
	second := post(t, url, 1000, false)
	close(free)
	for _, c := range []chan int{first, second} {
		if got := await(t, c); got != http.StatusOK {
			t.Errorf("status %d", got)
		}
	}
}

// A body that does not come holds its connection for no longer than the deadline,
// whether somebody reads it or not; one that has come sets no deadline to the answer.
func TestBodiesArriveInTime(t *testing.T) {
	const timeout = 200 * time.Millisecond
	url, _, free, _ := bodies(t, limit.Bodies{Total: 1 << 20, Share: 1 << 20, Wait: patience, Timeout: timeout})
	for _, path := range []string{"/", "/?unread=1"} {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nsome"); err != nil {
			t.Fatal(err)
		}
		if path == "/" {
			continue // it is held by the handler, which read what there was
		}
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Errorf("%s: the connection was not closed: %v", path, err)
		}
	}
	slow := post(t, url, 100, false)
	<-time.After(2 * timeout)
	close(free)
	if got := await(t, slow); got != http.StatusOK {
		t.Errorf("the answer came to an end with the body's deadline: %d", got)
	}
}
