package access

import (
	"slices"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/store/mirror"
)

// view is the state at one moment, indexed for checks. It is immutable.
type view struct {
	users  map[string]*userEntry
	groups map[string]*groupEntry
	roles  map[string]roleEntry
	tokens map[string]*tokenEntry
	acl    map[string][]ACLEntry // by path, sorted
	rules  rules
	// most are the privileges that a subject has on any path, without regard to NoAccess.
	most map[subject]set
	// changed is the revision of the last change.
	changed int64
	// stale is closed as soon as there is a newer view.
	stale <-chan struct{}
}

type userEntry struct {
	userDoc
	groups   []string // sorted
	revision int64
}

type groupEntry struct {
	groupDoc
	revision int64
}

type roleEntry struct {
	privileges set
	builtin    bool
	revision   int64
}

type tokenEntry struct {
	tokenDoc
	revision int64
}

// compile indexes what the mirror has; names are keys without the prefix.
func compile(entries map[string]mirror.Entry[any], stale <-chan struct{}) *view {
	v := &view{
		users: make(map[string]*userEntry), groups: make(map[string]*groupEntry), roles: make(map[string]roleEntry),
		tokens: make(map[string]*tokenEntry), acl: make(map[string][]ACLEntry), stale: stale,
	}
	for id, privileges := range builtin {
		v.roles[id] = roleEntry{privileges: privileges, builtin: true}
	}
	var all []ACLEntry
	for key, e := range entries {
		_, name, _ := strings.Cut(key, "/")
		switch doc := e.Value.(type) {
		case *userDoc:
			v.users[name] = &userEntry{userDoc: *doc, revision: e.Revision}
		case *groupDoc:
			v.groups[name] = &groupEntry{*doc, e.Revision}
		case *roleDoc:
			if _, ok := builtin[name]; !ok {
				v.roles[name] = roleEntry{privileges: setOf(doc.Privileges...), revision: e.Revision}
			}
		case *tokenDoc:
			v.tokens[name] = &tokenEntry{*doc, e.Revision}
		case *aclDoc:
			path := "/" + name
			for _, d := range *doc {
				v.acl[path] = append(v.acl[path], ACLEntry{path, d.Type, d.Subject, d.Role, d.Propagate})
			}
			all = append(all, v.acl[path]...)
		case *changedDoc:
			v.changed = e.Revision
		}
	}
	// Even if their record is damaged.
	root := v.users[RootUser]
	if root == nil {
		root = &userEntry{}
		v.users[RootUser] = root
	}
	root.Enable, root.Expire = true, 0
	for id, g := range v.groups {
		for _, m := range g.Members {
			if u := v.users[m]; u != nil {
				u.groups = append(u.groups, id)
			}
		}
	}
	for _, u := range v.users {
		slices.Sort(u.groups)
	}
	v.rules = compileRules(all, func(id string) set { return v.roles[id].privileges })
	v.most = make(map[subject]set)
	for _, e := range all {
		v.most[e.subject()] |= v.roles[e.Role].privileges
	}
	return v
}

// active reports whether the user may do anything at all.
func (u *userEntry) active(now time.Time) bool {
	return u != nil && u.Enable && (u.Expire == 0 || now.Unix() < u.Expire)
}

func (t *tokenEntry) active(now time.Time) bool {
	return t != nil && (t.Expire == 0 || now.Unix() < t.Expire)
}

// privileges returns the privileges of an identity on a path, and those of them that
// propagate.
func (v *view) privileges(id Identity, path string, now time.Time) (have, propagated set) {
	u := v.users[id.User]
	if !u.active(now) {
		return 0, 0
	}
	var t *tokenEntry
	if id.Token != "" {
		if t = v.tokens[id.String()]; !t.active(now) {
			return 0, 0
		}
	}
	path, err := ParsePath(path)
	switch {
	case id.User == RootUser:
		have, propagated = everything, everything
	case err != nil:
		return 0, 0
	default:
		have, propagated = v.rules.privileges(path, subject{SubjectUser, id.User}, u.groups)
	}
	if t != nil && t.Privsep {
		if err != nil {
			return 0, 0
		}
		own, ownPropagated := v.rules.privileges(path, subject{SubjectToken, id.String()}, nil)
		have, propagated = have&own, propagated&ownPropagated
	}
	return have, propagated
}

// anywhere returns a superset of the privileges of an identity on any path.
func (v *view) anywhere(id Identity) set {
	have := v.most[subject{SubjectUser, id.User}]
	if u := v.users[id.User]; u != nil {
		for _, g := range u.groups {
			have |= v.most[subject{SubjectGroup, g}]
		}
	}
	if id.User == RootUser {
		have = everything
	}
	if t := v.tokens[id.String()]; id.Token != "" && (t == nil || t.Privsep) {
		have &= v.most[subject{SubjectToken, id.String()}]
	}
	return have
}
