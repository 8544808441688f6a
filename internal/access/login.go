package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
)

// Login admits a user by password, or by a valid ticket in place of it. from is the
// client's address. It fails with ErrAuthentication, or with a *ThrottledError after too
// many failures; or as ctx does while it waits to hash the password. The duration of a
// rejection does not reveal whether the user exists.
func (s *Service) Login(ctx context.Context, user, password, from string) (Identity, error) {
	if strings.HasPrefix(password, "PVE:") {
		// An invalid ticket may still be a password.
		if id, err := s.VerifyTicket(password); err == nil && id.User == user {
			return id, nil
		}
	}
	if err := s.VerifyPassword(ctx, user, password, from); err != nil {
		return Identity{}, err
	}
	return Identity{User: user}, nil
}

// VerifyPassword is Login without tickets: somebody who found a ticket must not be able to
// set another password with it.
func (s *Service) VerifyPassword(ctx context.Context, user, password, from string) error {
	if wait := s.throttle.wait(user, from, s.now()); wait > 0 {
		return &ThrottledError{wait}
	}
	if err := s.hasher.acquire(ctx, from); err != nil {
		return err
	}
	defer s.hasher.release()
	// Of many concurrent attempts most waited for a slot: by now some have failed.
	if wait := s.throttle.wait(user, from, s.now()); wait > 0 {
		return &ThrottledError{wait}
	}
	if !s.passwordFits(user, password) {
		s.throttle.fail(user, from, s.now())
		s.log.Warn("a login failed", "user", s.LogName(user), "from", from)
		return ErrAuthentication
	}
	s.throttle.succeed(user, from)
	return nil
}

func (s *Service) passwordFits(user, password string) bool {
	u := s.view().users[user]
	hashed := s.hasher.decoy
	usable := false
	if u != nil && u.Password != "" {
		p, err := parsePHC(u.Password)
		if err != nil {
			s.log.Error("a stored password is left out", "user", user, "error", err)
		} else {
			hashed, usable = p, true
		}
	}
	if len(password) > MaxPassword {
		password, usable = "", false
	}
	return hashed.matches(password) && usable && u.active(s.now())
}

// Unknown is what logs and the audit call a user name that does not exist.
const Unknown = "(unknown)"

// LogName is the name of a user for logs and the audit before authentication: Unknown if
// there is no such user. Text entered in place of a name may be a password.
func (s *Service) LogName(user string) string {
	if s.view().users[user] == nil {
		return Unknown
	}
	return user
}

// Ticket makes a ticket that admits the user for TicketLife, and the token that proves
// that a browser's write comes from the user's own page. An API token gets none, because a
// ticket has all privileges of its user; nor does a removed user.
func (s *Service) Ticket(id Identity) (ticket, csrf string) {
	u := s.view().users[id.User]
	if id.Token != "" || !u.active(s.now()) {
		return "", ""
	}
	return s.keys.signTicket(id.User, u.Epoch, s.now()), s.keys.signCSRF(id.User, s.now())
}

// VerifyTicket returns the identity of a ticket, or fails with ErrAuthentication.
func (s *Service) VerifyTicket(text string) (Identity, error) {
	t, ok := parseTicket(text)
	if !ok {
		return Identity{}, ErrAuthentication
	}
	u := s.view().users[t.user]
	var epoch string
	if u != nil {
		epoch = u.Epoch
	}
	if !s.keys.verifyTicket(t, epoch, s.now()) || !u.active(s.now()) {
		return Identity{}, ErrAuthentication
	}
	return Identity{User: t.user}, nil
}

// VerifyCSRF checks the token that comes with a write under a ticket, and fails
// with ErrAuthentication.
func (s *Service) VerifyCSRF(id Identity, token string) error {
	if id.Token != "" || !s.keys.verifyCSRF(token, id.User, s.now()) {
		return ErrAuthentication
	}
	return nil
}

// VerifyToken checks an API token, "user@realm!name" with its secret, or fails
// with ErrAuthentication.
func (s *Service) VerifyToken(tokenid, secret string) (Identity, error) {
	user, name, err := ParseTokenID(tokenid)
	if err != nil {
		return Identity{}, ErrAuthentication
	}
	v := s.view()
	t := v.tokens[tokenid]
	want := make([]byte, sha256.Size)
	if t != nil {
		want = t.Hash
	}
	got := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(got[:], want) != 1 || !t.active(s.now()) || !v.users[user].active(s.now()) {
		return Identity{}, ErrAuthentication
	}
	return Identity{User: user, Token: name}, nil
}

// Has reports whether the identity has any of the privileges on the path.
func (s *Service) Has(id Identity, path string, anyOf ...Privilege) bool {
	have, _ := s.view().privileges(id, path, s.now())
	for _, p := range anyOf {
		if have&bitOf[p] != 0 {
			return true
		}
	}
	return false
}

// HasAnywhere reports whether the identity may have any of the privileges on some path: if
// not, the path need not be determined.
func (s *Service) HasAnywhere(id Identity, anyOf ...Privilege) bool {
	return s.view().anywhere(id)&setOf(anyOf...) != 0
}

// Privileges are all that the identity has on the path; the values are true for those that
// propagate to deeper paths.
func (s *Service) Privileges(id Identity, path string) map[Privilege]bool {
	have, propagated := s.view().privileges(id, path, s.now())
	out := make(map[Privilege]bool)
	for p := range have.all() {
		out[p] = propagated&bitOf[p] != 0
	}
	return out
}
