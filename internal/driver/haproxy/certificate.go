package haproxy

import (
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// usable reports why HAProxy could not present a certificate: a damaged one, a key of another,
// or a chain that is not in order.
func usable(k *desired.KeyPair) error {
	if k == nil {
		return nil
	}
	_, err := model.KeyPair(string(k.Chain), string(k.Key))
	return err
}

// expired returns the error of a usable certificate that has expired.
func expired(k *desired.KeyPair) error {
	if k == nil {
		return nil
	}
	certs, err := model.KeyPair(string(k.Chain), string(k.Key))
	if err != nil || time.Now().Before(certs[0].NotAfter) {
		return nil //nolint:nilerr // it has been found unusable before
	}
	return msgCertificateExpired.Failure(certs[0].NotAfter.UTC().Format(time.RFC3339))
}
