package pveapi_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/pveapi"
)

// Names of objects of others, and of none: they differ by how they begin only.
const hid, abs = "hid", "abs"

// hiddenNames are the values of parameters that name objects of others, without how they
// begin. The names of nodes in paths are not among them: everybody who has logged in may
// know those, as in Proxmox VE.
var hiddenNames = map[string]string{
	"zone": "z", "vnet": "v", "subnet": "z-10.77.0.0-24", "controller": "c", "ipam": "i", "dns": "d", "reversedns": "d", "node_id": "n",
	"fabric": "f", "fabric_id": "f", "route-map-id": "rm", "route-map-in": "rm", "route-map-out": "rm", "route_map_in": "rm", "route_map_out": "rm", "call": "rm",
	"route_filter": "pl", "name": "al", "group": "sg", "groupid": "gr", "groups": "gr", "userid": "u@pve", "users": "u@pve", "tokenid": "t", "secondary-controllers": "c",
	"exitnodes": "n", "exitnodes-primary": "n", "nodes": "n", "bridge": "v", "iface": "v",
}

// hiddenName is the one of a parameter; id means something else in each path.
func hiddenName(op *pveapi.Operation, name string) (string, bool) {
	if name != "id" {
		v, ok := hiddenNames[name]
		return v, ok
	}
	switch {
	case strings.Contains(op.Path, "/prefix-lists/"):
		return "pl", true
	case strings.Contains(op.Path, "/fabrics/"):
		return "f", true
	}
	return "", false
}

