package agent

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net/http"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// renewRetry is the wait after a renewal that failed.
const renewRetry = 10 * time.Minute

// renew replaces the certificate when two thirds of its life are over.
func (a *Agent) renew(ctx context.Context, link *serverLink) {
	for {
		at, err := a.identity.renewAt()
		if err != nil {
			a.complain("the node's certificate cannot be read: " + err.Error())
			return
		}
		if !sleepUntil(ctx, at) {
			return
		}
		if err := a.renewOnce(ctx, link); err != nil {
			a.Log.Warn("cannot renew the node's certificate; trying again", "error", err, "in", renewRetry)
			if !sleepUntil(ctx, time.Now().Add(renewRetry)) {
				return
			}
		}
	}
}

func sleepUntil(ctx context.Context, at time.Time) bool {
	t := time.NewTimer(time.Until(at))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (a *Agent) renewOnce(ctx context.Context, link *serverLink) error {
	keyPEM, csrPEM, err := NewRequest(a.identity.Node)
	if err != nil {
		return err
	}
	var resp protocol.JoinResponse
	if err := link.do(ctx, http.MethodPost, "/agent/v1/renew", protocol.RenewRequest{CSR: csrPEM}, &resp); err != nil {
		return err
	}
	if err := a.identity.replace(resp.Certificate, keyPEM, resp.CA); err != nil {
		return err
	}
	a.Log.Info("the node's certificate was renewed")
	return nil
}

// NewRequest makes a key and a certificate request for a node, both PEM.
func NewRequest(node string) (keyPEM, csrPEM string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", fmt.Errorf("cannot make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", "", err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: node},
	}, key)
	if err != nil {
		return "", "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr})), nil
}
