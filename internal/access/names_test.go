package access

import (
	"errors"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for s, ok := range map[string]bool{
		"root@pam": true, "bob@pve": true, "a.b@example.org@pve": true, "jürgen@pve": true,
		"": false, "bob": false, "@pve": false, "bob@": false, "bob@ldap": false, "b b@pve": false, "b:b@pve": false, "b/b@pve": false,
		"b!b@pve": false, "b,b@pve": false, "b\x00b@pve": false, "b\nb@pve": false, "b\xffb@pve": false,
		strings.Repeat("x", 60) + "@pve": true, strings.Repeat("x", 61) + "@pve": false,
	} {
		if _, _, err := ParseUser(s); (err == nil) != ok || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("user %q: %v", s, err)
		}
	}
	for s, ok := range map[string]bool{
		"bob@pve!ci": true, "bob@pve!c.i-1_x": true,
		"bob@pve": false, "bob@pve!": false, "bob@pve!c": false, "bob@pve!1i": false, "bob!ci": false, "bob@pve!a!b": false, "bob@pve!a b": false,
	} {
		if _, _, err := ParseTokenID(s); (err == nil) != ok || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("token %q: %v", s, err)
		}
	}
	for s, want := range map[string]string{
		"/": "/", "//": "/", "/sdn": "/sdn", "sdn": "/sdn", "/sdn/": "/sdn", "//sdn///zones//": "/sdn/zones",
		"/sdn/zones/z1/v1/100": "/sdn/zones/z1/v1/100", "/access/fd00:1::": "/access/fd00:1::", "/a/b@c": "/a/b@c",
		"": "", "/a b": "", "/a/../b": "", "/.": "", "/a\x00": "", "/ä": "", "/a?b": "", "/a%2fb": "",
		"/" + strings.Repeat("x", 511): "/" + strings.Repeat("x", 511), "/" + strings.Repeat("x", 512): "",
	} {
		got, err := ParsePath(s)
		if got != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("path %q: %q, %v", s, got, err)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"/", "", "/sdn/zones/z1", "sdn//", "/..", "/a/./b", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePath(s)
		if err != nil {
			return
		}
		if again, err := ParsePath(p); again != p || err != nil || !canonical(p) {
			t.Errorf("%q became %q, which becomes %q (%v)", s, p, again, err)
		}
		if len(p) > maxPath || p[0] != '/' || strings.Contains(p, "//") || p != "/" && strings.HasSuffix(p, "/") {
			t.Errorf("%q became %q", s, p)
		}
	})
}

func FuzzParseTokenID(f *testing.F) {
	for _, s := range []string{"root@pam!ci", "root@pam!", "a@b@pve!x.y", "!", "@pve!ab"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		user, name, err := ParseTokenID(s)
		if err != nil {
			return
		}
		if (Identity{user, name}).String() != s || len(s) > maxTokenID {
			t.Errorf("%q came apart as %q and %q", s, user, name)
		}
		if _, _, err := ParseUser(user); err != nil {
			t.Error(err)
		}
	})
}
