package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// MaxLinkLife is the longest time for which a login link can be used.
const MaxLinkLife = 24 * time.Hour

// CreateLoginLink returns a secret that admits a user once within the given time, up to
// MaxLinkLife, in place of the password. It replaces an earlier one, and a new password ends
// it. It fails with ErrNotFound or ErrInvalid.
func (s *Service) CreateLoginLink(ctx context.Context, user string, life time.Duration) (secret string, expires time.Time, err error) {
	if life < time.Minute || life > MaxLinkLife {
		return "", time.Time{}, invalid("login link of user "+user, "life", life.String(), fmt.Sprintf("must be between 1 minute and %d hours", int(MaxLinkLife.Hours())))
	}
	secret = rand.Text()
	hash := sha256.Sum256([]byte(secret))
	expires = s.now().Add(life).UTC().Truncate(time.Second)
	err = s.changeUser(ctx, user, func(doc *userDoc) error {
		doc.Link = &linkDoc{Hash: hash[:], Expires: expires.Unix()}
		return nil
	})
	return secret, expires, err
}

// LoginByLink admits a user by the secret of a login link, which is of no use afterwards.
// It fails as Login does.
func (s *Service) LoginByLink(ctx context.Context, user, secret, from string) (Identity, error) {
	if wait := s.throttle.wait(user, from, s.now()); wait > 0 {
		return Identity{}, &ThrottledError{wait}
	}
	hash := sha256.Sum256([]byte(secret))
	fits := func(doc *userDoc) bool {
		return doc.Link != nil && subtle.ConstantTimeCompare(hash[:], doc.Link.Hash) == 1 && s.now().Unix() < doc.Link.Expires
	}
	// What does not fit costs no transaction.
	if u := s.view().users[user]; u == nil || !u.active(s.now()) || !fits(&u.userDoc) {
		s.throttle.fail(user, from, s.now())
		s.log.Warn("a login by a link failed", "user", s.LogName(user), "from", from)
		return Identity{}, ErrAuthentication
	}
	err := s.changeUser(ctx, user, func(doc *userDoc) error {
		if !fits(doc) { // used at another server by now
			return ErrAuthentication
		}
		doc.Link = nil
		return nil
	})
	return Identity{User: user}, err
}

// changeUser changes the record of a user, or fails with ErrNotFound.
func (s *Service) changeUser(ctx context.Context, id string, change func(*userDoc) error) error {
	return s.change(ctx, func(v *view) ([]store.Op, error) {
		u := v.users[id]
		if u == nil {
			return nil, notFound("user", id)
		}
		doc := u.userDoc
		if err := change(&doc); err != nil {
			return nil, err
		}
		op, err := put(prefixUser+id, doc)
		return []store.Op{op}, err
	})
}
