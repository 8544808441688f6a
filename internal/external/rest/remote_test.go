package rest

import (
	"context"
	"crypto/sha256"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/external"
)

// serve runs a handler and returns a client of it.
func serve(t *testing.T, o Options, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return client(t, Target{Kind: "kind", ID: "id", URL: s.URL + "/api/", Header: "Token", Secret: "s3cret"}, o)
}

func client(t *testing.T, target Target, o Options) *Client {
	t.Helper()
	c, err := New(target, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// read makes one operation of one GET.
func read(ctx context.Context, c *Client, out any) error {
	return c.Operation(ctx, "read it", func(ctx context.Context) error { return c.Get(ctx, "/x", out) })
}

func TestSecretsAreKept(t *testing.T) {
	c := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Token") != "s3cret" || r.URL.Path != "/api/x" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		http.Error(w, "no s3cret\x00\nhere "+strings.Repeat("x", 1000), http.StatusTeapot)
	})
	err := read(t.Context(), c, nil)
	text := err.Error()
	if strings.Contains(text, "s3cret") || len(text) > 400 || strings.ContainsAny(text, "\x00\n") || !strings.Contains(text, "no (secret) here") {
		t.Errorf("%d bytes: %s", len(text), text)
	}
	if Refused(err) != http.StatusTeapot {
		t.Errorf("refused with %d", Refused(err))
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.URL) }))
	defer elsewhere.Close()
	c := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) })
	if err := read(t.Context(), c, nil); !errors.Is(err, external.ErrUnreachable) || !strings.Contains(err.Error(), "302 Found") {
		t.Error(err)
	}
}

func TestFingerprints(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
	defer s.Close()
	s.Config.ErrorLog = nil
	sum := sha256.Sum256(s.Certificate().Raw)
	other := sum
	other[0]++
	for fingerprint, want := range map[string]string{
		"": "certificate", colons(sum[:]): "", strings.ToLower(colons(sum[:])): "", colons(other[:]): "its certificate has the fingerprint " + colons(sum[:]),
	} {
		err := read(t.Context(), client(t, Target{URL: s.URL, Header: "Token", Fingerprint: fingerprint}, Options{}), nil)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || !errors.Is(err, external.ErrUnreachable)) {
			t.Errorf("fingerprint %q: %v", fingerprint, err)
		}
	}
	if _, err := New(Target{URL: s.URL, Fingerprint: "AA:BB"}, Options{}); err == nil {
		t.Error("a short fingerprint is taken")
	}
}

func TestProxy(t *testing.T) {
	asked := ""
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		_, _ = w.Write([]byte("{}"))
	}))
	defer proxy.Close()
	c := client(t, Target{URL: "http://netbox.invalid/api", Header: "Token"}, Options{Proxy: proxy.URL})
	if err := read(t.Context(), c, nil); err != nil || asked != "http://netbox.invalid/api/x" {
		t.Errorf("asked for %q: %v", asked, err)
	}
	for _, bad := range []string{"socks5://localhost:1", "://"} {
		if _, err := New(Target{URL: "http://netbox.invalid"}, Options{Proxy: bad}); err == nil {
			t.Errorf("the proxy %q is taken", bad)
		}
	}
}

func TestURLs(t *testing.T) {
	for _, bad := range []string{"", "netbox", "ftp://x", "http://", "http://user:s3cret@ho st"} {
		if _, err := New(Target{URL: bad}, Options{}); !errors.Is(err, ErrURL) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestTimeAndSizeAreBounded(t *testing.T) {
	c := serve(t, Options{Timeout: 50 * time.Millisecond}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	if err := read(t.Context(), c, nil); !errors.Is(err, external.ErrUnreachable) || !strings.Contains(err.Error(), "no answer within 50ms") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := read(ctx, c, nil); !errors.Is(err, external.ErrUnreachable) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	c = serve(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 1<<20)
		for range maxAnswer>>20 + 8 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	if err := read(t.Context(), c, nil); !errors.Is(err, external.ErrUnreachable) || !strings.Contains(err.Error(), "more than 16 MiB") {
		t.Error(err)
	}
}

// A system that comes up while it is asked is reached, by writing too.
func TestRefusedConnectionsAreTriedAgain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	tries := 0
	c := client(t, Target{URL: "http://" + address, Header: "Token"}, Options{})
	transport := c.http.Transport
	c.http.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		if tries++; tries == 2 {
			late, err := net.Listen("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			s := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
			t.Cleanup(func() { _ = s.Close() })
			go func() { _ = s.Serve(late) }()
		}
		return transport.RoundTrip(r)
	})
	err = c.Operation(t.Context(), "write", func(ctx context.Context) error { return c.Send(ctx, http.MethodPost, "/", map[string]int{}, nil) })
	if err != nil || tries != 2 {
		t.Errorf("%d tries: %v", tries, err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestHalfway(t *testing.T) {
	refused := &Answer{Code: http.StatusForbidden}
	err := Halfway(refused)
	if !errors.Is(err, external.ErrUnreachable) || Refused(err) != 0 || Refused(refused) != http.StatusForbidden || Halfway(nil) != nil {
		t.Error(err)
	}
}
