package pveapi_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/access"
)

// do makes a call that has to succeed.
func (e *env) do(t testing.TB, auth, method, path, body string) any {
	t.Helper()
	got := e.call(t, auth, method, path, body)
	if got.Status != 200 {
		t.Fatalf("%s %s: %d %s", method, path, got.Status, got.body)
	}
	return got.Data
}

func TestUsers(t *testing.T) {
	e := newEnv(t, nil)
	root := e.user(t, access.RootUser, "", "")
	e.do(t, root, "POST", "/access/groups", "groupid=ops&comment=Operators")
	e.do(t, root, "POST", "/access/groups", "groupid=dev")
	e.do(t, root, "POST", "/access/users", "userid=carol@pve&password=long+enough+to+be&comment=Hi&email=c@example.com&firstname=Carol&groups=ops&expire=0")
	want := object{"enable": 1.0, "expire": 0.0, "comment": "Hi", "email": "c@example.com", "firstname": "Carol", "groups": []any{"ops"}, "tokens": object{}}
	if diff := cmp.Diff(any(want), e.get(t, root, "/access/users/carol@pve")); diff != "" {
		t.Error(diff)
	}
	e.login(t, "username=carol@pve&password=long+enough+to+be")
	e.do(t, root, "PUT", "/access/users/carol@pve", "enable=0&groups=dev&append=1&comment=")
	want = object{"enable": 0.0, "expire": 0.0, "email": "c@example.com", "firstname": "Carol", "groups": []any{"dev", "ops"}, "tokens": object{}}
	if diff := cmp.Diff(any(want), e.get(t, root, "/access/users/carol@pve")); diff != "" {
		t.Error(diff)
	}
	e.do(t, root, "PUT", "/access/users/carol@pve", "groups=dev&expire=99999999999&enable=1")
	if got := e.get(t, root, "/access/groups/dev"); !cmp.Equal(got, any(object{"members": []any{"carol@pve"}})) {
		t.Errorf("%v", got)
	}
	list := e.get(t, root, "/access/users?full=1").([]any)
	if got := column(list, "userid"); !slices.Equal(got, []string{"carol@pve", "root@pam"}) {
		t.Errorf("%q", got)
	}
	carol := object{
		"userid": "carol@pve", "enable": 1.0, "expire": 99999999999.0, "email": "c@example.com", "firstname": "Carol",
		"realm-type": "pve", "groups": "dev", "tokens": []any{},
	}
	if diff := cmp.Diff(any(carol), list[0]); diff != "" {
		t.Error(diff)
	}
	if got := e.get(t, root, "/access/users?enabled=0").([]any); len(got) != 0 {
		t.Errorf("%v", got)
	}
	for body, want := range map[string]int{
		"userid=carol@pve":                              500, // already exists
		"userid=dave@ldap":                              500,
		"userid=da:ve@pve":                              400,
		"userid=" + strings.Repeat("d", 70) + "@pve":    400,
		"userid=dave@pve&password=x":                    400, // too short
		"userid=dave@pve&groups=nosuch":                 500,
		"userid=dave@pve&email=nonsense":                500,
		"userid=dave@pve&expire=-1":                     400,
		"userid=dave@pve&expire=99999999999999999999":   400,
		"userid=dave@pve&keys=x&comment=a%0ab&enable=2": 400,
	} {
		if got := e.call(t, root, "POST", "/access/users", body); got.Status != want {
			t.Errorf("%s: %d %s", body, got.Status, got.body)
		}
	}
	if got := e.call(t, root, "GET", "/access/users/dave@pve", ""); got.Status != 500 || !strings.Contains(got.Reason, "does not exist") {
		t.Errorf("%s", got.body)
	}
	e.do(t, root, "DELETE", "/access/users/carol@pve", "")
	if got := e.get(t, root, "/access/groups").([]any); !cmp.Equal(got[1], any(object{"groupid": "ops", "comment": "Operators", "users": ""})) {
		t.Errorf("%v", got)
	}
	e.do(t, root, "PUT", "/access/groups/ops", "comment=x")
	e.do(t, root, "DELETE", "/access/groups/ops", "")
	if got := e.call(t, root, "DELETE", "/access/users/root@pam", ""); got.Status != 400 {
		t.Errorf("%s", got.body)
	}
}

