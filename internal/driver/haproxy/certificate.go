package haproxy

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// usable reports why HAProxy could not present a certificate: a damaged one, a key of another,
// or a chain that is not in order.
func usable(k *desired.KeyPair) error {
	if k == nil {
		return nil
	}
	_, err := chain(k)
	return err
}

// chain reads a certificate with those that signed it.
func chain(k *desired.KeyPair) ([]*x509.Certificate, error) {
	pair, err := tls.X509KeyPair([]byte(k.Chain), []byte(k.Key))
	if err != nil {
		return nil, err
	}
	certs := make([]*x509.Certificate, len(pair.Certificate))
	for i, der := range pair.Certificate {
		if certs[i], err = x509.ParseCertificate(der); err != nil {
			return nil, fmt.Errorf("certificate %d of the chain: %w", i+1, err)
		}
		if i > 0 {
			if err := certs[i-1].CheckSignatureFrom(certs[i]); err != nil {
				return nil, fmt.Errorf("certificate %d of the chain (%s) did not sign certificate %d (%s): %w", i+1, certs[i].Subject, i, certs[i-1].Subject, err)
			}
		}
	}
	return certs, nil
}

// expired is the error of a usable certificate of which the time is over.
func expired(k *desired.KeyPair) error {
	if k == nil {
		return nil
	}
	certs, err := chain(k)
	if err != nil || time.Now().Before(certs[0].NotAfter) {
		return nil //nolint:nilerr // it has been found unusable before
	}
	return msgCertificateExpired.Failure(certs[0].NotAfter.UTC().Format(time.RFC3339))
}
