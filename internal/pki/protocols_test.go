package pki_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// TestProtocols meets a server as its clients do: whoever can speak HTTP/1.1 is
// spoken to so, and agents, which offer HTTP/2 alone, are not.
func TestProtocols(t *testing.T) {
	a, err := pki.Open(t.Context(), mem.New(), nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Spoke", r.Proto) })}
	go func() { _ = srv.Serve(tls.NewListener(l, a.ServerTLS(nil))) }()
	t.Cleanup(func() { _ = srv.Close() })

	roots := func() *tls.Config { return &tls.Config{RootCAs: a.Pool()} }
	for name, c := range map[string]struct {
		transport *http.Transport
		want      string
	}{
		"offers both":       {&http.Transport{TLSClientConfig: roots(), ForceAttemptHTTP2: true}, "HTTP/1.1"},
		"offers nothing":    {&http.Transport{TLSClientConfig: roots()}, "HTTP/1.1"},
		"offers only HTTP2": {&http.Transport{TLSClientConfig: roots(), Protocols: pki.OnlyHTTP2()}, "HTTP/2.0"},
	} {
		t.Run(name, func(t *testing.T) {
			defer c.transport.CloseIdleConnections()
			resp, err := (&http.Client{Transport: c.transport}).Get("https://" + l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if got := resp.Header.Get("Spoke"); got != c.want {
				t.Errorf("spoke %s, want %s", got, c.want)
			}
		})
	}
}
