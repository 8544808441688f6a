package agent

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/google/renameio/v2"

	"github.com/viaduct-sdn/viaduct/internal/pki"
)

// identityFile holds everything that the node received when it joined, in one file, so
// that it exists completely or not at all.
const identityFile = "identity.json"

// Identity identifies the node to the servers: its name, its certificate and the
// certificate authority it trusts.
type Identity struct {
	Node string `json:"node"`
	// Servers are the base URLs of the servers, tried in order.
	Servers     []string `json:"servers"`
	Certificate string   `json:"certificate"`
	Key         string   `json:"key"`
	CA          string   `json:"ca"`

	path string
	mu   sync.Mutex
	pair *tls.Certificate
}

// LoadIdentity reads the identity from an agent's data directory.
func LoadIdentity(data string) (*Identity, error) {
	id := &Identity{path: filepath.Join(data, identityFile)}
	b, err := os.ReadFile(id.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("this node has not joined a cluster (no %s): on a server run `viaduct node token NODE`, "+
			"then here `viaduct node join URL --token TOKEN`: %w", id.path, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the node's identity: %w", err)
	}
	if err := json.Unmarshal(b, id); err != nil {
		return nil, fmt.Errorf("%s is damaged (%w): join again with `viaduct node join`", id.path, err)
	}
	if _, err := id.keyPair(); err != nil {
		return nil, fmt.Errorf("%s is damaged (%w): join again with `viaduct node join`", id.path, err)
	}
	return id, nil
}

// Save writes the identity into an agent's data directory, readable by its
// owner only.
func (id *Identity) Save(data string) error {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("cannot make the agent's data directory: %w", err)
	}
	id.path = filepath.Join(data, identityFile)
	return id.save()
}

func (id *Identity) save() error {
	b, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(id.path, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("cannot write %s: %w", id.path, err)
	}
	return nil
}

// keyPair is the certificate with its key, parsed once.
func (id *Identity) keyPair() (*tls.Certificate, error) {
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.pair != nil {
		return id.pair, nil
	}
	pair, err := tls.X509KeyPair([]byte(id.Certificate), []byte(id.Key))
	if err != nil {
		return nil, fmt.Errorf("certificate and key do not fit: %w", err)
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, err
		}
	}
	id.pair = &pair
	return id.pair, nil
}

// replace saves a renewed certificate and uses it from now on.
func (id *Identity) replace(certPEM, keyPEM string) error {
	// On disk first: a key that a restart would lose must not be used.
	renewed := &Identity{Node: id.Node, Servers: id.Servers, Certificate: certPEM, Key: keyPEM, CA: id.CA, path: id.path}
	if err := renewed.save(); err != nil {
		return err
	}
	id.mu.Lock()
	id.Certificate, id.Key, id.pair = certPEM, keyPEM, nil
	id.mu.Unlock()
	return nil
}

// tls is the configuration of connections to the servers: mutual, and with the
// cluster's own authority only. A renewed certificate is used from the next
// connection on.
func (id *Identity) tls() (*tls.Config, error) {
	cfg, err := pki.AgentTLS(id.Certificate, id.Key, id.CA)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be used (%w): join again with `viaduct node join`", id.path, err)
	}
	cfg.Certificates = nil
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return id.keyPair() }
	return cfg, nil
}