// hide makes one of everything that belongs to others, and a zone of the reader's.
func (e *env) hide(t *testing.T) {
	t.Helper()
	e.join(t, hid+"n")
	e.join(t, "srv")
	put := func(objects ...model.Object) {
		var edits []model.Edit
		for _, o := range objects {
			edits = append(edits, model.Edit{Put: o})
		}
		if _, err := e.Config.Change(t.Context(), "test", func(*revision.View) ([]model.Edit, error) { return edits, nil }, revision.EditOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	put(&model.IPAM{ID: hid + "i", Type: model.IPAMTypeNetBox, URL: "http://192.0.2.1/api", Token: "t"},
		&model.NameServer{ID: hid + "d", Type: model.DNSTypePowerDNS, URL: "http://192.0.2.1/api", Key: "k"})
	put(&model.Zone{ID: hid + "z", Type: model.ZoneSimple}, &model.VNet{ID: hid + "v", Zone: hid + "z", Alias: "secret"},
		&model.Subnet{CIDR: netip.MustParsePrefix("10.77.0.0/24"), VNet: hid + "v", Gateway: netip.MustParseAddr("10.77.0.1")},
		&model.Controller{ID: hid + "c", Type: model.ControllerEVPN, ASN: 65000, Peers: []netip.Addr{netip.MustParseAddr("192.0.2.1")}},
		&model.PrefixList{ID: hid + "pl"}, &model.RouteMap{ID: hid + "rm", Entries: []model.RouteMapEntry{{Order: 100, Action: model.ActionPermit}}},
		&model.Fabric{ID: hid + "f", Protocol: model.FabricOpenFabric, IPPrefix: netip.MustParsePrefix("10.9.0.0/24")},
		&model.FabricNode{Fabric: hid + "f", Node: hid + "n", IP: netip.MustParseAddr("10.9.0.1")},
		&model.Alias{ID: hid + "al", CIDR: "192.0.2.0/24"}, &model.IPSet{ID: hid + "ip"}, &model.SecurityGroup{ID: hid + "sg"},
		&model.Zone{ID: "mine", Type: model.ZoneSimple}, &model.VNet{ID: "minev", Zone: "mine"})
	if _, err := e.Config.Apply(t.Context(), "test", "", ""); err != nil {
		t.Fatal(err)
	}
	if err := e.Access.PutGroup(t.Context(), access.Group{ID: hid + "gr"}); err != nil {
		t.Fatal(err)
	}
	e.user(t, hid+"u@pve", "", "")
	if _, err := e.Access.CreateToken(t.Context(), access.Token{User: hid + "u@pve", Name: hid + "t"}); err != nil {
		t.Fatal(err)
	}
}

// readers are people with no right on what is hidden: with none at all, and with every
// right on a zone of their own.
func (e *env) readers(t *testing.T) map[string]string {
	return map[string]string{
		"nobody":              e.user(t, "nobody@pve", "", ""),
		"the owner of a zone": e.user(t, "owner@pve", "/sdn/zones/mine", "Administrator"),
	}
}

// ask calls an operation with names that begin in a way: the parameters in the list, and the
// others of its path and all that it requires with ones of the reader's own.
func (e *env) askFor(t *testing.T, auth string, op *pveapi.Operation, how string, list []string) answer {
	t.Helper()
	path, form := op.Path, url.Values{}
	own := map[string]string{"zone": "mine", "vnet": "minev", "subnet": "mine-10.78.0.0-24", "id": "own"}
	for _, p := range op.Params {
		v := example(p)
		if o, ok := own[p.Name]; ok {
			v = o
		}
		named := slices.Contains(list, p.Name)
		if named {
			rest, _ := hiddenName(op, p.Name)
			v = how + rest
		}
		switch marker := "{" + p.Name + "}"; {
		case strings.Contains(path, marker):
			path = strings.ReplaceAll(path, marker, url.PathEscape(v))
		case p.Need == 'r' || named:
			form.Set(p.Name, v)
		}
	}
	body := form.Encode()
	if op.Method == http.MethodGet || op.Method == http.MethodDelete {
		path, body = path+"?"+body, ""
	}
	return e.call(t, auth, op.Method, path, body)
}

// TestExistenceIsNotTold calls every operation that has a parameter which names an object,
// alone and with the others, with that of an object that the reader may not see and with
// that of none: the answers are the same but for the names that the reader gave, and name
// nothing else that is hidden.
func TestExistenceIsNotTold(t *testing.T) {
	e := newEnv(t, nil)
	e.hide(t)
	n := 0
	for who, auth := range e.readers(t) {
		for _, op := range e.Operations() {
			var names []string
			for _, p := range op.Params {
				if op.Method == http.MethodPost && op.Path == "/cluster/sdn/vnets" && p.Name == "vnet" {
					continue // the name of one that is made is taken or not, which nothing can hide
				}
				if _, ok := hiddenName(&op, p.Name); ok && p.Form != schema.Boolean && len(p.Enum) == 0 {
					names = append(names, p.Name)
				}
			}
			lists := [][]string{names}
			for _, name := range names {
				lists = append(lists, []string{name})
			}
			for _, list := range lists {
				if len(list) == 0 || op.Open() {
					continue
				}
				n++
				there, absent := e.askFor(t, auth, &op, hid, list), e.askFor(t, auth, &op, abs, list)
				if there.Status != absent.Status || there.body != strings.ReplaceAll(absent.body, abs, hid) {
					t.Errorf("%s, %s %s with %q:\nthere  %d %s\nabsent %d %s", who, op.Method, op.Path, list, there.Status, there.body, absent.Status, absent.body)
				}
				if strings.Contains(absent.body, hid) || strings.Contains(there.body, "secret") {
					t.Errorf("%s, %s %s with %q tells of what is hidden: %s", who, op.Method, op.Path, list, absent.body)
				}
			}
		}
	}
	if n < 250 {
		t.Errorf("only %d questions", n)
	}
	// Nothing of what is hidden was changed by all of that.
	v, err := e.Config.View(t.Context())
	if err != nil || v.Pending.Subnets[hid+"z-10.77.0.0-24"] == nil || v.Pending.VNets[hid+"v"].Zone != hid+"z" {
		t.Errorf("something of others was changed, %v", err)
	}
}
