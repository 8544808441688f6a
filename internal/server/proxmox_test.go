package server_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// TestProxmoxAPI makes a token through the socket and uses it from outside: over
// HTTP/1.1, where the status line tells what went wrong, and over HTTP/2.
func TestProxmoxAPI(t *testing.T) {
	r := start(t, mem.New(), t.TempDir())
	socket := &http.Client{Timeout: patience, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(r.data, "api.sock"))
		},
	}}
	resp, data := proxmox(t, socket, "POST", "http://viaduct/api2/json/access/users/root@pam/token/test", "")
	made, ok := data.(map[string]any)
	if !ok || resp.StatusCode != http.StatusOK {
		t.Fatalf("making a token: %s %v", resp.Status, data)
	}
	auth := "PVEAPIToken=root@pam!test=" + made["value"].(string)

	pem, err := os.ReadFile(filepath.Join(r.data, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	for proto, protocols := range map[string]*http.Protocols{"HTTP/1.1": nil, "HTTP/2.0": pki.OnlyHTTP2()} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true, Protocols: protocols}
		defer transport.CloseIdleConnections()
		outside := &http.Client{Timeout: patience, Transport: transport}
		resp, data := proxmox(t, outside, "GET", r.url+"/api2/json/version", auth)
		if version, ok := data.(map[string]any); !ok || resp.Proto != proto || version["release"] != "9.0" {
			t.Errorf("%s: spoke %s: %s %v", proto, resp.Proto, resp.Status, data)
		}
		want := "501 Method 'GET /no/such' not implemented"
		if proto == "HTTP/2.0" {
			want = "501 Not Implemented"
		}
		if resp, _ := proxmox(t, outside, "GET", r.url+"/api2/json/no//such/", auth); resp.Status != want {
			t.Errorf("%s: status %q", proto, resp.Status)
		}
		if resp, _ := proxmox(t, outside, "GET", r.url+"/api2/json/version", ""); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: status %q without credentials", proto, resp.Status)
		}
	}
	// Whoever shows an administrator's certificate is nobody here: a browser shows
	// it for whatever page asks it to.
	cert, err := tls.LoadX509KeyPair(filepath.Join(r.data, "admin.crt"), filepath.Join(r.data, "admin.key"))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{cert}}}
	defer transport.CloseIdleConnections()
	if resp, _ := proxmox(t, &http.Client{Timeout: patience, Transport: transport}, "GET", r.url+"/api2/json/version", ""); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("status %q with a certificate", resp.Status)
	}
}

func proxmox(t *testing.T, c *http.Client, method, target, auth string) (*http.Response, any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	if auth != "" {
		req.Header.Set("Authorization", auth)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out struct{ Data any }
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return resp, out.Data
}
