package haproxy

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// certificate is a certificate of a name, signed by another one or by itself.
type certificate struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newCertificate(t *testing.T, name string, by *certificate, until time.Time) *certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
		IsCA: by == nil, BasicConstraintsValid: true}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &certificate{cert, key}
}

// pair is a key pair whose chain are some certificates, with the key of the first.
func pair(t *testing.T, key *certificate, chain ...*certificate) *desired.KeyPair {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(key.key)
	if err != nil {
		t.Fatal(err)
	}
	out := &desired.KeyPair{Key: desired.PEM(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))}
	for _, c := range chain {
		out.Chain += desired.PEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw}))
	}
	return out
}

// get requests a path of a load balancer and returns status and text.
func get(t *testing.T, c *http.Client, url string, edit ...func(*http.Request)) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range edit {
		f(r)
	}
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, strings.TrimSpace(string(text))
}

// TLS ends at the load balancer, with the chain of its certificate; HTTP is redirected; the
// server learns of the client; a browser stays with its server.
func TestTLS(t *testing.T) {
	l := newLab(t)
	l.serveHTTP("red", 8001, "one")
	l.serveHTTP("red", 8002, "two")
	ca := newCertificate(t, "Test CA", nil, time.Now().Add(time.Hour))
	web := newCertificate(t, "web.example", ca, time.Now().Add(time.Hour))
	b := balancer("red", 8001, 8002)
	b.HTTP, b.Sticky, b.Certificate = true, true, pair(t, web, web, ca)
	b.Listen = []desired.LoadBalancerListener{{Addr: netip.MustParseAddrPort(address + ":80"), Redirect: true}, {Addr: netip.MustParseAddrPort(address + ":8443")}}
	l.apply(b)
	client := l.client("red")
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots, ServerName: "web.example", MinVersion: tls.VersionTLS12}
	answer, text := get(t, client, "https://"+address+":8443/")
	if want := " " + address + " https"; answer.StatusCode != http.StatusOK || !strings.HasSuffix(text, want) {
		t.Errorf("%s: %q", answer.Status, text)
	}
	cookies := answer.Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly {
		t.Fatalf("%v", answer.Header)
	}
	for range 6 {
		if _, again := get(t, client, "https://"+address+":8443/", func(r *http.Request) { r.AddCookie(cookies[0]) }); again != text {
			t.Errorf("the client had %q and gets %q", text, again)
		}
	}
	answer, _ = get(t, client, "http://"+address+"/a?b=c")
	if to := answer.Header.Get("Location"); answer.StatusCode != http.StatusPermanentRedirect || to != "https://"+address+":8443/a?b=c" {
		t.Errorf("%s to %s", answer.Status, to)
	}
}

// A certificate that cannot be used leaves the load balancer with what it had, and the others
// as they are declared; so does a configuration that HAProxy refuses, and a port that is taken.
func TestOneFaultDoesNotBlockOthers(t *testing.T) {
	l := newLab(t)
	l.serve("red", 8001, "one")
	l.serve("blue", 8001, "in blue")
	l.serve("blue", 8002, "two in blue")
	red, blue := balancer("red", 8001), balancer("blue", 8001)
	l.apply(red, blue)
	ca := newCertificate(t, "Test CA", nil, time.Now().Add(time.Hour))
	web, other := newCertificate(t, "web.example", ca, time.Now().Add(time.Hour)), newCertificate(t, "other.example", ca, time.Now().Add(time.Hour))
	taken := l.listen("red", 9000)
	faults := map[string]func(b *desired.LoadBalancer){
		"private key does not match":                        func(b *desired.LoadBalancer) { b.Certificate = pair(t, other, web, ca) },
		"certificate 2 of the chain (CN=other.example) did": func(b *desired.LoadBalancer) { b.Certificate = pair(t, web, web, other) },
		"failed to find any PEM data":                       func(b *desired.LoadBalancer) { b.Certificate = &desired.KeyPair{Chain: "x", Key: "y"} },
		"it goes on with what it had: ": func(b *desired.LoadBalancer) {
			b.Check = &desired.HealthCheck{Interval: 1, Fall: 1, Rise: 1, Path: "/", Status: "no status"}
		},
		"TCP port 9000 of this node is already in use by": func(b *desired.LoadBalancer) {
			b.Listen = []desired.LoadBalancerListener{{Addr: netip.MustParseAddrPort(taken.Addr().String())}}
		},
		"the load balancer at 127.0.0.1:9000 cannot listen:": func(b *desired.LoadBalancer) {
			b.Listen = []desired.LoadBalancerListener{{Addr: netip.MustParseAddrPort(taken.Addr().String())}}
		},
	}
	pool := 8001
	for want, edit := range faults {
		bad := balancer("red", 8001)
		edit(&bad)
		pool = 8001 + 8002 - pool // of the other one, by turns
		_, err := l.reconcile(false, bad, balancer("blue", pool))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "load-balancer/web-red: ") || strings.Contains(err.Error(), "web-blue") {
			t.Errorf("%s: %v", want, err)
		}
		if got := l.greeting("red", address+":80"); got != "one" {
			t.Errorf("%s: what was there is gone: %q", want, got)
		}
		if got := l.greeting("blue", address+":80"); !strings.HasSuffix(got, "in blue") || strings.HasPrefix(got, "two") != (pool == 8002) {
			t.Errorf("%s: the other load balancer answers %q with its server at %d", want, got, pool)
		}
		if again, err := l.reconcile(false, bad, balancer("blue", pool)); err == nil || again.Writes > 1 {
			t.Errorf("%s: another pass: %+v, %v", want, again, err)
		}
	}
	l.apply(red, blue)
	expired := newCertificate(t, "web.example", ca, time.Now().Add(-time.Hour))
	red.Certificate = pair(t, expired, expired, ca)
	_, err := l.reconcile(false, red, blue)
	if err == nil || !strings.Contains(err.Error(), "expired") || !strings.Contains(err.Error(), "served all the same") {
		t.Errorf("of an expired certificate: %v", err)
	}
	c, err := l.dial("red", address+":80")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := tls.Client(c, &tls.Config{InsecureSkipVerify: true}).Handshake(); err != nil { //nolint:gosec // it is expired
		t.Errorf("the expired certificate is not served: %v", err)
	}
}

