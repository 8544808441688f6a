package pveapi_test

import (
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/audit"
)

// Who changed what, and who was refused, is kept; what they sent is not.
func TestAudit(t *testing.T) {
	e := newEnv(t, nil)
	trail := e.Audit.(*audit.Log)
	go trail.Run(t.Context())
	root, nobody := e.user(t, access.RootUser, "", ""), e.user(t, "nobody@pve", "", "")
	e.call(t, root, "POST", "/access/users", "userid=new@pve&password=a+secret+of+mine")
	e.call(t, root, "GET", "/cluster/sdn/zones", "")
	e.call(t, nobody, "POST", "/cluster/sdn/zones", "zone=z1&type=simple")
	e.call(t, "", "POST", "/cluster/sdn/zones", "zone=z1&type=simple")
	got, err := trail.List(t.Context(), audit.Query{Limit: 10})
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v %v", got, err)
	}
	refused, made := got[0], got[1]
	if made.Author != "root@pam!test" || made.Operation != "POST /access/users" || made.Target != "/access/users" || made.Status != 200 || made.From == "" {
		t.Errorf("%+v", made)
	}
	if refused.Author != "nobody@pve!test" || refused.Status != 403 || refused.Error != "Permission check failed (/sdn/zones, SDN.Allocate)" {
		t.Errorf("%+v", refused)
	}
	records, _, err := e.store.List(t.Context(), "audit/", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if strings.Contains(string(r.Value), "secret") {
			t.Errorf("a secret is in %s", r.Value)
		}
	}
}
