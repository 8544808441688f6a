package access

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/store/mirror"
)

// entry reads "path type:subject role [only]"; only: it does not propagate.
func entry(s string) ACLEntry {
	f := strings.Fields(s)
	kind, name, _ := strings.Cut(f[1], ":")
	return ACLEntry{Path: f[0], Type: SubjectType(kind), Subject: name, Role: f[2], Propagate: len(f) == 3}
}

// world makes a view of entries, with users bob (groups g1, g2) and eve.
func world(entries []ACLEntry, more map[string]any) *view {
	docs := map[string]any{
		"user/bob@pve":       &userDoc{Enable: true},
		"user/eve@pve":       &userDoc{Enable: true},
		"user/off@pve":       &userDoc{},
		"user/late@pve":      &userDoc{Enable: true, Expire: noon.Unix()},
		"group/g1":           &groupDoc{Members: []string{"bob@pve"}},
		"group/g2":           &groupDoc{Members: []string{"bob@pve", "off@pve"}},
		"role/Auditor":       &roleDoc{[]Privilege{SDNAudit}},
		"token/bob@pve!sep":  &tokenDoc{Privsep: true},
		"token/bob@pve!full": &tokenDoc{},
		"token/bob@pve!late": &tokenDoc{Expire: noon.Unix()},
		"token/root@pam!sep": &tokenDoc{Privsep: true},
	}
	maps.Copy(docs, more)
	byPath := map[string]*aclDoc{}
	for _, e := range entries {
		if byPath[e.Path] == nil {
			byPath[e.Path] = &aclDoc{}
		}
		*byPath[e.Path] = append(*byPath[e.Path], aclEntryDoc{e.Type, e.Subject, e.Role, e.Propagate})
	}
	for path, doc := range byPath {
		docs["acl"+path] = doc
	}
	mirrored := map[string]mirror.Entry[any]{}
	for key, doc := range docs {
		mirrored[key] = mirror.Entry[any]{Value: doc, Revision: 7}
	}
	return compile(mirrored, nil)
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func identity(s string) Identity {
	user, token, _ := strings.Cut(s, "!")
	return Identity{user, token}
}

// shown is "SDN.Audit SDN.Use(here)": with what does not propagate marked.
func shown(have, propagated set) string {
	var out []string
	for p := range have.all() {
		name := string(p)
		if propagated&bitOf[p] == 0 {
			name += "(here)"
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

func TestEvaluation(t *testing.T) {
	const user = "SDN.Audit SDN.Use"
	for name, c := range map[string]struct {
		entries []string
		who     string
		path    string
		want    string
	}{
		"nothing":                           {nil, "bob@pve", "/sdn", ""},
		"inherited from the root":           {[]string{"/ user:bob@pve PVESDNUser"}, "bob@pve", "/sdn/zones/a", user},
		"on the root itself":                {[]string{"/ user:bob@pve PVESDNUser"}, "bob@pve", "/", user},
		"another's":                         {[]string{"/ user:bob@pve PVESDNUser"}, "eve@pve", "/sdn", ""},
		"not above":                         {[]string{"/sdn user:bob@pve PVESDNUser"}, "bob@pve", "/", ""},
		"not beside":                        {[]string{"/sdn/zones/a user:bob@pve PVESDNUser"}, "bob@pve", "/sdn/zones/ab", ""},
		"without propagation: here":         {[]string{"/sdn user:bob@pve Auditor only"}, "bob@pve", "/sdn", "SDN.Audit(here)"},
		"without propagation: below":        {[]string{"/sdn user:bob@pve Auditor only"}, "bob@pve", "/sdn/zones", ""},
		"below passes over what stays":      {[]string{"/ user:bob@pve PVESDNUser", "/sdn user:bob@pve Auditor only"}, "bob@pve", "/sdn/zones", user},
		"deeper replaces":                   {[]string{"/ user:bob@pve PVESDNUser", "/sdn user:bob@pve Auditor"}, "bob@pve", "/sdn/zones", "SDN.Audit"},
		"deeper replaces, last level":       {[]string{"/ user:bob@pve PVESDNUser", "/sdn user:bob@pve Auditor only"}, "bob@pve", "/sdn", "SDN.Audit(here)"},
		"roles add up":                      {[]string{"/sdn user:bob@pve Auditor", "/sdn user:bob@pve PVESDNUser only"}, "bob@pve", "/sdn", "SDN.Audit SDN.Use(here)"},
		"group":                             {[]string{"/sdn group:g1 PVESDNUser"}, "bob@pve", "/sdn/zones", user},
		"not a member":                      {[]string{"/sdn group:g1 PVESDNUser"}, "eve@pve", "/sdn/zones", ""},
		"groups add up":                     {[]string{"/sdn group:g1 Auditor", "/sdn group:g2 PVEPoolUser"}, "bob@pve", "/sdn", "Pool.Audit SDN.Audit"},
		"user before group":                 {[]string{"/sdn group:g1 PVESDNAdmin", "/sdn user:bob@pve Auditor"}, "bob@pve", "/sdn", "SDN.Audit"},
		"user's that stays lets group pass": {[]string{"/sdn group:g1 PVESDNUser", "/sdn user:bob@pve Auditor only"}, "bob@pve", "/sdn/zones", user},
		"deeper group before user":          {[]string{"/ user:bob@pve PVESDNUser", "/sdn group:g1 Auditor"}, "bob@pve", "/sdn", "SDN.Audit"},
		"no access":                         {[]string{"/ user:bob@pve PVESDNUser", "/sdn/zones/b user:bob@pve NoAccess"}, "bob@pve", "/sdn/zones/b/v1", ""},
		"no access beside others":           {[]string{"/sdn user:bob@pve NoAccess", "/sdn user:bob@pve PVESDNUser"}, "bob@pve", "/sdn", ""},
		"no access of one group":            {[]string{"/sdn group:g1 NoAccess", "/sdn group:g2 PVESDNUser"}, "bob@pve", "/sdn", ""},
		"no access that stays: here":        {[]string{"/ user:bob@pve PVESDNUser", "/sdn user:bob@pve NoAccess only"}, "bob@pve", "/sdn", ""},
		"no access that stays: below":       {[]string{"/ user:bob@pve PVESDNUser", "/sdn user:bob@pve NoAccess only"}, "bob@pve", "/sdn/zones", user},
		"given again below no access":       {[]string{"/ user:bob@pve NoAccess", "/sdn user:bob@pve Auditor"}, "bob@pve", "/sdn/zones", "SDN.Audit"},
		"a role that is gone":               {[]string{"/ user:bob@pve PVESDNUser", "/sdn user:bob@pve Gone"}, "bob@pve", "/sdn", ""},
		"disabled":                          {[]string{"/ group:g2 PVESDNUser"}, "off@pve", "/", ""},
		"expired":                           {[]string{"/ user:late@pve PVESDNUser"}, "late@pve", "/", ""},
		"nobody":                            {[]string{"/ user:nil@pve PVESDNUser"}, "nil@pve", "/", ""},
		"a path that is none":               {[]string{"/ user:bob@pve PVESDNUser"}, "bob@pve", "/sdn/../sdn", ""},
		"a path written otherwise":          {[]string{"/sdn user:bob@pve PVESDNUser"}, "bob@pve", "sdn//zones/", user},
		"token: nothing of its own":         {[]string{"/ user:bob@pve PVESDNUser"}, "bob@pve!sep", "/", ""},
		"token: what both have":             {[]string{"/ user:bob@pve PVESDNUser", "/sdn token:bob@pve!sep PVESDNAdmin"}, "bob@pve!sep", "/sdn/zones", user},
		"token: more than its user":         {[]string{"/ token:bob@pve!sep PVESDNAdmin"}, "bob@pve!sep", "/", ""},
		"token: its user's groups":          {[]string{"/ group:g1 PVESDNUser", "/ token:bob@pve!sep Auditor only"}, "bob@pve!sep", "/", "SDN.Audit(here)"},
		"token: all of its user":            {[]string{"/ user:bob@pve PVESDNUser"}, "bob@pve!full", "/sdn", user},
		"token: not separated, own entries": {[]string{"/ token:bob@pve!full PVESDNUser"}, "bob@pve!full", "/sdn", ""},
		"token: expired":                    {[]string{"/ user:bob@pve PVESDNUser"}, "bob@pve!late", "/", ""},
		"token: nobody's":                   {[]string{"/ user:bob@pve PVESDNUser"}, "bob@pve!nil", "/", ""},
		"token of root":                     {[]string{"/sdn token:root@pam!sep Auditor"}, "root@pam!sep", "/sdn", "SDN.Audit"},
		"token of root: nothing":            {nil, "root@pam!sep", "/sdn", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var entries []ACLEntry
			for _, s := range c.entries {
				entries = append(entries, entry(s))
			}
			if got := shown(world(entries, nil).privileges(identity(c.who), c.path, noon)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	for _, path := range []string{"/", "/sdn/zones/x", "..?"} {
		v := world([]ACLEntry{entry("/ user:root@pam NoAccess")}, map[string]any{"user/root@pam": &userDoc{Expire: 1}})
		if have, propagated := v.privileges(Identity{User: RootUser}, path, noon); have != everything || propagated != everything {
			t.Errorf("root@pam has not everything on %s", path)
		}
	}
}

func TestBuiltinRoles(t *testing.T) {
	got := map[string]string{}
	for _, id := range []string{"PVESDNAdmin", "PVESDNUser", "PVEAuditor", "PVESysAdmin", "PVEUserAdmin", "NoAccess", "PVEPoolUser"} {
		got[id] = shown(builtin[id], everything)
	}
	want := map[string]string{
		"PVESDNAdmin":  "SDN.Allocate SDN.Audit SDN.Use",
		"PVESDNUser":   "SDN.Audit SDN.Use",
		"PVEAuditor":   "Datastore.Audit Mapping.Audit Pool.Audit SDN.Audit Sys.Audit VM.Audit VM.GuestAgent.Audit",
		"PVESysAdmin":  "Sys.Audit Sys.Console Sys.Syslog",
		"PVEUserAdmin": "Group.Allocate Realm.AllocateUser User.Modify",
		"NoAccess":     "",
		"PVEPoolUser":  "Pool.Audit",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if lacks := shown(everything&^builtin["PVEAdmin"], everything); lacks != "Mapping.Modify Permissions.Modify Realm.Allocate Sys.AccessNetwork Sys.Incoming Sys.Modify Sys.PowerMgmt" {
		t.Errorf("PVEAdmin lacks %s", lacks)
	}
	if len(privileges) > 64 || len(slices.Compact(Privileges())) != len(bitOf) {
		t.Errorf("%d privileges do not fit, or one is there twice", len(privileges))
	}
}

// naive does what the rules say, one step after the other: all entries are looked
// at for every level, and roles are resolved at the end.
func naive(entries []ACLEntry, who Identity, groups []string, path string) (have, propagated map[Privilege]bool) {
	kind, name := SubjectUser, who.User
	if who.Token != "" {
		kind, name, groups = SubjectToken, who.String(), nil
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if path == "/" {
		parts = nil
	}
	roles := map[string]bool{} // to whether it propagates
	for depth := 0; depth <= len(parts); depth++ {
		level := "/" + strings.Join(parts[:depth], "/")
		own, shared := map[string]bool{}, map[string]bool{}
		for _, e := range entries {
			if e.Path != level || depth < len(parts) && !e.Propagate {
				continue
			}
			if e.Type == kind && e.Subject == name {
				own[e.Role] = own[e.Role] || e.Propagate
			}
			if e.Type == SubjectGroup && slices.Contains(groups, e.Subject) {
				shared[e.Role] = shared[e.Role] || e.Propagate
			}
		}
		if len(own) > 0 {
			roles = own
		} else if len(shared) > 0 {
			roles = shared
		}
	}
	have, propagated = map[Privilege]bool{}, map[Privilege]bool{}
	if _, barred := roles[RoleNoAccess]; barred {
		return have, propagated
	}
	for role, propagates := range roles {
		for p := range builtin[role].all() {
			have[p] = true
			propagated[p] = propagated[p] || propagates
		}
	}
	return have, propagated
}

// The index answers as the rules say, for users, members and tokens.
func TestIndexAgainstNaiveModel(t *testing.T) {
	parts := rapid.SampledFrom([]string{"sdn", "zones", "a", "ab", "b"})
	paths := rapid.Custom(func(t *rapid.T) string {
		return "/" + strings.Join(rapid.SliceOfN(parts, 0, 4).Draw(t, "parts"), "/")
	})
	subjects := []subject{{SubjectUser, "bob@pve"}, {SubjectUser, "eve@pve"}, {SubjectGroup, "g1"}, {SubjectGroup, "g2"},
		{SubjectToken, "bob@pve!sep"}, {SubjectToken, "bob@pve!full"}}
	roles := []string{"NoAccess", "PVESDNUser", "PVEAuditor", "PVESDNAdmin", "PVESysAdmin"}
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfDistinct(rapid.Custom(func(t *rapid.T) ACLEntry {
			s := rapid.SampledFrom(subjects).Draw(t, "subject")
			return ACLEntry{paths.Draw(t, "path"), s.kind, s.name, rapid.SampledFrom(roles).Draw(t, "role"), rapid.Bool().Draw(t, "propagate")}
		}), func(e ACLEntry) string { return e.String() }).Draw(t, "entries")
		v := world(entries, nil)
		path := paths.Draw(t, "asked")
		for _, who := range []string{"bob@pve", "eve@pve", "bob@pve!sep", "bob@pve!full"} {
			id := identity(who)
			var groups []string
			if id.User == "bob@pve" {
				groups = []string{"g1", "g2"}
			}
			have, propagated := naive(entries, Identity{User: id.User}, groups, path)
			if id.Token == "sep" {
				own, ownPropagated := naive(entries, id, nil, path)
				have, propagated = both(have, own), both(propagated, ownPropagated)
			}
			gotHave, gotPropagated := v.privileges(id, path, noon)
			if got, want := shown(gotHave, gotPropagated), shown(asSet(have), asSet(propagated)); got != want {
				t.Fatalf("%s on %s: got %q, want %q", who, path, got, want)
			}
		}
	})
}

func both(a, b map[Privilege]bool) map[Privilege]bool {
	out := map[Privilege]bool{}
	for p := range a {
		out[p] = a[p] && b[p]
	}
	return out
}

func asSet(m map[Privilege]bool) set {
	var s set
	for p, ok := range m {
		if ok {
			s |= setOf(p)
		}
	}
	return s
}

func BenchmarkHas(b *testing.B) {
	var entries []ACLEntry
	for i := range 1000 {
		entries = append(entries, entry(fmt.Sprintf("/sdn/zones/z%d/v%d user:bob@pve PVESDNUser", i%50, i)))
	}
	s := Service{now: func() time.Time { return noon }}
	v := world(entries, nil)
	for b.Loop() {
		if have, _ := v.privileges(Identity{User: "bob@pve"}, "/sdn/zones/z9/v9", s.now()); have == 0 {
			b.Fatal("nothing")
		}
	}
}
