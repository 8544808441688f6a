// Package powerdnstest runs a real PowerDNS server for tests, on loopback and with its own
// database. Tests use it; the program does not.
package powerdnstest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/test/requires"
)

// schema is where the Debian package pdns-backend-sqlite3 has its tables.
const schema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"

// startup bounds how long a server may take to answer.
const startup = 20 * time.Second

// Server is a running server.
type Server struct {
	// URL is that of the server in the API, Key is the valid API key.
	URL, Key string
	// DNS is where it answers queries, by UDP and TCP.
	DNS netip.AddrPort

	t       testing.TB
	process *exec.Cmd
	log     bytes.Buffer
}

// New starts a server that is stopped after the test. Without the packages
// pdns-server, pdns-backend-sqlite3 and sqlite3 the test fails.
func New(t testing.TB) *Server {
	t.Helper()
	program := requires.Program(t, "pdns_server")
	dir := t.TempDir()
	database := filepath.Join(dir, "pdns.sqlite3")
	if out, err := exec.Command(requires.Program(t, "sqlite3"), database, ".read "+schema).CombinedOutput(); err != nil {
		t.Fatalf("pdns-backend-sqlite3's schema, which scripts/setup installs: %v\n%s", err, out)
	}
	ports := free(t, 2)
	s := &Server{
		t: t, Key: "let-me-in", DNS: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), ports[0]),
		URL: fmt.Sprintf("http://127.0.0.1:%d/api/v1/servers/localhost", ports[1]),
	}
	s.process = exec.Command(program, "--config-dir="+dir, "--socket-dir="+dir, "--daemon=no", "--guardian=no", "--disable-syslog=yes",
		"--write-pid=no", "--launch=gsqlite3", "--gsqlite3-database="+database,
		"--local-address=127.0.0.1", fmt.Sprintf("--local-port=%d", ports[0]),
		"--api=yes", "--api-key="+s.Key, "--webserver=yes", "--webserver-address=127.0.0.1", fmt.Sprintf("--webserver-port=%d", ports[1]),
		"--webserver-allow-from=127.0.0.1", "--cache-ttl=0", "--query-cache-ttl=0", "--negquery-cache-ttl=0", "--zone-cache-refresh-interval=0")
	s.process.Stdout, s.process.Stderr = &s.log, &s.log
	if err := s.process.Start(); err != nil {
		t.Fatalf("needs the package pdns-server: %v", err)
	}
	t.Cleanup(s.Stop)
	ctx, cancel := context.WithTimeout(t.Context(), startup)
	defer cancel()
	for {
		if _, err := s.api(http.MethodGet, "", nil); err == nil {
			return s
		} else if !sleep.Context(ctx, 20*time.Millisecond) {
			s.Stop()
			t.Fatalf("pdns_server does not answer: %v\n%s", err, s.log.String())
		}
	}
}

// free finds unused ports on loopback, by UDP or TCP.
func free(t testing.TB, n int) []uint16 {
	t.Helper()
	var out []uint16
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // until all are found, so that none is found twice
		port := l.Addr().(*net.TCPAddr).AddrPort().Port()
		p, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			continue
		}
		defer func() { _ = p.Close() }()
		if out = append(out, port); len(out) == n {
			return out
		}
	}
	t.Fatal("no free ports on loopback")
	return nil
}

// Stop ends the server at once; a second call has no effect.
func (s *Server) Stop() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
	s.process = nil
}

// NameServer is the server in the form in which zones refer to it.
func (s *Server) NameServer(id string) *model.NameServer {
	return &model.NameServer{ID: id, Type: model.DNSTypePowerDNS, URL: s.URL, Key: model.Secret(s.Key), TTL: 60}
}

// Zone creates an empty zone, named without a final dot.
func (s *Server) Zone(zone string) {
	s.t.Helper()
	_, err := s.api(http.MethodPost, "/zones", map[string]any{
		"name": zone + ".", "kind": "Native", "nameservers": []string{"ns." + zone + "."},
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// DropZone removes a zone with all that is in it.
func (s *Server) DropZone(zone string) {
	s.t.Helper()
	if _, err := s.api(http.MethodDelete, "/zones/"+zone, nil); err != nil {
		s.t.Fatal(err)
	}
}

// Records returns the contents of the records of a name and type, sorted, as the API
// has them. The name has no final dot.
func (s *Server) Records(zone, name, typ string) []string {
	s.t.Helper()
	data, err := s.api(http.MethodGet, "/zones/"+zone, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	var all struct {
		RRSets []struct {
			Name, Type string
			Records    []struct{ Content string }
		}
	}
	if err := json.Unmarshal(data, &all); err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, set := range all.RRSets {
		if strings.EqualFold(set.Name, name+".") && set.Type == typ {
			for _, r := range set.Records {
				out = append(out, r.Content)
			}
		}
	}
	slices.Sort(out)
	return out
}

// Resolver returns a resolver that queries the server.
func (s *Server) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, s.DNS.String())
	}}
}

func (s *Server) api(method, path string, in any) ([]byte, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(method, s.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-API-Key", s.Key)
	answer, err := (&http.Client{Timeout: 5 * time.Second}).Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= http.StatusBadRequest {
		err = errors.New(answer.Status + ": " + string(data))
	}
	return data, err
}
