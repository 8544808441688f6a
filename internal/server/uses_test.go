package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// Whoever may write one zone, and nothing else, refers in it to nobody else's IPAM, DNS,
// controller, fabric or bridge, and learns of none whether it exists; with a right to use
// it they do. Both interfaces, new objects and changed ones.
func TestReferencesTakeARight(t *testing.T) {
	c := newCluster(t)
	for _, one := range []struct {
		// property refers in a zone of a type to the object that there is; the others
		// make it a whole zone.
		typ, property, there, path string
		others                     map[string]string
	}{
		{"simple", "ipam", "netbox", "/sdn/ipams/", nil},
		{"simple", "dns", "powerdns", "/sdn/dns/", map[string]string{"dnszone": "example.net"}},
		{"simple", "reversedns", "powerdns", "/sdn/dns/", nil},
		{"vxlan", "fabric", "f1", "/sdn/fabrics/", nil},
		{"evpn", "controller", "ctl", "/sdn/controllers/", map[string]string{"vrf-vxlan": "4711"}},
		{"vlan", "bridge", "vmbr7", "/sdn/zones/localnetwork/", nil},
	} {
		t.Run(one.property, func(t *testing.T) {
			zone := "u" + one.property[:3]
			user := one.property + "@pve"
			c.user(t, user, "/sdn/zones/"+zone+" PVESDNAdmin")
			native := func(value string) answer {
				body := map[string]any{"type": one.typ, one.property: value}
				for k, v := range one.others {
					body[k] = json.RawMessage(v)
					if v[0] > '9' {
						body[k] = v
					}
				}
				b, _ := json.Marshal(body)
				return c.request(t, http.MethodPut, "/api/v1/zones/"+zone, string(b), "Authorization", "Bearer "+c.tokens[user])
			}
			proxmox := func(method, path, value string) answer {
				form := url.Values{one.property: {value}}
				for k, v := range one.others {
					form.Set(k, v)
				}
				if method == http.MethodPost {
					form.Set("zone", zone)
					form.Set("type", one.typ)
				}
				return c.request(t, method, "/api2/json/cluster/sdn/zones"+path+"?"+form.Encode(), "", "Authorization", "PVEAPIToken="+c.tokens[user])
			}
			refused := func(how string, there, absent answer) {
				t.Helper()
				if there.status != http.StatusForbidden || !strings.Contains(there.body, one.path+one.there) || !strings.Contains(there.body, "SDN.Use") {
					t.Errorf("%s: %d %s", how, there.status, there.body)
				}
				if absent.status != there.status || strings.ReplaceAll(absent.body, "nosuch", one.there) != there.body {
					t.Errorf("%s tells whether there is one:\n%s\n%s", how, there.body, absent.body)
				}
			}
			refused("PUT", native(one.there), native("nosuch"))
			// Proxmox VE wants a right on all zones to make one.
			role := api.ACLEntry{Path: "/sdn/zones", Type: "user", Subject: user, Role: "PVESDNAdmin"}
			if _, err := c.local.EditACL(t.Context(), api.ACLEdit{Add: []api.ACLEntry{role}}); err != nil {
				t.Fatal(err)
			}
			refused("POST", proxmox("POST", "", one.there), proxmox("POST", "", "nosuch"))
			if one.typ == "simple" {
				if a := c.request(t, http.MethodPut, "/api/v1/zones/"+zone, `{"type":"simple"}`, "Authorization", "Bearer "+c.tokens[user]); a.status != http.StatusOK {
					t.Fatalf("%d %s", a.status, a.body)
				}
				refused("PUT of the Proxmox API", proxmox("PUT", "/"+zone, one.there), proxmox("PUT", "/"+zone, "nosuch"))
			}
			use := api.ACLEntry{Path: one.path + one.there, Type: "user", Subject: user, Role: "PVESDNUser", Propagate: true}
			if _, err := c.local.EditACL(t.Context(), api.ACLEdit{Add: []api.ACLEntry{use}}); err != nil {
				t.Fatal(err)
			}
			if a := native(one.there); a.status != http.StatusOK {
				t.Errorf("with a right to use it: %d %s", a.status, a.body)
			}
			// What is there takes nothing, also for those who may not use it.
			if _, err := c.local.EditACL(t.Context(), api.ACLEdit{Delete: []api.ACLEntry{use}}); err != nil {
				t.Fatal(err)
			}
			for mtu := range 2 {
				if a := c.request(t, http.MethodPatch, "/api/v1/zones/"+zone, fmt.Sprintf(`{"set":{"mtu":%d}}`, 1400+mtu), "Authorization", "Bearer "+c.tokens[user]); a.status != http.StatusOK {
					t.Errorf("a change of something else: %d %s", a.status, a.body)
				}
			}
		})
	}
}
