package agent

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"log/slog"

	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// A renewed certificate is shown with the next request, not only when the connection of
// before, which may last for months, has ended.
func TestRenewedCertificateIsShown(t *testing.T) {
	authority, err := pki.Open(t.Context(), mem.New(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var shown []string
	serve := func(w http.ResponseWriter, r *http.Request) {
		var out any
		var err error
		switch r.URL.Path {
		case "/agent/v1/join":
			var req protocol.JoinRequest
			if err = json.NewDecoder(r.Body).Decode(&req); err == nil {
				out, err = authority.Join(r.Context(), req)
			}
		case "/agent/v1/renew":
			var req protocol.RenewRequest
			if err = json.NewDecoder(r.Body).Decode(&req); err == nil {
				out, err = authority.Renew(r.Context(), r.TLS.PeerCertificates[0], req)
			}
		default:
			mu.Lock()
			shown = append(shown, pki.Serial(r.TLS.PeerCertificates[0]))
			mu.Unlock()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		_ = json.NewEncoder(w).Encode(out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(serve), ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(tls.NewListener(l, authority.ServerTLS(nil))) }()
	defer func() { _ = srv.Close() }()
	url := "https://" + l.Addr().String()

	token, _, err := authority.CreateToken(t.Context(), "n1", 0)
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	cert, key, ca, err := pki.Join(t.Context(), url, token, "n1")
	if err != nil {
		t.Fatal(err)
	}
	id := &Identity{Node: "n1", Servers: []string{url}, Certificate: cert, Key: key, CA: ca}
	if err := id.Save(data); err != nil {
		t.Fatal(err)
	}
	a := &Agent{Config: Config{Data: data, Log: slog.New(slog.DiscardHandler)}, identity: id, disk: &disk{dir: data}}
	link, err := newServerLink(a.identity, a.disk, a.Log)
	if err != nil {
		t.Fatal(err)
	}
	request := func() {
		t.Helper()
		if err := link.do(context.Background(), http.MethodGet, "/agent/v1/questions", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	request()
	if err := a.renewOnce(t.Context(), link); err != nil {
		t.Fatal(err)
	}
	request()
	members, err := authority.Members(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(shown) != 2 || shown[0] == shown[1] || shown[1] != members[0].Serial {
		t.Errorf("shown were %v, the member's is %s", shown, members[0].Serial)
	}
}
