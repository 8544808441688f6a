package attacks

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/pkg/client"
)

const rootPassword = "correct horse"

// Strangers who try passwords of root@pam, from several addresses and by both
// interfaces, wait; root@pam, from another address, does not. All of it is in the audit,
// with the addresses, and displaces nothing there.
func TestStrangersDoNotLockRootOut(t *testing.T) {
	s := run(t, 4096)
	if err := s.local.SetPassword(t.Context(), "root@pam", rootPassword); err != nil {
		t.Fatal(err)
	}
	native := func(c *caller, user, password string) (int, string) {
		t.Helper()
		b, _ := json.Marshal(map[string]string{"user": user, "password": password})
		status, text, err := c.do(t.Context(), "POST", "/api/v1/session", b)
		if err != nil {
			t.Fatal(err)
		}
		return status, text
	}
	proxmox := func(c *caller, user, password string) int {
		t.Helper()
		status, _, err := c.do(t.Context(), "POST", "/api2/json/access/ticket?"+url.Values{"username": {user}, "password": {password}}.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	throttled := 0
	addresses := size(5, 30)
	for a := range addresses {
		c := s.from(t, fmt.Sprintf("127.0.1.%d", a+1), "")
		for i := range 12 {
			status, _ := native(c, "root@pam", fmt.Sprint("guess ", i))
			if status2 := proxmox(c, "root@pam", fmt.Sprint("guess ", i)); status2 == 429 || status == 429 {
				throttled++
			}
			native(c, fmt.Sprintf("nobody%d@pve", i), "not known")
		}
	}
	if throttled < addresses {
		t.Errorf("of %d addresses %d attempts were refused unread", addresses, throttled)
	}
	root := s.from(t, "127.0.2.1", "")
	if status, text := native(root, "root@pam", rootPassword); status != 200 {
		t.Errorf("root@pam logs in: %d %s", status, text)
	}
	if status := proxmox(root, "root@pam", rootPassword); status != 200 {
		t.Errorf("root@pam logs in by the Proxmox API: %d", status)
	}
	entries, err := s.local.Audit(t.Context(), client.AuditQuery{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	won, lost, unknown := 0, 0, 0
	for _, e := range entries {
		login := e.Operation == "login" || e.Operation == "POST /access/ticket"
		if login && e.From == "" || strings.Contains(fmt.Sprint(e), "not known") || strings.Contains(fmt.Sprint(e), "nobody1@pve") {
			t.Errorf("%+v", e)
		}
		switch {
		case login && e.Status == 200 && e.From == "127.0.2.1" && e.Author == "root@pam":
			won++
		case login && e.Author == "root@pam":
			lost++
		case login && e.Author == "(unknown)":
			unknown++
		}
	}
	if won != 2 || lost < 5 || unknown < 1 || lost+unknown > 64 {
		t.Errorf("the audit has %d logins, %d failed ones of root@pam and %d of nobody", won, lost, unknown)
	}
}