func TestTokens(t *testing.T) {
	e := newEnv(t, nil)
	root := e.user(t, access.RootUser, "", "")
	alice := e.user(t, "alice@pve", "/sdn", "PVESDNAdmin") // a token without privileges of its own
	const path = "/access/users/alice@pve/token/"
	got := e.do(t, alice, "POST", path+"t1", "comment=hello&expire=99999999999").(object)
	secret, _ := got["value"].(string)
	info := object{"privsep": 1.0, "expire": 99999999999.0, "comment": "hello"}
	if diff := cmp.Diff(any(object{"full-tokenid": "alice@pve!t1", "value": secret, "info": info}), any(got)); diff != "" || len(secret) != 36 {
		t.Error(diff)
	}
	if got := e.get(t, root, path+"t1"); !cmp.Equal(got, any(info)) {
		t.Errorf("%v", got)
	}
	separated := "PVEAPIToken=alice@pve!t1=" + secret
	// A token that is kept to its own privileges is not the user, for it could
	// make itself one that has them all.
	for _, call := range [][2]string{{"POST", path + "t2"}, {"PUT", path + "t1"}, {"DELETE", path + "test"}, {"GET", path + "test"}} {
		if got := e.call(t, separated, call[0], call[1], ""); got.Status != 403 {
			t.Errorf("%v: %d %s", call, got.Status, got.body)
		}
	}
	if got := e.get(t, separated, "/access/permissions"); !cmp.Equal(got, any(object{})) {
		t.Errorf("%v", got)
	}
	if got := e.get(t, alice, "/access/permissions").(object); !cmp.Equal(got["/sdn"], any(object{"SDN.Allocate": 1.0, "SDN.Audit": 1.0, "SDN.Use": 1.0})) {
		t.Errorf("%v", got)
	}
	e.do(t, alice, "PUT", path+"t1", "privsep=0&comment=")
	if got := column(e.get(t, separated, path[:len(path)-1]), "tokenid"); !slices.Equal(got, []string{"t1", "test"}) {
		t.Errorf("%q", got)
	}
	if got := e.call(t, alice, "POST", path+"t1", ""); got.Status != 500 || !strings.Contains(got.Reason, "already exists") {
		t.Errorf("%s", got.body)
	}
	if got := e.call(t, alice, "POST", "/access/users/root@pam/token/t1", ""); got.Status != 403 {
		t.Errorf("%s", got.body)
	}
	e.do(t, alice, "DELETE", path+"t1", "")
	if got := e.call(t, separated, "GET", "/version", ""); got.Status != 401 {
		t.Errorf("%s", got.body)
	}
	if got := e.call(t, alice, "PUT", path+"t1", ""); got.Status != 500 || !strings.Contains(got.Reason, "does not exist") {
		t.Errorf("%s", got.body)
	}
}

