package access

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// ACL returns all entries, sorted by path, type, subject and role.
func (s *Service) ACL() []ACLEntry {
	v := s.view()
	out := []ACLEntry{}
	for _, path := range slices.Sorted(maps.Keys(v.acl)) {
		out = append(out, v.acl[path]...)
	}
	return out
}

// SetACL adds entries, all or none. An existing entry gets the given Propagate. Paths are
// normalized as in ParsePath. It fails with ErrInvalid if a path is invalid, or if a role
// or a subject does not exist.
func (s *Service) SetACL(ctx context.Context, entries ...ACLEntry) error {
	_, err := s.EditACL(ctx, entries, nil)
	return err
}

// DeleteACL removes entries, regardless of their Propagate, and returns how many existed.
// Missing entries are no error.
func (s *Service) DeleteACL(ctx context.Context, entries ...ACLEntry) (int, error) {
	return s.EditACL(ctx, nil, entries)
}

// EditACL adds and removes entries in one transaction, as SetACL and DeleteACL do. An
// entry in both exists afterwards.
func (s *Service) EditACL(ctx context.Context, add, remove []ACLEntry) (removed int, err error) {
	for _, list := range []*[]ACLEntry{&add, &remove} {
		if *list, err = withPaths(*list); err != nil {
			return 0, err
		}
	}
	err = s.change(ctx, func(v *view) ([]store.Op, error) {
		removed = 0
		acl := make(map[string][]ACLEntry) // the paths that change
		at := func(path string) []ACLEntry {
			if list, ok := acl[path]; ok {
				return list
			}
			return slices.Clone(v.acl[path])
		}
		for _, e := range remove {
			before := at(e.Path)
			after := slices.DeleteFunc(before, e.same)
			removed += len(before) - len(after)
			acl[e.Path] = after
		}
		for _, e := range add {
			if err := v.checkEntry(e); err != nil {
				return nil, err
			}
			acl[e.Path] = append(slices.DeleteFunc(at(e.Path), e.same), e)
		}
		return v.write(acl)
	})
	return removed, err
}

func withPaths(entries []ACLEntry) ([]ACLEntry, error) {
	out := slices.Clone(entries)
	for i, e := range out {
		path, err := ParsePath(e.Path)
		if err != nil {
			return nil, err
		}
		out[i].Path = path
	}
	return out, nil
}

func (v *view) checkEntry(e ACLEntry) error {
	object := "permission on " + e.Path
	if _, ok := v.roles[e.Role]; !ok {
		return invalid(object, "role", e.Role, "must be a role that exists; list them with: viaduct role list")
	}
	exists := false
	switch e.Type {
	case SubjectUser:
		exists = v.users[e.Subject] != nil
	case SubjectGroup:
		exists = v.groups[e.Subject] != nil
	case SubjectToken:
		exists = v.tokens[e.Subject] != nil
	default:
		return invalid(object, "type", string(e.Type), "must be user, group or token")
	}
	if !exists {
		return invalid(object, string(e.Type), e.Subject, fmt.Sprintf("must be one that exists; list them with: viaduct %s list", e.Type))
	}
	return nil
}

// write stores the entries of changed paths.
func (v *view) write(acl map[string][]ACLEntry) ([]store.Op, error) {
	var ops []store.Op
	for _, path := range slices.Sorted(maps.Keys(acl)) {
		list := acl[path]
		slices.SortFunc(list, compareEntries)
		key := prefixACL + path
		switch {
		case slices.Equal(list, v.acl[path]):
		case len(list) == 0:
			ops = append(ops, store.Delete(key))
		default:
			doc := make(aclDoc, len(list))
			for i, e := range list {
				doc[i] = aclEntryDoc{e.Type, e.Subject, e.Role, e.Propagate}
			}
			op, err := put(key, doc)
			if err != nil {
				return nil, err
			}
			ops = append(ops, op)
		}
	}
	return ops, nil
}

// withoutSubjects removes the entries of removed subjects.
func (v *view) withoutSubjects(removed map[subject]bool) ([]store.Op, error) {
	acl := make(map[string][]ACLEntry)
	for path, list := range v.acl {
		if slices.ContainsFunc(list, func(e ACLEntry) bool { return removed[e.subject()] }) {
			acl[path] = slices.DeleteFunc(slices.Clone(list), func(e ACLEntry) bool { return removed[e.subject()] })
		}
	}
	return v.write(acl)
}

// withRole returns the entries that give a role.
func (v *view) withRole(id string) []ACLEntry {
	var out []ACLEntry
	for _, path := range slices.Sorted(maps.Keys(v.acl)) {
		for _, e := range v.acl[path] {
			if e.Role == id {
				out = append(out, e)
			}
		}
	}
	return out
}
