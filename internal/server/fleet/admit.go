package fleet

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/pki"
)

// Admit checks that a certificate is that of a member and returns the name of the
// node.
func (f *Fleet) Admit(ctx context.Context, cert *x509.Certificate) (string, error) {
	name := cert.Subject.CommonName
	if _, ok := f.admits(cert); !ok {
		// It may have joined or renewed just now, perhaps at another server.
		if err := f.members.Sync(ctx); err != nil {
			return "", err
		}
		if _, ok := f.admits(cert); !ok {
			return "", pki.NotMember(name)
		}
	}
	if m, ok := f.members.Get(name); ok && m.Value.Supersedes(cert, f.now()) {
		// The next request tries again.
		if err := pki.RecordUse(ctx, f.store, cert, f.now()); err != nil {
			f.log.Debug("a superseded certificate ends later", "node", name, "error", err)
		}
	}
	return name, nil
}

// admits reports whether a certificate is that of a member, as far as this server
// knows, and when its validity ends if that is before the membership does.
func (f *Fleet) admits(cert *x509.Certificate) (ends time.Time, ok bool) {
	m, ok := f.members.Get(cert.Subject.CommonName)
	if !ok {
		return time.Time{}, false
	}
	return m.Value.Admits(cert, f.now())
}

// Guard is Admit for a request that waits. It returns a context that ends with the
// certificate, when the node is removed or has a newer one; the context's cause then
// states this. The caller must call done when the wait ends.
func (f *Fleet) Guard(ctx context.Context, cert *x509.Certificate) (name string, guarded context.Context, done func(), err error) {
	if name, err = f.Admit(ctx, cert); err != nil {
		return "", nil, nil, err
	}
	guarded, cancel := context.WithCancelCause(ctx)
	go func() {
		for {
			_, changed := f.members.All() // before the check of the members
			ends, ok := f.admits(cert)
			if !ok {
				cancel(pki.NotMember(name))
				return
			}
			var end <-chan time.Time
			if !ends.IsZero() {
				end = time.After(ends.Sub(f.now()))
			}
			select {
			case <-changed:
			case <-end:
			case <-guarded.Done():
				return
			}
		}
	}()
	return name, guarded, func() { cancel(nil) }, nil
}