func TestRolesAndACL(t *testing.T) {
	e := newEnv(t, nil)
	root := e.user(t, access.RootUser, "", "")
	alice := e.user(t, "alice@pve", "", "")
	e.do(t, root, "POST", "/access/roles", "roleid=net&privs=SDN.Audit,SDN.Use")
	e.do(t, root, "PUT", "/access/roles/net", "append=1&privs=SDN.Allocate")
	if got := e.get(t, alice, "/access/roles/net"); !cmp.Equal(got, any(object{"SDN.Allocate": 1.0, "SDN.Audit": 1.0, "SDN.Use": 1.0})) {
		t.Errorf("%v", got)
	}
	roles := map[string]any{}
	for _, r := range e.get(t, alice, "/access/roles").([]any) {
		roles[r.(object)["roleid"].(string)] = r
	}
	if got := roles["PVESDNUser"]; !cmp.Equal(got, any(object{"roleid": "PVESDNUser", "privs": "SDN.Audit,SDN.Use", "special": 1.0})) {
		t.Errorf("%v", got)
	}
	e.do(t, root, "PUT", "/access/acl", "path=/sdn/zones/z&roles=net,PVEAuditor&users=alice@pve&tokens=root@pam!test&propagate=0")
	e.do(t, root, "PUT", "/access/acl", "path=/sdn/zones/z&roles=PVEAuditor&users=alice@pve,root@pam&tokens=root@pam!test&delete=1")
	e.do(t, root, "PUT", "/access/acl", "path=/sdn/zones/z&roles=net&tokens=root@pam!test&delete=1")
	want := []any{object{"path": "/sdn/zones/z", "type": "user", "ugid": "alice@pve", "roleid": "net", "propagate": 0.0}}
	if diff := cmp.Diff(any(want), e.get(t, root, "/access/acl")); diff != "" {
		t.Error(diff)
	}
	if got := e.get(t, alice, "/access/acl"); !cmp.Equal(got, any([]any{})) {
		t.Errorf("%v", got)
	}
	if got := e.get(t, alice, "/access/permissions?path=/sdn/zones/z"); !cmp.Equal(got, any(object{"/sdn/zones/z": object{"SDN.Allocate": 0.0, "SDN.Audit": 0.0, "SDN.Use": 0.0}})) {
		t.Errorf("%v", got)
	}
	if got := e.get(t, root, "/access/permissions?userid="+url.QueryEscape("alice@pve!test")+"&path=/"); !cmp.Equal(got, any(object{"/": object{}})) {
		t.Errorf("%v", got)
	}
	for _, query := range []string{"userid=root@pam", "userid=" + url.QueryEscape("root@pam!test")} {
		if got := e.call(t, alice, "GET", "/access/permissions?"+query, ""); got.Status != 403 {
			t.Errorf("%s", got.body)
		}
	}
	for body, want := range map[string]int{
		"path=/sdn&roles=net":                        400,
		"path=/sdn&roles=nosuch&users=alice@pve":     400,
		"path=/sdn&roles=net&users=bob@pve":          400,
		"path=sdn&roles=net&users=alice@pve":         400,
		"path=/../x&roles=net&users=alice@pve":       400,
		"path=/sdn&roles=net&users=alice":            400,
		"path=/sdn&roles=net&groups=nosuch":          400,
		"path=/sdn&users=alice@pve":                  400,
		"path=//sdn//&roles=net&users=alice@pve":     200,
		"path=/sdn&roles=net&users=alice@pve&x=%ff%": 400,
	} {
		if got := e.call(t, root, "PUT", "/access/acl", body); got.Status != want {
			t.Errorf("%s: %d %s", body, got.Status, got.body)
		}
	}
	if got := e.call(t, alice, "PUT", "/access/acl", "path=/sdn&roles=Administrator&users=alice@pve"); got.Status != 403 {
		t.Errorf("%s", got.body)
	}
	for path, want := range map[string]int{"/access/roles/net": 500, "/access/roles/PVEAdmin": 400, "/access/roles/nosuch": 500} {
		if got := e.call(t, root, "DELETE", path, ""); got.Status != want {
			t.Errorf("%s: %d %s", path, got.Status, got.body)
		}
	}
}

