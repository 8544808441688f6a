package pki

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// The validity of a token: by default, and at most.
const (
	DefaultTTL = time.Hour
	MaxTTL     = 30 * 24 * time.Hour
)

const prefixToken = "token/"

// tokenID keeps invalid IDs out of the store's keys.
var tokenID = regexp.MustCompile(`^[0-9a-f]{12}$`)

// tokenDoc is the value of a token's key. The secret itself is not stored.
type tokenDoc struct {
	Hash    string    `json:"hash"`
	Node    string    `json:"node,omitempty"`
	Expires time.Time `json:"expires"`
}

// CreateToken makes a token that allows one node to join, once, within ttl (0 means
// DefaultTTL): the one of that name, or if it is empty one of any name.
func (a *Authority) CreateToken(ctx context.Context, node string, ttl time.Duration) (token string, expires time.Time, err error) {
	if ttl == 0 {
		ttl = DefaultTTL
	}
	if ttl < time.Second || ttl > MaxTTL {
		return "", time.Time{}, fmt.Errorf("%w: ttl %s: must be between 1s and %s", ErrRequest, ttl, MaxTTL)
	}
	if node != "" {
		if err := checkName(node); err != nil {
			return "", time.Time{}, err
		}
	}
	var random [6 + 32]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", time.Time{}, err
	}
	id, secret := hex.EncodeToString(random[:6]), base64.RawURLEncoding.EncodeToString(random[6:])
	expires = a.now().Add(ttl).UTC().Truncate(time.Second)
	value, err := json.Marshal(tokenDoc{Hash: hash(secret), Node: node, Expires: expires})
	if err != nil {
		return "", time.Time{}, err
	}
	key := prefixToken + id
	if _, err := a.store.Txn(ctx, []store.Cond{{Key: key}}, []store.Op{store.Put(key, value)}); err != nil {
		return "", time.Time{}, fmt.Errorf("storing the token: %w", err)
	}
	if err := a.sweep(ctx); err != nil {
		return "", time.Time{}, err
	}
	return id + "." + secret + "." + a.Fingerprint(), expires, nil
}

// sweep removes tokens that have expired.
func (a *Authority) sweep(ctx context.Context) error {
	records, _, err := a.store.List(ctx, prefixToken, "")
	if err != nil {
		return fmt.Errorf("removing old tokens: %w", err)
	}
	for _, r := range records {
		var doc tokenDoc
		if json.Unmarshal(r.Value, &doc) == nil && a.now().Before(doc.Expires) {
			continue
		}
		_, err := a.store.Txn(ctx, []store.Cond{{Key: r.Key, Revision: r.Revision}}, []store.Op{store.Delete(r.Key)})
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("removing old tokens: %w", err)
		}
	}
	return nil
}

// token returns the record of a token that admits the node, or ErrToken.
func (a *Authority) token(ctx context.Context, id, secret, node string) (store.Record, error) {
	r, err := a.store.Get(ctx, prefixToken+id)
	var doc tokenDoc
	switch {
	case errors.Is(err, store.ErrNotFound):
		return r, fmt.Errorf("%w: it was used already, has expired, or is of another cluster; make a new one with: viaduct node token %s", ErrToken, node)
	case err != nil:
		return r, fmt.Errorf("looking up the token: %w", err)
	}
	if err := json.Unmarshal(r.Value, &doc); err != nil {
		return r, fmt.Errorf("stored value %s is damaged: %w", r.Key, err)
	}
	switch {
	case !equal(doc.Hash, hash(secret)):
		return r, fmt.Errorf("%w: its secret is wrong; copy all of what viaduct node token printed", ErrToken)
	case !a.now().Before(doc.Expires):
		return r, fmt.Errorf("%w: it expired at %s; make a new one with: viaduct node token %s", ErrToken, doc.Expires.Format(time.RFC3339), node)
	case doc.Node != "" && doc.Node != node:
		return r, fmt.Errorf("%w: it is for node %s and this is %s; join under that name, or make another token with: viaduct node token %s", ErrToken, doc.Node, node, node)
	}
	return r, nil
}
