package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// How clients of the Proxmox API spelled properties cannot be set, of no kind and by no
// operation; what was read may be sent back.
func TestWrittenIsNoProperty(t *testing.T) {
	c := newCluster(t)
	c.user(t, "all@pve", "/ Administrator")
	bearer := []string{"Authorization", "Bearer " + c.tokens["all@pve"]}
	if a := c.request(t, http.MethodPut, "/api2/json/cluster/sdn/zones/z1?mtu=01450", "", "Authorization", "PVEAPIToken="+c.tokens["all@pve"]); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	seen := 0
	for _, k := range model.Kinds() {
		o := model.New(k)
		model.SetClientSpelling(o, model.ClientSpelling{"mtu": {"1"}})
		if model.ClientSpellingOf(o) == nil {
			continue
		}
		seen++
		list, err := c.local.List(t.Context(), k, "")
		if err != nil || len(list) == 0 {
			t.Fatalf("%s: %v, %v", k, list, err)
		}
		path := "/api/v1/" + k.Plural() + "/" + list[0].ObjectID()
		read := c.request(t, http.MethodGet, path, "", bearer...)
		if a := c.request(t, http.MethodPut, path, read.body, bearer...); a.status != http.StatusOK {
			t.Errorf("%s as it was read: %d %s", path, a.status, a.body)
		}
		var object map[string]any
		if err := json.Unmarshal([]byte(read.body), &object); err != nil {
			t.Fatal(err)
		}
		if k == model.KindZone && object["written"] == nil {
			t.Errorf("nothing was noted: %s", read.body)
		}
		object["written"] = map[string][]string{"comment": {"x\nzone: evil"}}
		forged, _ := json.Marshal(object)
		edit := `[{"kind":"` + string(k) + `","object":` + string(forged) + `}]`
		for how, a := range map[string]answer{
			"put":       c.request(t, http.MethodPut, path, string(forged), bearer...),
			"patch":     c.request(t, http.MethodPatch, path, `{"set":{"written":{"comment":["x"]}}}`, bearer...),
			"edit":      c.request(t, http.MethodPost, "/api/v1/edits", edit, bearer...),
			"lax edit":  c.request(t, http.MethodPost, "/api/v1/edits?lax=true", edit, bearer...),
			"a dry run": c.request(t, http.MethodPost, "/api/v1/edits?dry-run=true", edit, bearer...),
		} {
			if a.status < 400 || a.status >= 500 || !strings.Contains(a.body, "written") {
				t.Errorf("%s of %s: %d %s", how, path, a.status, a.body)
			}
		}
		if after := c.request(t, http.MethodGet, path, "", bearer...); strings.Contains(after.body, "evil") {
			t.Errorf("%s: %s", path, after.body)
		}
	}
	if seen != 8 {
		t.Errorf("%d kinds", seen)
	}
}
