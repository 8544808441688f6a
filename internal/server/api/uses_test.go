package api

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// referring are the names of properties that hold names of other objects.
var referring = []string{
	"ipam", "dns", "reversedns", "controller", "secondary-controllers", "fabric", "bridge", "route-filter", "route-map-in", "route-map-out", "route-map",
}

// inThePath are properties with the object's parent: writing it needs a right on the
// parent.
var inThePath = []string{"fabric-node.fabric"}

// Every property of every kind that names another object needs a privilege on that.
func TestEveryReferenceTakesAPrivilege(t *testing.T) {
	seen := 0
	for _, k := range model.Kinds() {
		for _, f := range model.Fields(k) {
			if !slices.Contains(referring, f.Name) || slices.Contains(inThePath, string(k)+"."+f.Name) {
				continue
			}
			o := model.New(k)
			field := namedField(reflect.ValueOf(o).Elem(), f.Name)
			switch field.Kind() {
			case reflect.String:
				field.SetString("other")
			case reflect.Slice:
				field.Set(reflect.ValueOf([]string{"other"}))
			default:
				t.Fatalf("%s.%s is a %s", k, f.Name, field.Type())
			}
			seen++
			if paths, anyOf := NewUses(nil, o); len(paths) != 1 || len(anyOf) == 0 {
				t.Errorf("%s.%s takes privileges on %q", k, f.Name, paths)
			} else if k.Descriptor().UsesText() == "" {
				t.Errorf("%s: not documented", k)
			}
			if paths, _ := NewUses(o, o); len(paths) != 0 {
				t.Errorf("%s.%s takes privileges on %q again", k, f.Name, paths)
			}
		}
	}
	if seen < 13 {
		t.Errorf("%d references", seen)
	}
	redistribute := &model.Fabric{Redistribute: []model.Redistribution{{RouteMap: "rm"}}}
	matching := &model.RouteMap{Entries: []model.RouteMapEntry{{Match: []string{"ip-address-prefix-list=pl"}}}}
	for o, want := range map[model.Object]string{redistribute: "/sdn/route-maps", matching: "/sdn/prefix-lists", &model.Zone{IPAM: model.IPAMBuiltin}: ""} {
		if paths, _ := NewUses(nil, o); strings.Join(paths, " ") != want {
			t.Errorf("%s: %q, want %q", fmt.Sprint(o), paths, want)
		}
	}
}

// namedField is the field of an object with a name in JSON.
func namedField(v reflect.Value, name string) reflect.Value {
	for i := range v.NumField() {
		if tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); tag == name {
			return v.Field(i)
		}
	}
	return reflect.Value{}
}
