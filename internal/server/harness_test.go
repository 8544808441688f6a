package server_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/server"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// patience bounds every wait of these tests.
const patience = 15 * time.Second

// running is a server under test.
type running struct {
	url, data string
	// Local is a client over the unix socket.
	local *client.Client
	// stop stops the server and returns what Run did.
	stop func() error
}

// start runs a server on a store until the test ends or stop is called.
func start(t *testing.T, st store.Store, data string, change ...func(*server.Config)) *running {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	cfg := server.Config{
		Data: data, Store: st, Listeners: []net.Listener{l}, Version: "test", MaxPoll: 300 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Ready: func() { close(ready) },
	}
	for _, c := range change {
		c(&cfg)
	}
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	select {
	case <-ready:
	case err := <-done:
		cancel()
		t.Fatalf("the server did not start: %v", err)
	case <-time.After(patience):
		t.Fatal("the server did not become ready")
	}
	r := &running{url: "https://" + l.Addr().String(), data: data}
	if r.local, err = client.New("unix://" + filepath.Join(data, "api.sock")); err != nil {
		t.Fatal(err)
	}
	stopped := false
	r.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(patience):
			return errors.New("the server did not stop")
		}
	}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// node is an agent as far as the server sees it.
type node struct {
	name, url string
	http      *http.Client
	tls       *tls.Config
}

// startFor runs a plain server for a fuzz target, which has no test log, and
// returns what stops it.
func startFor(tb testing.TB, st store.Store, data string) func() {
	tb.Helper()
	ready := make(chan struct{})
	s, err := server.New(server.Config{Data: data, Store: st, Ready: func() { close(ready) }})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	select {
	case <-ready:
	case err := <-done:
		tb.Fatalf("the server did not start: %v", err)
	}
	return func() {
		cancel()
		if err := <-done; err != nil {
			tb.Errorf("the server ended with: %v", err)
		}
	}
}

// token makes a join token.
func (r *running) token(t *testing.T, name string) string {
	t.Helper()
	tok, err := r.local.CreateToken(t.Context(), api.TokenRequest{Node: name, AnyName: name == ""})
	if err != nil {
		t.Fatal(err)
	}
	return tok.Token
}

// join makes a node join.
func (r *running) join(t *testing.T, name string) *node {
	t.Helper()
	cert, key, ca, err := pki.Join(t.Context(), r.url, r.token(t, name), name)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := pki.AgentTLS(cert, key, ca)
	if err != nil {
		t.Fatal(err)
	}
	return newNode(t, name, r.url, cfg)
}

func newNode(t *testing.T, name, url string, cfg *tls.Config) *node {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: cfg, Protocols: pki.OnlyHTTP2()}
	t.Cleanup(transport.CloseIdleConnections)
	return &node{name, url, &http.Client{Transport: transport, Timeout: patience}, cfg}
}

// desired asks for the node's document once; nil if it is still the one it has.
func (n *node) desired(t *testing.T, have string) (*document.Document, int) {
	t.Helper()
	resp, err := n.http.Get(n.url + "/agent/v1/desired?have=" + url.QueryEscape(have))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, resp.StatusCode
	}
	if resp.ProtoMajor != 2 {
		t.Errorf("spoke %s", resp.Proto)
	}
	d := &document.Document{}
	if err := json.NewDecoder(resp.Body).Decode(d); err != nil {
		t.Fatal(err)
	}
	if etag := resp.Header.Get("ETag"); etag != `"`+d.Hash()+`"` {
		t.Errorf("ETag %s of document %s", etag, d.Hash())
	}
	return d, http.StatusOK
}

// awaits polls until there is a document with the revision.
func (n *node) awaits(t *testing.T, have string, revision int64) *document.Document {
	t.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); {
		if d, _ := n.desired(t, have); d != nil {
			if d.Revision == revision {
				return d
			}
			have = d.Hash()
		}
	}
	t.Fatalf("node %s never got revision %d", n.name, revision)
	return nil
}

func (n *node) report(t *testing.T, s protocol.Status) int {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return n.post(t, "/agent/v1/status", string(b))
}

func (n *node) post(t *testing.T, path, body string) int {
	t.Helper()
	resp, err := n.http.Post(n.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}
