package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Token allows a program to act for a user without the password.
type Token struct {
	// User is the owner of the token, Name its own name.
	User, Name string
	// Expire is the end of its validity, in seconds since 1970; 0 is never.
	Expire  int64
	Comment string
	// Privsep gives the token only the privileges that both the token itself and the user
	// have. Without, it has all privileges of the user.
	Privsep bool
	// Revision identifies the state of the token.
	Revision int64
}

// ID is "user@realm!name".
func (t Token) ID() string { return t.User + "!" + t.Name }

func (t *tokenEntry) public(id string) Token {
	user, name, _ := strings.Cut(id, "!")
	return Token{user, name, t.Expire, t.Comment, t.Privsep, t.revision}
}

// Tokens returns the tokens of a user, or all for an empty one, sorted by ID. A user who
// does not exist has none.
func (s *Service) Tokens(user string) []Token {
	v := s.view()
	out := []Token{}
	for _, id := range v.tokensOf(user) {
		out = append(out, v.tokens[id].public(id))
	}
	return out
}

// tokensOf returns the IDs of a user's tokens, or of all, sorted.
func (v *view) tokensOf(user string) []string {
	ids := slices.Sorted(maps.Keys(v.tokens))
	if user == "" {
		return ids
	}
	return slices.DeleteFunc(ids, func(id string) bool { return !strings.HasPrefix(id, user+"!") })
}

// Token returns a token by its ID, or ErrNotFound.
func (s *Service) Token(id string) (Token, error) {
	t := s.view().tokens[id]
	if t == nil {
		return Token{}, notFound("token", id)
	}
	return t.public(id), nil
}

// CreateToken makes a token and returns its secret, which is not stored: only its hash is.
// It fails with ErrExists, ErrInvalid, or ErrNotFound for the user.
func (s *Service) CreateToken(ctx context.Context, t Token) (secret string, err error) {
	if err := checkToken(t); err != nil {
		return "", err
	}
	secret = newUUID()
	hash := sha256.Sum256([]byte(secret))
	err = s.change(ctx, func(v *view) ([]store.Op, error) {
		if v.users[t.User] == nil {
			return nil, notFound("user", t.User)
		}
		if v.tokens[t.ID()] != nil {
			return nil, fmt.Errorf("token %s %w; delete it first if its secret is lost: viaduct token delete %s %s", t.ID(), ErrExists, t.User, t.Name)
		}
		op, err := put(prefixToken+t.ID(), tokenDoc{hash[:], t.Expire, t.Comment, t.Privsep})
		return []store.Op{op}, err
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// PutToken changes everything in a token except its secret, provided that it is unchanged
// since it was read. It fails with ErrNotFound, ErrChanged or ErrInvalid.
func (s *Service) PutToken(ctx context.Context, t Token) error {
	if err := checkToken(t); err != nil {
		return err
	}
	return s.change(ctx, func(v *view) ([]store.Op, error) {
		old := v.tokens[t.ID()]
		if old == nil {
			return nil, notFound("token", t.ID())
		}
		if old.revision != t.Revision {
			return nil, fmt.Errorf("token %s was %w: read it again", t.ID(), ErrChanged)
		}
		op, err := put(prefixToken+t.ID(), tokenDoc{old.Hash, t.Expire, t.Comment, t.Privsep})
		return []store.Op{op}, err
	})
}

// DeleteToken removes a token and its permissions, or fails with ErrNotFound.
func (s *Service) DeleteToken(ctx context.Context, id string) error {
	return s.change(ctx, func(v *view) ([]store.Op, error) {
		if v.tokens[id] == nil {
			return nil, notFound("token", id)
		}
		rest, err := v.withoutSubjects(map[subject]bool{{SubjectToken, id}: true})
		return append(rest, store.Delete(prefixToken+id)), err
	})
}

func checkToken(t Token) error {
	if _, _, err := ParseTokenID(t.ID()); err != nil {
		return err
	}
	object := "token " + t.ID()
	if err := checkText(object, "comment", t.Comment); err != nil {
		return err
	}
	return checkExpire(object, t.Expire)
}

// newUUID makes a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: the program ends before
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
