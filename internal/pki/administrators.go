package pki

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mirror"
)

const prefixAdministrator = "pki/administrator/" // <serial number>

// Errors of administrators' certificates, to be tested with errors.Is.
var (
	// ErrRevoked: the certificate is revoked.
	ErrRevoked = errors.New("revoked")
	// ErrNoCertificate: no administrator's certificate has the serial number.
	ErrNoCertificate = errors.New("no administrator's certificate")
)

// Administrator is the record of an administrator's certificate.
type Administrator struct {
	// Name is the name in the history, and Serial the serial number, in hexadecimal.
	Name   string `json:"name"`
	Serial string `json:"serial"`
	// Host is the host with the server that made it for its data directory; empty for one
	// that was only used so far.
	Host    string    `json:"host,omitempty"`
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
	// Revoked is when it was revoked, and RevokedBy by whom; zero if it is valid.
	Revoked   time.Time `json:"revoked,omitzero"`
	RevokedBy string    `json:"revoked-by,omitempty"`
}

// Administrators are the certificates of administrators that are known to the servers, and
// which of them are valid. A certificate that the authority has signed and nobody revoked
// is valid, known or not. Create one with OpenAdministrators and keep it current with Run.
type Administrators struct {
	store store.Store
	now   func() time.Time
	log   *slog.Logger
	known *mirror.Mirror[*Administrator]

	mu    sync.Mutex
	noted map[string]bool // serial numbers that are being recorded
}

// OpenAdministrators reads the records. now is the clock; nil means time.Now.
func OpenAdministrators(ctx context.Context, st store.Store, now func() time.Time, log *slog.Logger) (*Administrators, error) {
	if now == nil {
		now = time.Now
	}
	known, err := mirror.Open(ctx, st, prefixAdministrator, log, func(r store.Record) (*Administrator, error) {
		one := &Administrator{}
		return one, json.Unmarshal(r.Value, one)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the administrators' certificates: %w", err)
	}
	return &Administrators{store: st, now: now, log: log, known: known, noted: make(map[string]bool)}, nil
}

// Run follows the records of other servers until ctx ends.
func (a *Administrators) Run(ctx context.Context) { a.known.Run(ctx) }

// Changed is closed when something is recorded after the call.
func (a *Administrators) Changed() <-chan struct{} {
	_, changed := a.known.All()
	return changed
}

// Check returns ErrRevoked for a revoked certificate.
func (a *Administrators) Check(c *x509.Certificate) error {
	one, ok := a.known.Get(Serial(c))
	if !ok || one.Value.Revoked.IsZero() {
		return nil
	}
	return fmt.Errorf("the certificate of %s with serial number %s is %w, since %s: use the one that is in a server's data directory now (admin.crt)",
		c.Subject.CommonName, Serial(c), ErrRevoked, one.Value.Revoked.Format(time.RFC3339))
}

// Guard returns a context that ends when the certificate is revoked. The caller calls done
// when nothing waits any more.
func (a *Administrators) Guard(ctx context.Context, c *x509.Certificate) (guarded context.Context, done func()) {
	guarded, cancel := context.WithCancelCause(ctx)
	go func() {
		for {
			changed := a.Changed() // before the records are read
			if err := a.Check(c); err != nil {
				cancel(err)
				return
			}
			select {
			case <-changed:
			case <-guarded.Done():
				return
			}
		}
	}()
	return guarded, func() { cancel(nil) }
}

// Record notes a certificate that was made for a host's server or, without a host, was
// used, unless it is known. A failure is logged: the certificate is valid nevertheless.
func (a *Administrators) Record(ctx context.Context, c *x509.Certificate, host string) {
	serial := Serial(c)
	if _, ok := a.known.Get(serial); ok || !a.note(serial) {
		return
	}
	err := a.put(ctx, Administrator{Name: c.Subject.CommonName, Serial: serial, Host: host, Issued: c.NotBefore.Add(skew).UTC(), Expires: c.NotAfter.UTC()}, 0)
	if err != nil && !errors.Is(err, store.ErrConflict) {
		a.log.Warn("an administrator's certificate is missing in the list of those until it is shown again", "name", c.Subject.CommonName, "serial", serial, "error", err)
	}
	a.mu.Lock()
	delete(a.noted, serial)
	a.mu.Unlock()
}

// note reports whether nobody else is recording a certificate.
func (a *Administrators) note(serial string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.noted[serial] {
		return false
	}
	a.noted[serial] = true
	return true
}

// put replaces the record of a revision, and makes sure that this server uses the new one
// from now on.
func (a *Administrators) put(ctx context.Context, one Administrator, revision int64) error {
	value, err := json.Marshal(one)
	if err != nil {
		return err
	}
	key := prefixAdministrator + one.Serial
	if _, err := a.store.Txn(ctx, []store.Cond{{Key: key, Revision: revision}}, []store.Op{store.Put(key, value)}); err != nil {
		return err
	}
	return a.known.Sync(ctx)
}

// List returns the certificates that have not expired, sorted by when they were issued,
// and removes the records of others.
func (a *Administrators) List(ctx context.Context) ([]Administrator, error) {
	if err := a.known.Sync(ctx); err != nil {
		return nil, fmt.Errorf("listing the administrators' certificates: %w", err)
	}
	all, _ := a.known.All()
	out := []Administrator{}
	for serial, one := range all {
		if a.now().Before(one.Value.Expires) {
			out = append(out, *one.Value)
			continue
		}
		key := prefixAdministrator + serial
		_, err := a.store.Txn(ctx, []store.Cond{{Key: key, Revision: one.Revision}}, []store.Op{store.Delete(key)})
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return nil, fmt.Errorf("removing an expired certificate's record: %w", err)
		}
	}
	slices.SortFunc(out, func(x, y Administrator) int {
		return cmp.Or(x.Issued.Compare(y.Issued), cmp.Compare(x.Serial, y.Serial))
	})
	return out, nil
}

// Revoke revokes a certificate at every server. A revoked one is not changed.
func (a *Administrators) Revoke(ctx context.Context, serial, by string) error {
	return store.Retry(ctx, func() error {
		if err := a.known.Sync(ctx); err != nil {
			return fmt.Errorf("revoking a certificate: %w", err)
		}
		one, ok := a.known.Get(serial)
		if !ok {
			return fmt.Errorf("%w has the serial number %q; list them with: viaduct admin list", ErrNoCertificate, serial)
		}
		if !one.Value.Revoked.IsZero() {
			return nil
		}
		revoked := *one.Value
		revoked.Revoked, revoked.RevokedBy = a.now().UTC().Truncate(time.Second), by
		if err := a.put(ctx, revoked, one.Revision); err != nil {
			return fmt.Errorf("revoking the certificate %s: %w", serial, err)
		}
		return nil
	})
}