// TestUserAdministrator lets somebody manage the users of a group, and no others.
func TestUserAdministrator(t *testing.T) {
	e := newEnv(t, nil)
	root := e.user(t, access.RootUser, "", "")
	admin := e.user(t, "admin@pve", "/access/groups/ops", "PVEUserAdmin")
	e.do(t, root, "PUT", "/access/acl", "path=/access/realm/pve&roles=PVEUserAdmin&users=admin@pve")
	for _, body := range []string{"groupid=ops", "groupid=dev"} {
		e.do(t, root, "POST", "/access/groups", body)
	}
	e.do(t, root, "POST", "/access/users", "userid=dev1@pve&groups=dev")
	e.do(t, admin, "POST", "/access/users", "userid=ops1@pve&groups=ops&password=long+enough+to+be")
	if got := column(e.get(t, admin, "/access/users"), "userid"); !slices.Equal(got, []string{"admin@pve", "ops1@pve"}) {
		t.Errorf("%q", got)
	}
	if got := column(e.get(t, admin, "/access/groups"), "groupid"); !slices.Equal(got, []string{"ops"}) {
		t.Errorf("%q", got)
	}
	for _, call := range [][3]string{
		{"POST", "/access/users", "userid=x@pve"},
		{"POST", "/access/users", "userid=x@pve&groups=dev"},
		{"POST", "/access/users", "userid=x@pve&groups=ops,dev"},
		{"POST", "/access/users", "userid=x@pam&groups=ops"},
		{"PUT", "/access/users/ops1@pve", "groups=dev"},
		{"PUT", "/access/users/dev1@pve", "comment=x"},
		{"DELETE", "/access/users/dev1@pve", ""},
		{"DELETE", "/access/users/nosuch@pve", ""},
		{"PUT", "/access/password", "userid=dev1@pve&password=long+enough+to+be"},
		{"PUT", "/access/password", "userid=admin@pve&password=long+enough+to+be"}, // with a token
		{"PUT", "/access/users/root@pam", "comment=x"},
		{"POST", "/access/users/root@pam/token/t1", ""},
		{"POST", "/access/users/dev1@pve/token/t1", ""},
		{"POST", "/access/roles", "roleid=x"},
		{"DELETE", "/access/groups/ops", ""},
	} {
		if got := e.call(t, admin, call[0], call[1], call[2]); got.Status != 403 {
			t.Errorf("%v: %d %s", call, got.Status, got.body)
		}
	}
	e.do(t, admin, "PUT", "/access/users/ops1@pve", "comment=x")
	e.do(t, admin, "PUT", "/access/password", "userid=ops1@pve&password=another+long+enough")
	e.login(t, "username=ops1@pve&password=another+long+enough")
	e.do(t, admin, "POST", "/access/users/ops1@pve/token/t1", "")
	e.do(t, admin, "DELETE", "/access/users/ops1@pve", "")
	// Somebody who manages all users still does not manage root.
	e.do(t, root, "PUT", "/access/acl", "path=/&roles=PVEUserAdmin&users=admin@pve")
	for _, call := range [][3]string{
		{"PUT", "/access/password", "userid=root@pam&password=long+enough+to+be"},
		{"PUT", "/access/users/root@pam", "comment=x"},
		{"POST", "/access/users/root@pam/token/t1", "privsep=0"},
		{"DELETE", "/access/users/root@pam/token/test", ""},
		{"DELETE", "/access/users/root@pam", ""},
	} {
		if got := e.call(t, admin, call[0], call[1], call[2]); got.Status != 403 {
			t.Errorf("%v: %d %s", call, got.Status, got.body)
		}
	}
}

func TestOwnPassword(t *testing.T) {
	e := newEnv(t, nil)
	e.person(t, "alice@pve")
	form := url.Values{"username": {"alice@pve"}, "password": {password}}
	ticket, csrf := e.login(t, form.Encode())
	h := cookie(ticket)
	h.Set("CSRFPreventionToken", csrf)
	const body = "userid=alice@pve&password=a+new+long+one&confirmation-password="
	for _, without := range []string{"userid=alice@pve&password=a+new+long+one", body} {
		if got := e.request(t, "PUT", "/api2/json/access/password", without, h.Clone()); got.Status != 400 || got.Errors["confirmation-password"] == "" {
			t.Errorf("without the old one: %d %s", got.Status, got.body)
		}
	}
	if got := e.request(t, "PUT", "/api2/json/access/password", body+url.QueryEscape(ticket), h.Clone()); got.Status != 401 {
		t.Errorf("with a ticket for the old one: %d %s", got.Status, got.body)
	}
	// Rights to change users are none to change one's own without it.
	if err := e.Access.SetACL(t.Context(), access.ACLEntry{Path: "/", Type: access.SubjectUser, Subject: "alice@pve", Role: "Administrator", Propagate: true}); err != nil {
		t.Fatal(err)
	}
	if got := e.request(t, "PUT", "/api2/json/access/password", "userid=alice@pve&password=a+new+long+one", h.Clone()); got.Status != 400 {
		t.Errorf("an administrator's own without the old one: %d %s", got.Status, got.body)
	}
	if got := e.request(t, "PUT", "/api2/json/access/password", body+"wrong", h.Clone()); got.Status != 401 {
		t.Errorf("with the wrong old one: %s", got.body)
	}
	if got := e.request(t, "PUT", "/api2/json/access/password", body+url.QueryEscape(password), h.Clone()); got.Status != 200 {
		t.Errorf("%s", got.body)
	}
	if got := e.request(t, "GET", "/api2/json/version", "", h.Clone()); got.Status != 401 {
		t.Errorf("the ticket of before: %s", got.body)
	}
	e.login(t, "username=alice@pve&password=a+new+long+one")
}
