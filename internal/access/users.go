package access

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// User is a person who may log in.
type User struct {
	// ID is "name@realm".
	ID string
	// Enable is false for a user without access for now.
	Enable bool
	// Expire is when the user's access ends, in seconds since 1970; 0 is never.
	Expire                              int64
	Comment, Email, FirstName, LastName string
	// Groups are sorted.
	Groups []string
	// HasPassword is true if a password was set. PutUser ignores it.
	HasPassword bool
	// Revision identifies the state of the user; 0 makes a new one.
	Revision int64
}

func (u *userEntry) public(id string) User {
	return User{
		ID: id, Enable: u.Enable, Expire: u.Expire, Comment: u.Comment, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName,
		Groups: slices.Clone(u.groups), HasPassword: u.Password != "", Revision: u.revision,
	}
}

// Users returns all users, sorted by ID.
func (s *Service) Users() []User {
	v := s.view()
	out := make([]User, 0, len(v.users))
	for _, id := range slices.Sorted(maps.Keys(v.users)) {
		out = append(out, v.users[id].public(id))
	}
	return out
}

// User returns a user, or ErrNotFound.
func (s *Service) User(id string) (User, error) {
	u := s.view().users[id]
	if u == nil {
		return User{}, notFound("user", id)
	}
	return u.public(id), nil
}

// PutUser adds a user with Revision 0, or else changes the one that was read with that
// Revision, provided that it is unchanged. It fails with ErrExists, ErrNotFound,
// ErrChanged or ErrInvalid.
func (s *Service) PutUser(ctx context.Context, u User) error {
	if err := checkUser(u); err != nil {
		return err
	}
	return s.change(ctx, func(v *view) ([]store.Op, error) {
		old := v.users[u.ID]
		if old == nil {
			old = &userEntry{userDoc: userDoc{Epoch: newUUID()}}
			if u.Revision != 0 {
				return nil, notFound("user", u.ID)
			}
		} else if err := sameRevision("user", u.ID, old.revision, u.Revision); err != nil {
			return nil, err
		}
		doc := old.userDoc // with password and epoch
		doc.Enable, doc.Expire, doc.Comment = u.Enable, u.Expire, u.Comment
		doc.Email, doc.FirstName, doc.LastName = u.Email, u.FirstName, u.LastName
		op, err := put(prefixUser+u.ID, doc)
		if err != nil {
			return nil, err
		}
		ops, err := v.regroup(u.ID, old.groups, u.Groups)
		return append(ops, op), err
	})
}

func checkUser(u User) error {
	if _, _, err := ParseUser(u.ID); err != nil {
		return err
	}
	object := "user " + u.ID
	if u.ID == RootUser && (!u.Enable || u.Expire != 0) {
		return fmt.Errorf("%s: disabling it or giving it an end is %w: somebody must be able to repair everything", object, ErrInvalid)
	}
	for _, text := range []struct{ field, value string }{{"comment", u.Comment}, {"firstname", u.FirstName}, {"lastname", u.LastName}} {
		if err := checkText(object, text.field, text.value); err != nil {
			return err
		}
	}
	if err := checkEmail(object, u.Email); err != nil {
		return err
	}
	return checkExpire(object, u.Expire)
}

// regroup moves a user between groups.
func (v *view) regroup(user string, from, to []string) ([]store.Op, error) {
	var ops []store.Op
	write := func(id string, members []string) error {
		op, err := put(prefixGroup+id, groupDoc{v.groups[id].Comment, members})
		ops = append(ops, op)
		return err
	}
	for _, id := range from {
		if slices.Contains(to, id) {
			continue
		}
		rest := slices.DeleteFunc(slices.Clone(v.groups[id].Members), func(m string) bool { return m == user })
		if err := write(id, rest); err != nil {
			return nil, err
		}
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(to))) {
		g := v.groups[id]
		if g == nil {
			return nil, invalid("user "+user, "group", id, "must be a group that exists; list them with: viaduct group list")
		}
		if slices.Contains(from, id) {
			continue
		}
		members := append(slices.Clone(g.Members), user)
		slices.Sort(members)
		if err := write(id, members); err != nil {
			return nil, err
		}
	}
	return ops, nil
}

// DeleteUser removes a user with their tokens and permissions, or fails with ErrNotFound;
// root@pam cannot be removed (ErrInvalid).
func (s *Service) DeleteUser(ctx context.Context, id string) error {
	if id == RootUser {
		return fmt.Errorf("user %s: removing it is %w: somebody must be able to repair everything", id, ErrInvalid)
	}
	return s.change(ctx, func(v *view) ([]store.Op, error) {
		u := v.users[id]
		if u == nil {
			return nil, notFound("user", id)
		}
		ops, err := v.regroup(id, u.groups, nil)
		if err != nil {
			return nil, err
		}
		removed := map[subject]bool{{SubjectUser, id}: true}
		for _, t := range v.tokensOf(id) {
			removed[subject{SubjectToken, t}] = true
			ops = append(ops, store.Delete(prefixToken+t))
		}
		rest, err := v.withoutSubjects(removed)
		return append(append(ops, store.Delete(prefixUser+id)), rest...), err
	})
}

// SetPassword sets a user's password and ends their tickets. It fails with ErrNotFound, or
// with ErrInvalid if the password is too short or too long.
func (s *Service) SetPassword(ctx context.Context, id, password string) error {
	if err := checkPassword(id, password); err != nil {
		return err
	}
	if _, err := s.User(id); err != nil { // before the work
		return err
	}
	if err := s.hasher.acquire(ctx, ""); err != nil {
		return err
	}
	hashed, err := newPHC(password, s.hasher.cost)
	s.hasher.release()
	if err != nil {
		return fmt.Errorf("hashing a password: %w", err)
	}
	return s.changeUser(ctx, id, func(doc *userDoc) error {
		doc.Password, doc.Epoch, doc.Link = hashed.String(), newUUID(), nil
		return nil
	})
}

// notFound is the error of a missing object.
func notFound(kind, id string) error {
	return fmt.Errorf("%s %s %w; list what there is with: viaduct %s list", kind, id, ErrNotFound, kind)
}

// sameRevision compares the revision of what exists with that of what is put.
func sameRevision(kind, id string, stored, given int64) error {
	switch given {
	case stored:
		return nil
	case 0:
		return fmt.Errorf("%s %s %w; change it with: viaduct %s set", kind, id, ErrExists, kind)
	}
	return fmt.Errorf("%s %s was %w: read it again", kind, id, ErrChanged)
}
