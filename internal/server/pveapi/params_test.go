package pveapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/server/pveapi"
)

// tableEnv serves the whole table with handlers that return the parameters they got.
func tableEnv(t *testing.T) (*env, []pveapi.Operation) {
	t.Helper()
	table := newEnv(t, nil).Operations()
	for i := range table {
		op := &table[i]
		op.Allow = pveapi.World()
		op.Handle = func(c *pveapi.Call) (any, error) { return c.Params, nil }
	}
	e := newEnv(t, table)
	e.join(t, "srv")
	return e, table
}

// required are the path of an operation, and the values of what it requires beside that.
func required(op *pveapi.Operation) (path string, form url.Values) {
	path, form = op.Path, url.Values{}
	for _, p := range op.Params {
		switch marker := "{" + p.Name + "}"; {
		case strings.Contains(path, marker):
			path = strings.ReplaceAll(path, marker, url.PathEscape(example(p)))
		case p.Need == 'r':
			form.Set(p.Name, example(p))
		}
	}
	return path, form
}

// got are the parameters that the handler of an operation gets.
func (e *env) got(t *testing.T, op *pveapi.Operation, path string, form url.Values) (map[string][]string, answer) {
	t.Helper()
	body := form.Encode()
	if op.Method == http.MethodGet || op.Method == http.MethodDelete {
		path, body = path+"?"+body, ""
	}
	return params(t, e.call(t, "", op.Method, path, body))
}

func params(t *testing.T, a answer) (map[string][]string, answer) {
	t.Helper()
	out := map[string][]string{}
	if o, ok := a.Data.(object); ok {
		for name, values := range o {
			out[name] = []string{}
			for _, v := range values.([]any) {
				out[name] = append(out[name], v.(string))
			}
		}
	}
	return out, a
}

// with is a form with one more parameter.
func with(form url.Values, name string, values ...string) url.Values {
	out := url.Values{}
	for n, v := range form {
		out[n] = v
	}
	out[name] = values
	return out
}

// TestPathsRepeated repeats every parameter of every path in the form.
func TestPathsRepeated(t *testing.T) {
	e, table := tableEnv(t)
	n := 0
	for i := range table {
		op := &table[i]
		path, form := required(op)
		for _, name := range op.Names() {
			n++
			p := op.Params[slices.IndexFunc(op.Params, func(p schema.Property) bool { return p.Name == name })]
			want, _ := e.got(t, op, path, form)
			got, a := e.got(t, op, path, with(form, name, example(p)))
			if op.Renames == name { // it is told twice, as the old and as the new one
				want[name] = append(want[name], want[name]...)
			}
			if d := cmp.Diff(want, got); a.Status != 200 || d != "" {
				t.Errorf("%s %s with %s again: %s %s", op.Method, op.Path, name, a.body, d)
			}
			if p.Form == schema.Integer {
				if _, a := e.got(t, op, path, with(form, name, "+0"+example(p))); a.Status != 200 {
					t.Errorf("%s %s with %s in other digits: %s", op.Method, op.Path, name, a.body)
				}
			}
			_, a = e.got(t, op, path, with(form, name, example(p)+"0"))
			if renames := op.Renames == name; renames != (a.Status == 200) || !renames && a.Errors[name] != "duplicate parameter (already defined in URI)" {
				t.Errorf("%s %s with another %s: %d %s", op.Method, op.Path, name, a.Status, a.body)
			}
		}
	}
	if n < 150 {
		t.Errorf("only %d parameters of paths", n)
	}
}

