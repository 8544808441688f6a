package pki

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Organizational units: the purpose of a certificate.
const (
	UnitServer = "server"
	UnitNode   = "node"
	UnitAdmin  = "admin"
)

// The validity of certificates. Those of nodes and servers are renewed when a third of it
// is left.
const (
	caLife   = 10 * 365 * 24 * time.Hour
	leafLife = 365 * 24 * time.Hour
	// skew is the maximum difference between clocks.
	skew = time.Hour
)

const keyCA = "pki/ca"

// caDoc is the value of pki/ca, both PEM.
type caDoc struct {
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
}

// Authority issues the cluster's certificates and admits nodes. Create one with Open.
type Authority struct {
	store   store.Store
	now     func() time.Time
	cert    *x509.Certificate
	certPEM string
	key     crypto.Signer
}

// Open reads the authority from the store, and creates it at the first start of the first
// server. now is the clock; nil means time.Now.
func Open(ctx context.Context, st store.Store, now func() time.Time) (*Authority, error) {
	if now == nil {
		now = time.Now
	}
	a := &Authority{store: st, now: now}
	for range 3 {
		r, err := st.Get(ctx, keyCA)
		if err == nil {
			return a, a.load(r.Value)
		}
		if !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("reading the certificate authority: %w", err)
		}
		doc, err := newCA(now())
		if err != nil {
			return nil, fmt.Errorf("making the certificate authority: %w", err)
		}
		// If another server was faster, its authority is valid.
		_, err = st.Txn(ctx, []store.Cond{{Key: keyCA}}, []store.Op{store.Put(keyCA, doc)})
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return nil, fmt.Errorf("storing the certificate authority: %w", err)
		}
	}
	return nil, fmt.Errorf("storing the certificate authority: %w", store.ErrConflict)
}

// StoredCA returns the certificate of the authority in the store, PEM; empty if there is
// none.
func StoredCA(ctx context.Context, st store.Store) (string, error) {
	r, err := st.Get(ctx, keyCA)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the certificate authority: %w", err)
	}
	a := &Authority{}
	err = a.load(r.Value)
	return a.certPEM, err
}

func newCA(now time.Time) ([]byte, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "Viaduct cluster authority"},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(caLife),
		IsCA:                  true,
		MaxPathLenZero:        true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if t.SerialNumber, err = newSerial(); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	return json.Marshal(caDoc{Certificate: encodeCert(der), Key: keyPEM})
}

func (a *Authority) load(value []byte) error {
	var doc caDoc
	if err := json.Unmarshal(value, &doc); err != nil {
		return fmt.Errorf("stored value %s is damaged: %w", keyCA, err)
	}
	cert, err := parseCert(doc.Certificate)
	if err != nil {
		return fmt.Errorf("stored value %s is damaged: %w", keyCA, err)
	}
	block, _ := pem.Decode([]byte(doc.Key))
	if block == nil {
		return fmt.Errorf("stored value %s is damaged: it holds no key", keyCA)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return fmt.Errorf("stored value %s is damaged: %w", keyCA, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return fmt.Errorf("stored value %s is damaged: its key cannot sign", keyCA)
	}
	a.cert, a.certPEM, a.key = cert, doc.Certificate, signer
	return nil
}

// Fingerprint is the SHA-256 of the authority's public key, in hexadecimal: the
// last part of a join token.
func (a *Authority) Fingerprint() string { return fingerprint(a.cert) }

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// CertificatePEM is the authority's certificate.
func (a *Authority) CertificatePEM() string { return a.certPEM }

// Pool contains only the authority's certificate.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// issue makes a certificate for a public key.
func (a *Authority) issue(unit, name string, pub crypto.PublicKey, names []string, ips []net.IP) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	now := a.now()
	t := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name, OrganizationalUnit: []string{unit}},
		NotBefore:    now.Add(-skew),
		NotAfter:     now.Add(leafLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		DNSNames:     names,
		IPAddresses:  ips,
	}
	if unit == UnitServer {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, pub, a.key)
	if err != nil {
		return nil, fmt.Errorf("issuing a certificate for %s %s: %w", unit, name, err)
	}
	return x509.ParseCertificate(der)
}

// IssueAdmin makes an administrator's certificate and key, both PEM.
func (a *Authority) IssueAdmin(name string) (certPEM, keyPEM string, err error) {
	key, err := newKey()
	if err != nil {
		return "", "", err
	}
	cert, err := a.issue(UnitAdmin, name, key.Public(), nil, nil)
	if err != nil {
		return "", "", err
	}
	keyPEM, err = encodeKey(key)
	return encodeCert(cert.Raw), keyPEM, err
}

// Serial is a certificate's serial number as Member has it.
func Serial(c *x509.Certificate) string { return c.SerialNumber.Text(16) }

// Unit is the purpose of a certificate.
func Unit(c *x509.Certificate) string {
	if len(c.Subject.OrganizationalUnit) == 1 {
		return c.Subject.OrganizationalUnit[0]
	}
	return ""
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// newSerial returns a serial number of 127 random bits: positive, as RFC 5280 requires.
func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
}

func encodeCert(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func encodeKey(key *ecdsa.PrivateKey) (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

func parseCert(s string) (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(s))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no PEM certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}
