package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/server"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// The server's certificate is for the host by its whole name and by its short one, and for
// the names that the operator gives.
func TestCertificateNamesTheHost(t *testing.T) {
	r := start(t, mem.New(), t.TempDir(), server.HostName("pve1.example.org"), func(c *server.Config) { c.Names = []string{"sdn.example.net"} })
	pem, err := os.ReadFile(filepath.Join(r.data, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	u, err := url.Parse(r.url)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pve1.example.org", "pve1", "sdn.example.net", "localhost"} {
		c, err := tls.Dial("tcp", u.Host, &tls.Config{RootCAs: roots, ServerName: name})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := c.ConnectionState().PeerCertificates[0].Subject.CommonName; got != "pve1.example.org" {
			t.Errorf("the subject is %s", got)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
