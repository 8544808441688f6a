package pki

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
)

// joinTries is how often Join tries without an answer. The server gives the same answer
// again, so a lost one does no harm.
const joinTries = 5

// maxJoinAnswer bounds the answer to a join, in bytes.
const maxJoinAnswer = 1 << 20

// RefusedError is the error of a join or renewal that the server rejected.
type RefusedError struct {
	// Status is the HTTP status.
	Status int
	// Detail is the server's own explanation.
	Detail string
}

// Error implements error.
func (e *RefusedError) Error() string { return "the server refused: " + e.Detail }

// Join makes a key and requests from the server at the URL ("https://host:port") a
// certificate for the node, with a one-time token. It returns both and the authority's
// certificate, all PEM. It fails at once when the server rejects the request (a
// *RefusedError) or is not the token's (ErrPin).
func Join(ctx context.Context, serverURL, token, node string) (certPEM, keyPEM, caPEM string, err error) {
	_, _, print, err := splitToken(token)
	if err != nil {
		return "", "", "", err
	}
	key, err := newKey()
	if err != nil {
		return "", "", "", err
	}
	keyPEM, err = encodeKey(key)
	if err != nil {
		return "", "", "", err
	}
	csr, err := newCSR(key, node)
	if err != nil {
		return "", "", "", err
	}
	req := protocol.JoinRequest{Node: node, Token: strings.TrimSpace(token), CSR: csr}
	transport := &http.Transport{TLSClientConfig: Pin(print), Protocols: OnlyHTTP2()}
	defer transport.CloseIdleConnections()
	resp, err := ask(ctx, &http.Client{Transport: transport, Timeout: 30 * time.Second}, serverURL+"/agent/v1/join", req)
	if err != nil {
		return "", "", "", fmt.Errorf("joining %s as node %s: %w", serverURL, node, err)
	}
	if err := resp.fits(key, print); err != nil {
		return "", "", "", fmt.Errorf("joining %s as node %s: %w", serverURL, node, err)
	}
	return resp.Certificate, keyPEM, resp.CA, nil
}

// Renew makes a new key and requests a fresh certificate from the server with the
// certificate in cfg (see AgentTLS). It returns both PEM. They must be stored together;
// the old ones are valid until the new ones are renewed in turn.
func Renew(ctx context.Context, serverURL, node string, cfg *tls.Config) (certPEM, keyPEM string, err error) {
	key, err := newKey()
	if err != nil {
		return "", "", err
	}
	keyPEM, err = encodeKey(key)
	if err != nil {
		return "", "", err
	}
	csr, err := newCSR(key, node)
	if err != nil {
		return "", "", err
	}
	transport := &http.Transport{TLSClientConfig: cfg, Protocols: OnlyHTTP2()}
	defer transport.CloseIdleConnections()
	resp, err := ask(ctx, &http.Client{Transport: transport, Timeout: 30 * time.Second}, serverURL+"/agent/v1/renew", protocol.RenewRequest{CSR: csr})
	if err == nil {
		err = resp.fits(key, "")
	}
	if err != nil {
		return "", "", fmt.Errorf("renewing the certificate of node %s at %s: %w", node, serverURL, err)
	}
	return resp.Certificate, keyPEM, nil
}

// answer is the server's answer to a join or renewal.
type answer protocol.JoinResponse

// fits checks that the certificate is for the key, and from the authority with
// the fingerprint unless that is empty.
func (r *answer) fits(key *ecdsa.PrivateKey, print string) error {
	cert, err := parseCert(r.Certificate)
	if err != nil || !samePublicKey(cert.PublicKey, key.Public()) {
		return errors.New("the server's answer holds no certificate for this node's key")
	}
	ca, err := parseCert(r.CA)
	if err != nil || print != "" && fingerprint(ca) != print {
		return errors.New("the server's answer holds another authority than the token's")
	}
	return nil
}

// ask posts a request until there is an answer, at most joinTries times.
func ask(ctx context.Context, c *http.Client, url string, req any) (*answer, error) {
	body, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	var refused *RefusedError
	for i := range joinTries {
		var resp *answer
		if resp, err = post(ctx, c, url, body); err == nil {
			return resp, nil
		}
		if errors.As(err, &refused) && refused.Status < 500 || errors.Is(err, ErrPin) || ctx.Err() != nil || i == joinTries-1 {
			break
		}
		sleep.Context(ctx, time.Duration(i+1)*300*time.Millisecond)
	}
	return nil, err
}

func post(ctx context.Context, c *http.Client, url string, body []byte) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxJoinAnswer))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		var problem struct {
			Detail string `json:"detail"`
		}
		if json.Unmarshal(b, &problem) != nil || problem.Detail == "" {
			problem.Detail = resp.Status
		}
		return nil, &RefusedError{Status: resp.StatusCode, Detail: problem.Detail}
	}
	out := &answer{}
	if err := json.Unmarshal(b, out); err != nil {
		return nil, fmt.Errorf("the answer is not that of a Viaduct server: %w", err)
	}
	return out, nil
}

// newCSR makes a certificate request, PEM.
func newCSR(key *ecdsa.PrivateKey, node string) (string, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: node}}, key)
	if err != nil {
		return "", fmt.Errorf("making a certificate request: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), nil
}
