package pki_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// clock is a clock that stands still until it is set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func authority(t *testing.T, st store.Store, now func() time.Time) *pki.Authority {
	t.Helper()
	a, err := pki.Open(t.Context(), st, now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func csr(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func token(t *testing.T, a *pki.Authority, node string, ttl time.Duration) string {
	t.Helper()
	s, _, err := a.CreateToken(t.Context(), node, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestServersShareOneAuthority(t *testing.T) {
	st := mem.New()
	var wg sync.WaitGroup
	prints := make([]string, 4)
	for i := range prints {
		wg.Go(func() {
			a, err := pki.Open(t.Context(), st, nil)
			if err != nil {
				t.Error(err)
				return
			}
			prints[i] = a.Fingerprint()
		})
	}
	wg.Wait()
	for _, p := range prints {
		if p != prints[0] || len(p) != 64 {
			t.Errorf("fingerprints %v", prints)
		}
	}
}

func TestOneTokenAdmitsOneNode(t *testing.T) {
	a := authority(t, mem.New(), nil)
	tok := token(t, a, "", 0)
	var wg sync.WaitGroup
	var mu sync.Mutex
	admitted := 0
	for i := range 8 {
		req := protocol.JoinRequest{Node: string(rune('a' + i)), Token: tok, CSR: csr(t)}
		wg.Go(func() {
			_, err := a.Join(t.Context(), req)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				admitted++
			} else if !errors.Is(err, pki.ErrToken) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	members, err := a.Members(t.Context())
	if err != nil || admitted != 1 || len(members) != 1 {
		t.Errorf("%d admitted, members %v, %v", admitted, members, err)
	}
}

// TestLostAnswer: who joined but never got the answer gets it again with the
// same key, and nobody else does.
func TestLostAnswer(t *testing.T) {
	a := authority(t, mem.New(), nil)
	req := protocol.JoinRequest{Node: "n1", Token: token(t, a, "", 0), CSR: csr(t)}
	first, err := a.Join(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	again, err := a.Join(t.Context(), req)
	if err != nil || again.Certificate != first.Certificate {
		t.Errorf("again: %v, %v", again, err)
	}
	req.CSR = csr(t)
	if _, err := a.Join(t.Context(), req); !errors.Is(err, pki.ErrToken) {
		t.Errorf("with another key: %v", err)
	}
}

func TestTokensEnd(t *testing.T) {
	c := &clock{t: time.Now()}
	st := mem.New()
	a := authority(t, st, c.now)
	tok := token(t, a, "", time.Minute)
	wrong := strings.Split(tok, ".")
	wrong[1] = "A" + wrong[1][1:] + "x"
	if _, err := a.Join(t.Context(), protocol.JoinRequest{Node: "n1", Token: strings.Join(wrong, "."), CSR: csr(t)}); !errors.Is(err, pki.ErrToken) {
		t.Errorf("wrong secret: %v", err)
	}
	c.add(time.Minute)
	if _, err := a.Join(t.Context(), protocol.JoinRequest{Node: "n1", Token: tok, CSR: csr(t)}); !errors.Is(err, pki.ErrToken) || !strings.Contains(err.Error(), "expired at") {
		t.Errorf("expired: %v", err)
	}
	token(t, a, "", 0) // removes what has expired
	if left, _, err := st.List(t.Context(), "token/", ""); err != nil || len(left) != 1 || strings.Contains(string(left[0].Value), wrong[1]) {
		t.Errorf("left: %v, %v", left, err)
	}
	for _, ttl := range []time.Duration{-1, time.Millisecond, 1000 * time.Hour} {
		if _, _, err := a.CreateToken(t.Context(), "", ttl); !errors.Is(err, pki.ErrRequest) {
			t.Errorf("ttl %s: %v", ttl, err)
		}
	}
}

// serve answers TLS connections on loopback with a configuration.
func serve(t *testing.T, cfg *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }),
		ReadHeaderTimeout: time.Second,
	}
	go func() { _ = srv.Serve(tls.NewListener(l, cfg)) }()
	t.Cleanup(func() { _ = srv.Close() })
	return l.Addr().String()
}

func dial(addr string, cfg *tls.Config) (*x509.Certificate, error) {
	c, err := tls.Dial("tcp", addr, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	return c.ConnectionState().PeerCertificates[0], nil
}

func TestServerCertificateRenewsItself(t *testing.T) {
	c := &clock{t: time.Now()}
	a := authority(t, mem.New(), c.now)
	addr := serve(t, a.ServerTLS([]string{"sdn.example.net", "192.0.2.7"}))
	names := &tls.Config{RootCAs: a.Pool(), Time: c.now}
	first, err := dial(addr, names)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"localhost", "127.0.0.1", "sdn.example.net", "192.0.2.7"} {
		if err := first.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if same, err := dial(addr, names); err != nil || !same.Equal(first) {
		t.Errorf("a moment later: another certificate, %v", err)
	}
	c.add(pki.RenewAt(first).Sub(c.now()) + time.Minute)
	second, err := dial(addr, names)
	if err != nil || second.Equal(first) || !second.NotAfter.After(first.NotAfter) {
		t.Errorf("at two thirds of its life: the same certificate, %v", err)
	}
}

func TestWhomANodeTrusts(t *testing.T) {
	a, other := authority(t, mem.New(), nil), authority(t, mem.New(), nil)
	addr := serve(t, a.ServerTLS(nil))
	if _, err := dial(addr, pki.Pin(a.Fingerprint())); err != nil {
		t.Errorf("the right pin: %v", err)
	}
	if _, err := dial(addr, pki.Pin(other.Fingerprint())); !errors.Is(err, pki.ErrPin) {
		t.Errorf("another's pin: %v", err)
	}

	join := func(a *pki.Authority) tls.Certificate {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
		if err != nil {
			t.Fatal(err)
		}
		req := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
		resp, err := a.Join(t.Context(), protocol.JoinRequest{Node: "n1", Token: token(t, a, "", 0), CSR: string(req)})
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode([]byte(resp.Certificate))
		caBlock, _ := pem.Decode([]byte(resp.CA))
		return tls.Certificate{Certificate: [][]byte{block.Bytes, caBlock.Bytes}, PrivateKey: key}
	}
	// A node that plays the server is not believed, though the authority's
	// certificate goes along with its own.
	node := join(a)
	impostor := serve(t, &tls.Config{Certificates: []tls.Certificate{node}})
	if _, err := dial(impostor, pki.Pin(a.Fingerprint())); err == nil {
		t.Error("a node's certificate passed for a server's")
	}
	// Nor is a stranger who sends the right authority's certificate along.
	stranger := join(other)
	stranger.Certificate[1] = node.Certificate[1]
	if _, err := dial(serve(t, &tls.Config{Certificates: []tls.Certificate{stranger}}), pki.Pin(a.Fingerprint())); err == nil {
		t.Error("a stranger's certificate passed with the authority's beside it")
	}
}
