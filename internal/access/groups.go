package access

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Group is a set of users that permissions can be given to.
type Group struct {
	// ID is its name.
	ID      string
	Comment string
	// Members are sorted. PutGroup ignores them: PutUser puts users into groups.
	Members []string
	// Revision identifies the state of the group; 0 makes a new one.
	Revision int64
}

// Groups returns all groups, sorted by name.
func (s *Service) Groups() []Group {
	v := s.view()
	out := make([]Group, 0, len(v.groups))
	for _, id := range slices.Sorted(maps.Keys(v.groups)) {
		out = append(out, v.groups[id].public(id))
	}
	return out
}

// Group returns a group, or ErrNotFound.
func (s *Service) Group(id string) (Group, error) {
	g := s.view().groups[id]
	if g == nil {
		return Group{}, notFound("group", id)
	}
	return g.public(id), nil
}

func (g *groupEntry) public(id string) Group {
	return Group{id, g.Comment, slices.Clone(g.Members), g.revision}
}

// PutGroup adds a group with Revision 0, or else changes the one that was read with that
// Revision. It fails with ErrExists, ErrNotFound, ErrChanged or ErrInvalid.
func (s *Service) PutGroup(ctx context.Context, g Group) error {
	if !isName(g.ID, maxName) {
		return invalid("", "group", g.ID, fmt.Sprintf("must be letters, digits, dots, hyphens and underscores, at most %d", maxName))
	}
	if err := checkText("group "+g.ID, "comment", g.Comment); err != nil {
		return err
	}
	return s.change(ctx, func(v *view) ([]store.Op, error) {
		old := v.groups[g.ID]
		if old == nil {
			old = &groupEntry{}
			if g.Revision != 0 {
				return nil, notFound("group", g.ID)
			}
		} else if err := sameRevision("group", g.ID, old.revision, g.Revision); err != nil {
			return nil, err
		}
		op, err := put(prefixGroup+g.ID, groupDoc{g.Comment, old.Members})
		return []store.Op{op}, err
	})
}

// DeleteGroup removes a group and its permissions, or fails with ErrNotFound. Its members
// stay.
func (s *Service) DeleteGroup(ctx context.Context, id string) error {
	return s.change(ctx, func(v *view) ([]store.Op, error) {
		if v.groups[id] == nil {
			return nil, notFound("group", id)
		}
		rest, err := v.withoutSubjects(map[subject]bool{{SubjectGroup, id}: true})
		return append(rest, store.Delete(prefixGroup+id)), err
	})
}

// Roles returns all roles, sorted by name, including the built-in ones.
func (s *Service) Roles() []Role {
	v := s.view()
	out := make([]Role, 0, len(v.roles))
	for _, id := range slices.Sorted(maps.Keys(v.roles)) {
		out = append(out, v.roles[id].public(id))
	}
	return out
}

// Role returns a role, or ErrNotFound.
func (s *Service) Role(id string) (Role, error) {
	r, ok := s.view().roles[id]
	if !ok {
		return Role{}, notFound("role", id)
	}
	return r.public(id), nil
}

func (r roleEntry) public(id string) Role {
	return Role{id, slices.Collect(r.privileges.all()), r.builtin, r.revision}
}

// PutRole adds a role with Revision 0, or else changes the one that was read with that
// Revision. It fails with ErrExists, ErrNotFound, ErrChanged or ErrInvalid, the latter
// also for a built-in role.
func (s *Service) PutRole(ctx context.Context, r Role) error {
	if err := checkRole(r); err != nil {
		return err
	}
	doc := roleDoc{slices.Collect(setOf(r.Privileges...).all())}
	return s.change(ctx, func(v *view) ([]store.Op, error) {
		old, ok := v.roles[r.ID]
		if !ok && r.Revision != 0 {
			return nil, notFound("role", r.ID)
		}
		if ok {
			if err := sameRevision("role", r.ID, old.revision, r.Revision); err != nil {
				return nil, err
			}
		}
		op, err := put(prefixRole+r.ID, doc)
		return []store.Op{op}, err
	})
}

// DeleteRole removes a role, or fails with ErrNotFound; with ErrInUse while an entry gives
// it; with ErrInvalid if it is built in.
func (s *Service) DeleteRole(ctx context.Context, id string) error {
	if _, ok := builtin[id]; ok {
		return fmt.Errorf("role %s is built in, and removing it is %w; built in are %s", id, ErrInvalid, strings.Join(builtinNames(), ", "))
	}
	return s.change(ctx, func(v *view) ([]store.Op, error) {
		if _, ok := v.roles[id]; !ok {
			return nil, notFound("role", id)
		}
		if users := v.withRole(id); len(users) > 0 {
			return nil, fmt.Errorf("role %s is %w: %s; take it away first with: viaduct acl delete", id, ErrInUse, listEntries(users))
		}
		return []store.Op{store.Delete(prefixRole + id)}, nil
	})
}

// listEntries names a bounded number of entries.
func listEntries(entries []ACLEntry) string {
	const most = 10
	var names []string
	for _, e := range entries[:min(most, len(entries))] {
		names = append(names, fmt.Sprintf("%s %s on %s", e.Type, e.Subject, e.Path))
	}
	if len(entries) > most {
		names = append(names, fmt.Sprintf("and %d more", len(entries)-most))
	}
	return strings.Join(names, ", ")
}
