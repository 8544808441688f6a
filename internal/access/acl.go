package access

import (
	"cmp"
	"fmt"
	"strings"
)

// SubjectType says what a permission is given to.
type SubjectType string

// The types of subjects.
const (
	SubjectUser  SubjectType = "user"
	SubjectGroup SubjectType = "group"
	SubjectToken SubjectType = "token"
)

// ACLEntry gives a role on a path to a user, a group or a token.
type ACLEntry struct {
	// Path is what the role is given on: "/sdn/zones/z1".
	Path string
	// Type and Subject say to whom: a user "name@realm", a group "name", a token
	// "name@realm!token".
	Type    SubjectType
	Subject string
	Role    string
	// Propagate makes the entry count below the path too.
	Propagate bool
}

// String is the entry as messages show it.
func (e ACLEntry) String() string {
	return fmt.Sprintf("%s for %s %s on %s", e.Role, e.Type, e.Subject, e.Path)
}

func (e ACLEntry) subject() subject { return subject{e.Type, e.Subject} }

// same reports whether the entries are one: only one of them can be stored.
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

// grant is what the entries of one path say of one subject.
type grant struct {
	// here are the privileges on the path itself, below those of the entries
	// that propagate.
	here, below set
	// passes is set if an entry propagates: only then does the grant take the
	// place of what deeper paths inherit.
	passes bool
	// barred and barredBelow are set if NoAccess is among the roles, and among
	// those that propagate.
	barred, barredBelow bool
}

func (g grant) and(o grant) grant {
	return grant{g.here | o.here, g.below | o.below, g.passes || o.passes, g.barred || o.barred, g.barredBelow || o.barredBelow}
}

// counts reports whether the grant says anything of the path (last) or of paths
// below it.
func (g grant) counts(last bool) bool { return last || g.passes }

// rules are the grants of all entries by path: what an access check reads.
type rules map[string]map[subject]grant

// compileRules indexes entries; a role that does not exist gives nothing.
func compileRules(entries []ACLEntry, role func(string) set) rules {
	out := make(rules)
	for _, e := range entries {
		g := grant{here: role(e.Role), barred: e.Role == RoleNoAccess}
		if e.Propagate {
			g.below, g.passes, g.barredBelow = g.here, true, g.barred
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

// privileges walks from the root down to a canonical path and returns what the
// subject has there, and what of it propagates. Each level that says anything of
// the subject replaces all that was inherited; entries of a user count before
// those of its groups.
func (r rules) privileges(path string, who subject, groups []string) (have, propagated set) {
	for end := 1; ; {
		prefix := path[:end]
		last := end == len(path)
		if g, ok := r.at(prefix, who, groups, last); ok {
			have, propagated = g.here, g.below
			if !last {
				have = g.below
			}
			if g.barred && last || g.barredBelow {
				have, propagated = 0, 0
			}
		}
		if last {
			return have, propagated
		}
		// The end of the next part; the root's slash begins it.
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

// at returns what a path's own entries say of the subject.
func (r rules) at(path string, who subject, groups []string, last bool) (grant, bool) {
	here := r[path]
	if here == nil {
		return grant{}, false
	}
	if g, ok := here[who]; ok && g.counts(last) {
		return g, true
	}
	var sum grant
	found := false
	for _, name := range groups {
		if g, ok := here[subject{SubjectGroup, name}]; ok && g.counts(last) {
			sum, found = sum.and(g), true
		}
	}
	return sum, found
}