// TestLists gives every list in every form that clients send.
func TestLists(t *testing.T) {
	e, table := tableEnv(t)
	n := 0
	for i := range table {
		op := &table[i]
		path, form := required(op)
		for _, p := range op.Params {
			if p.Form != schema.List && p.Form != schema.Array || op.Method == http.MethodPost && p.Name == "delete" {
				continue
			}
			n++
			a, b := item(p, 0), item(p, 1)
			form := with(form, p.Name)
			delete(form, p.Name) // which may be required
			forms := map[string]url.Values{"repeated": with(form, p.Name, a, b), "in brackets": with(form, p.Name+"[]", a, b)}
			if p.Form == schema.List || p.Names {
				for what, text := range map[string]string{"commas": a + "," + b, "semicolons": a + ";" + b, "blanks": a + " " + b} {
					forms["with "+what] = with(form, p.Name, text)
				}
			}
			for how, f := range forms {
				got, answer := e.got(t, op, path, f)
				if items := listed(p, got[p.Name]); answer.Status != 200 || !slices.Equal(items, []string{a, b}) {
					t.Errorf("%s %s with %s %s: %v %s", op.Method, op.Path, p.Name, how, items, answer.body)
				}
			}
			if op.Method == http.MethodGet || op.Method == http.MethodDelete {
				continue
			}
			whole := map[string]any{p.Name: []string{a, b}}
			for name := range form {
				whole[name] = form.Get(name)
			}
			body, err := json.Marshal(whole)
			if err != nil {
				t.Fatal(err)
			}
			got, answer := params(t, e.call(t, "", op.Method, path, string(body)))
			if items := listed(p, got[p.Name]); answer.Status != 200 || !slices.Equal(items, []string{a, b}) {
				t.Errorf("%s %s with %s as JSON: %v %s", op.Method, op.Path, p.Name, items, answer.body)
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d lists", n)
	}
}

// item is an item that a list takes.
func item(p schema.Property, i int) string {
	for _, pair := range [][2]string{{"abc1", "abc2"}, {"192.0.2.1", "192.0.2.2"}, {"192.0.2.0/24", "198.51.100.0/24"}, {"1:1", "1:2"}, {"SDN.Audit", "SDN.Use"}, {"x@pve", "y@pve"}, {"x@pve!t1", "y@pve!t1"}} {
		if p.Check == nil || p.Check(pair[i]) == "" {
			return pair[i]
		}
	}
	return ""
}

// listed are the items that handlers see.
func listed(p schema.Property, values []string) []string {
	if p.Form == schema.Array {
		return values
	}
	return schema.Items(values...)
}

// TestEmptyValues gives every digest, and every text that has no empty form, no value.
func TestEmptyValues(t *testing.T) {
	e, table := tableEnv(t)
	digests, texts := 0, 0
	for i := range table {
		op := &table[i]
		path, form := required(op)
		for _, p := range op.Params {
			cleared := p.Clears([]string{""})
			if p.Name != "digest" && !cleared || slices.Contains(op.Names(), p.Name) {
				continue
			}
			got, a := e.got(t, op, path, with(form, p.Name, ""))
			values, given := got[p.Name]
			if a.Status != 200 {
				t.Errorf("%s %s with an empty %s: %s", op.Method, op.Path, p.Name, a.body)
			}
			if p.Name == "digest" {
				digests++
			} else {
				texts++
			}
			if keep := op.Method == http.MethodPut && p.Name != "digest"; given != keep || keep && !slices.Equal(values, []string{""}) {
				t.Errorf("%s %s: the handler got %s %q, given: %v", op.Method, op.Path, p.Name, values, given)
			}
		}
	}
	if digests < 20 || texts < 50 {
		t.Errorf("only %d digests and %d texts", digests, texts)
	}
}

// TestDeleteOnCreate makes objects as windows do that are for changes too.
func TestDeleteOnCreate(t *testing.T) {
	e, table := tableEnv(t)
	n := 0
	for i := range table {
		op := &table[i]
		if op.Method != http.MethodPost || !slices.ContainsFunc(table, func(o pveapi.Operation) bool {
			return o.Method == http.MethodPut && strings.HasPrefix(o.Path, op.Path+"/{") && slices.ContainsFunc(o.Params, func(p schema.Property) bool { return p.Name == "delete" })
		}) {
			continue
		}
		n++
		path, form := required(op)
		got, a := e.got(t, op, path, with(form, "delete", "one", "another"))
		if _, given := got["delete"]; a.Status != 200 || given {
			t.Errorf("%s %s: %s %v", op.Method, op.Path, a.body, got)
		}
	}
	if n < 8 {
		t.Errorf("only %d operations", n)
	}
}

// TestClearing lets an empty value clear what is set, and nothing else.
func TestClearing(t *testing.T) {
	e, root := sdnEnv(t)
	e.live(t, root, []step{
		{"POST", "/cluster/sdn/zones", "zone=z1&type=simple&ipam=pve&dhcp=dnsmasq&dns=&reversedns=&fabric=", `null`},
		{"PUT", "/cluster/sdn/zones/z1", "dns=&dhcp=&mtu=1400", `null`},
		{"GET", "/cluster/sdn/zones/z1", "", `{"ipam":"pve","mtu":1400,"type":"simple","zone":"z1"}`},
		{"POST", "/cluster/sdn/controllers", "controller=c1&type=evpn&asn=65000&peers=192.0.2.1&nodes=&fabric=", `null`},
		{"POST", "/cluster/sdn/zones", "zone=z2&type=evpn&controller=c1&vrf-vxlan=4000&exitnodes=a&exitnodes-primary=a&secondary-controllers=&mac=BC:24:11:00:00:01", `null`},
		{"PUT", "/cluster/sdn/zones/z2", "exitnodes=&exitnodes-primary=", `null`},
		{"PUT", "/cluster/sdn/zones/z2", "vrf-vxlan=", "400 Parameter verification failed. | vrf-vxlan: type check ('integer') failed - got ''"},
		{"PUT", "/cluster/sdn/zones/z2", "advertise-subnets=", "400 Parameter verification failed. | advertise-subnets: type check ('boolean') failed - got ''"},
		{"POST", "/cluster/sdn/prefix-lists", "id=l1&entries=action=permit,prefix%3D10.0.0.0/8", `null`},
	})
	if got := e.get(t, root, "/cluster/sdn/zones/z2").(object); got["exitnodes-primary"] != nil {
		t.Errorf("%v", got)
	}
}

// TestRenumbering gives an entry of a prefix list another number.
func TestRenumbering(t *testing.T) {
	e, root := sdnEnv(t)
	const entries = "/cluster/sdn/prefix-lists/l1/entries"
	e.live(t, root, []step{
		{"POST", "/cluster/sdn/prefix-lists", "id=l1", `null`},
		{"POST", entries, "seq=10&action=permit&prefix=10.0.0.0/8&le=24", `null`},
		{"POST", entries, "seq=20&action=deny&prefix=10.1.0.0/16", `null`},
		{"PUT", entries + "/20", "seq=20&action=permit", `null`},
		{"PUT", entries + "/20", "seq=30&delete=le", `null`},
		{"GET", entries + "/30", "", `{"action":"permit","prefix":"10.1.0.0/16","seq":30}`},
		{"PUT", entries + "/30", "seq=10", "500 updating prefix list entry failed: error during cfs-locked 'domain-sdn' operation: entry 10 of prefix list 'l1' already exists"},
		{"PUT", entries + "/30", "seq=0", "400 Parameter verification failed. | seq: value must have a minimum value of 1"},
		{"PUT", entries + "/20", "seq=40", "500 updating prefix list entry failed: error during cfs-locked 'domain-sdn' operation: entry 20 of prefix list 'l1' does not exist"},
		{"DELETE", entries + "/30", "seq=31", "400 Parameter verification failed. | seq: duplicate parameter (already defined in URI)"},
	})
}
