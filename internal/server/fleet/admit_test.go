package fleet_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/server/fleet"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// cluster is two servers' view of nodes, over one store.
type cluster struct {
	t         *testing.T
	authority *pki.Authority
	servers   [2]*fleet.Fleet
}

// inCluster runs a test with a clock of its own.
func inCluster(t *testing.T, test func(t *testing.T, c *cluster)) {
	synctest.Test(t, func(t *testing.T) {
		var st store.Store = mem.New()
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		a, err := pki.Open(ctx, st, nil)
		if err != nil {
			t.Fatal(err)
		}
		c := &cluster{t: t, authority: a}
		for i := range c.servers {
			if c.servers[i], err = fleet.Open(ctx, fleet.Options{Store: st}); err != nil {
				t.Fatal(err)
			}
			go c.servers[i].Run(ctx)
		}
		test(t, c)
	})
}

func request(t *testing.T) string {
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

func certificate(t *testing.T, resp *protocol.JoinResponse, err error) *x509.Certificate {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(resp.Certificate))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func (c *cluster) join(node string) *x509.Certificate {
	c.t.Helper()
	token, _, err := c.authority.CreateToken(c.t.Context(), node, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	resp, err := c.authority.Join(c.t.Context(), protocol.JoinRequest{Node: node, Token: token, CSR: request(c.t)})
	return certificate(c.t, resp, err)
}

func (c *cluster) renew(shown *x509.Certificate) *x509.Certificate {
	c.t.Helper()
	resp, err := c.authority.Renew(c.t.Context(), shown, protocol.RenewRequest{CSR: request(c.t)})
	return certificate(c.t, resp, err)
}

// admitted tells at how many of the servers a certificate counts.
func (c *cluster) admitted(cert *x509.Certificate) (n int) {
	c.t.Helper()
	for _, s := range c.servers {
		switch _, err := s.Admit(c.t.Context(), cert); {
		case err == nil:
			n++
		case !errors.Is(err, pki.ErrNotMember):
			c.t.Error(err)
		}
	}
	return n
}

// A superseded certificate counts at every server until a minute after one of them has
// seen the new one, or for a day.
func TestSupersededCertificatesEnd(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		first := c.join("n1")
		second := c.renew(first)
		time.Sleep(23 * time.Hour)
		if c.admitted(first) != 2 {
			t.Error("the old one ended though the new one may have been lost")
		}
		if _, err := c.servers[0].Admit(t.Context(), second); err != nil {
			t.Error(err)
		}
		if c.admitted(first) != 2 {
			t.Error("the old one ended at once")
		}
		time.Sleep(61 * time.Second)
		if c.admitted(first) != 0 || c.admitted(second) != 2 {
			t.Error("a minute after the new one was shown: the old one still counts, or the new one does not")
		}
		// One that is never shown does not keep the one of before good for ever.
		third := c.renew(second)
		time.Sleep(24*time.Hour + time.Second)
		if c.admitted(second) != 0 || c.admitted(third) != 2 {
			t.Error("a day after a renewal the old one still counts, or the new one does not")
		}
	})
}

// What waits with a node's certificate ends when that does, at whichever server: when the
// node is removed, and when it has shown a newer one.
func TestWaitingEndsWithTheCertificate(t *testing.T) {
	for what, end := range map[string]func(c *cluster, cert *x509.Certificate){
		"removed": func(c *cluster, _ *x509.Certificate) {
			if err := c.servers[0].Forget(c.t.Context(), c.authority, "n1"); err != nil {
				c.t.Error(err)
			}
		},
		"superseded": func(c *cluster, cert *x509.Certificate) {
			if _, err := c.servers[0].Admit(c.t.Context(), c.renew(cert)); err != nil {
				c.t.Error(err)
			}
			time.Sleep(61 * time.Second)
		},
	} {
		t.Run(what, func(t *testing.T) {
			inCluster(t, func(t *testing.T, c *cluster) {
				cert, other := c.join("n1"), c.join("n2")
				_, guarded, done, err := c.servers[1].Guard(t.Context(), cert)
				if err != nil {
					t.Fatal(err)
				}
				defer done()
				_, unharmed, doneToo, err := c.servers[1].Guard(t.Context(), other)
				if err != nil {
					t.Fatal(err)
				}
				defer doneToo()
				end(c, cert)
				synctest.Wait()
				if !errors.Is(context.Cause(guarded), pki.ErrNotMember) {
					t.Errorf("what waits goes on: %v", context.Cause(guarded))
				}
				if unharmed.Err() != nil {
					t.Errorf("what another node waits for has ended: %v", unharmed.Err())
				}
			})
		})
	}
}