// A check by HTTP takes a server out that answers with another status; when too few are left,
// all are used.
func TestChecksAndPanic(t *testing.T) {
	l := newLab(t)
	l.serveHTTP("red", 8001, "one")
	end := l.serveHTTP("red", 8002, "two")
	b := balancer("red", 8001, 8002)
	b.HTTP, b.Check = true, &desired.HealthCheck{Interval: 1, Fall: 1, Rise: 1, Path: "/", Status: "200"}
	l.apply(b)
	end()
	client := l.client("red")
	l.eventually("the server that ended is out", func() bool { return l.status("127.0.0.1:8002") == "DOWN" })
	for range 4 {
		if answer, text := get(t, client, "http://"+address+"/"); answer.StatusCode != http.StatusOK || !strings.HasPrefix(text, "one") {
			t.Errorf("%s %q", answer.Status, text)
		}
	}
	b.Check.Path = "/down"
	l.apply(b)
	l.eventually("no server works", func() bool { return l.status("127.0.0.1:8001") == "DOWN" })
	if answer, _ := get(t, client, "http://"+address+"/"); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("without servers: %s", answer.Status)
	}
	b.Panic = 50
	l.apply(b)
	l.eventually("the checks are ignored", func() bool {
		answer, text := get(t, client, "http://"+address+"/")
		return answer.StatusCode == http.StatusOK && strings.HasPrefix(text, "one")
	})
	moved := b
	moved.Servers = balancer("red", 8001, 8003).Servers
	before := l.pid()
	l.apply(moved) // both backends, at run time
	if l.pid() != before {
		t.Error("another process for a change of servers")
	}
}

// status is the state of a server by its address.
func (l *lab) status(addr string) string {
	stats, err := l.d.Statistics(context.Background())
	if err != nil {
		l.Fatal(err)
	}
	for _, s := range stats {
		if s.Addr.String() == addr && !strings.HasSuffix(s.Proxy, ".all") {
			return s.Status
		}
	}
	return ""
}

// The PROXY protocol is read from clients and spoken to servers.
func TestProxyProtocol(t *testing.T) {
	l := newLab(t)
	ln := l.listen("red", 8001)
	header := make(chan []byte, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		b := make([]byte, 28) // of version 2, with addresses of IPv4
		_, _ = io.ReadFull(c, b)
		header <- b
	}()
	b := balancer("red", 8001)
	b.AcceptProxy, b.SendProxy = true, true
	l.apply(b)
	c, err := l.dial("red", address+":80")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "PROXY TCP4 192.0.2.7 198.51.100.8 4242 80\r\n")
	select {
	case got := <-header:
		if !bytes.Equal(got[16:20], net.IPv4(192, 0, 2, 7).To4()) || !bytes.Equal(got[20:24], net.IPv4(198, 51, 100, 8).To4()) {
			t.Errorf("the server reads % x", got)
		}
	case <-time.After(5 * time.Second):
		t.Error("the server reads nothing")
	}
}

// IPv6 is served as IPv4 is.
func TestIPv6(t *testing.T) {
	l := newLab(t)
	var ln net.Listener
	err := l.spaces["red"].Run(func() (err error) {
		ln, err = net.Listen("tcp", "[::1]:8001") //nolint:noctx // of a test
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			fmt.Fprintln(c, "six")
			_ = c.Close()
		}
	}()
	b := balancer("red")
	b.Check = &desired.HealthCheck{Interval: 1, Fall: 1, Rise: 1}
	b.Listen = []desired.LoadBalancerListener{{Addr: netip.MustParseAddrPort("[::1]:80")}}
	l.apply(b)
	b.Servers = []desired.LoadBalancerServer{{Name: "guest", Addr: netip.MustParseAddrPort("[::1]:8001"), Weight: 100}}
	l.apply(b)
	if got := l.greeting("red", "[::1]:80"); got != "six" {
		t.Errorf("%q answers", got)
	}
}

// A client that keeps its connection open moves to the next process with its next requests, none
// of which fails; the process that it leaves ends.
func TestKeptConnectionsMove(t *testing.T) {
	l := newLab(t)
	l.serveHTTP("red", 8001, "one")
	web := balancer("red", 8001)
	web.HTTP = true
	l.apply(web)
	client := l.client("red")
	client.Transport.(*http.Transport).DisableKeepAlives = false
	get(t, client, "http://"+address+"/")
	before := l.pid()
	web.IdleTimeout = 50
	l.apply(web)
	l.eventually("the replaced process ends", func() bool {
		if answer, _ := get(t, client, "http://"+address+"/"); answer.StatusCode != http.StatusOK {
			t.Fatal(answer.Status)
		}
		l.apply(web)
		_, runs := l.d.process(before)
		return !runs
	})
}
