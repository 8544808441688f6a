package access

import (
	"cmp"
	"fmt"
	"strings"
)

// SubjectType is the type of the subject of a permission.
type SubjectType string

// The types of subjects.
const (
	SubjectUser  SubjectType = "user"
	SubjectGroup SubjectType = "group"
	SubjectToken SubjectType = "token"
)

// ACLEntry gives a role on a path to a user, a group or a token.
type ACLEntry struct {
	// Path is the path of the permission: "/sdn/zones/z1".
	Path string
	// Type and Subject identify the subject: a user "name@realm", a group "name", a token
	// "name@realm!token".
	Type    SubjectType
	Subject string
	Role    string
	// Propagate makes the entry apply below the path too.
	Propagate bool
}

// String returns the entry as messages show it.
func (e ACLEntry) String() string {
	return fmt.Sprintf("%s for %s %s on %s", e.Role, e.Type, e.Subject, e.Path)
}

func (e ACLEntry) subject() subject { return subject{e.Type, e.Subject} }

// same reports whether the entries are identical for the store: only one of them can be
// stored.
func (e ACLEntry) same(o ACLEntry) bool {
	return e.Path == o.Path && e.subject() == o.subject() && e.Role == o.Role
}

func compareEntries(a, b ACLEntry) int {
	return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(string(a.Type), string(b.Type)),
		strings.Compare(a.Subject, b.Subject), strings.Compare(a.Role, b.Role))
}

type subject struct {
	kind SubjectType
	name string
}

// grant is the combination of the entries of one path for one subject.
type grant struct {
	// self are the privileges on the path, below those of the entries that propagate.
	self, below set
	// propagates is set if an entry propagates: only then does the grant replace what
	// deeper paths inherit.
	propagates bool
	// denied and deniedBelow are set if NoAccess is among the roles, and among those that
	// propagate.
	denied, deniedBelow bool
}

func (g grant) and(o grant) grant {
	return grant{g.self | o.self, g.below | o.below, g.propagates || o.propagates, g.denied || o.denied, g.deniedBelow || o.deniedBelow}
}

// applies reports whether the grant applies to the path (last) or to paths below it.
func (g grant) applies(last bool) bool { return last || g.propagates }

// rules are the grants of all entries by path: what an access check reads.
type rules map[string]map[subject]grant

// compileRules indexes entries; a role that does not exist gives nothing.
func compileRules(entries []ACLEntry, role func(string) set) rules {
	out := make(rules)
	for _, e := range entries {
		g := grant{self: role(e.Role), denied: e.Role == RoleNoAccess}
		if e.Propagate {
			g.below, g.propagates, g.deniedBelow = g.self, true, g.denied
		}
		at := out[e.Path]
		if at == nil {
			at = make(map[subject]grant)
			out[e.Path] = at
		}
		at[e.subject()] = at[e.subject()].and(g)
	}
	return out
}

// privileges walks from the root down to a canonical path and returns the subject's
// privileges there, and those of them that propagate. Each level with an entry for the
// subject replaces everything inherited; entries of a user have precedence over those of
// its groups.
func (r rules) privileges(path string, who subject, groups []string) (have, propagated set) {
	for end := 1; ; {
		prefix := path[:end]
		last := end == len(path)
		if g, ok := r.at(prefix, who, groups, last); ok {
			have, propagated = g.self, g.below
			if !last {
				have = g.below
			}
			if g.denied && last || g.deniedBelow {
				have, propagated = 0, 0
			}
		}
		if last {
			return have, propagated
		}
		// The end of the next part; it begins with the root's slash.
		begin := end
		if end > 1 {
			begin++
		}
		if i := strings.IndexByte(path[begin:], '/'); i >= 0 {
			end = begin + i
		} else {
			end = len(path)
		}
	}
}

// at returns the grant of a path's own entries to the subject.
func (r rules) at(path string, who subject, groups []string, last bool) (grant, bool) {
	self := r[path]
	if self == nil {
		return grant{}, false
	}
	if g, ok := self[who]; ok && g.applies(last) {
		return g, true
	}
	var sum grant
	found := false
	for _, name := range groups {
		if g, ok := self[subject{SubjectGroup, name}]; ok && g.applies(last) {
			sum, found = sum.and(g), true
		}
	}
	return sum, found
}
