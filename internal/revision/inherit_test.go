package revision_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// Every kind of object has an owner set, which is a property like others.
func TestEveryKindHasAnOwnerSet(t *testing.T) {
	for _, k := range model.Kinds() {
		o := model.New(k)
		model.SetSet(o, "lab")
		if model.SetOf(o) != "lab" || reflect.ValueOf(o).Elem().FieldByName("Set").String() != "lab" {
			t.Errorf("%s: %q", k, model.SetOf(o))
		}
		if c := diff.Object(model.New(k), o); c == nil || len(c.Fields) != 1 || c.Fields[0].Name != "set" {
			t.Errorf("%s: %+v", k, c)
		}
	}
}

// Who replaces an object without saying its owner set or its secret keeps both, so an
// edit by a client that knows neither does not lose them; who edits exactly takes them
// away. The set survives an apply and a rollback.
func TestReplacedObjectsKeepSetAndSecret(t *testing.T) {
	s := service(t, mem.New())
	put := func(o revision.EditOptions, objs ...model.Object) {
		t.Helper()
		var edits []model.Edit
		for _, obj := range objs {
			edits = append(edits, model.Edit{Put: obj})
		}
		if _, err := s.Edit(t.Context(), "tester", edits, o); err != nil {
			t.Fatal(err)
		}
	}
	owns := func(want string) {
		t.Helper()
		v, err := s.View(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := model.SetOf(v.Pending.Zones["za"]); got != want {
			t.Errorf("the zone belongs to %q, should to %q", got, want)
		}
	}
	external := func(token model.Secret) *model.IPAM {
		return &model.IPAM{ID: "box", Type: model.IPAMTypeNetBox, URL: "http://192.0.2.1/api", Token: token}
	}
	put(revision.EditOptions{}, &model.Zone{ID: "za", Type: model.ZoneSimple, Set: "lab"}, external("hush"))
	apply(t, s)
	put(revision.EditOptions{}, &model.Zone{ID: "za", Type: model.ZoneSimple, MTU: 1400}, external(""))
	owns("lab")
	v, err := s.View(t.Context())
	if err != nil || v.Live.IPAMs["box"].Token != "hush" {
		t.Errorf("%+v, %v", v.Live.IPAMs["box"], err)
	}
	put(revision.EditOptions{}, &model.Zone{ID: "za", Type: model.ZoneSimple, Set: "other"})
	owns("other")
	put(revision.EditOptions{Exact: true}, &model.Zone{ID: "za", Type: model.ZoneSimple})
	owns("")
	apply(t, s)
	if _, err := s.Rollback(t.Context(), "tester", "", 1, ""); err != nil {
		t.Fatal(err)
	}
	owns("lab")
	_, err = s.Edit(t.Context(), "tester", []model.Edit{{Put: &model.Zone{ID: "za", Type: model.ZoneSimple, Set: "no good"}}}, revision.EditOptions{})
	var problems model.Problems
	if !errors.As(err, &problems) || problems[0].Field != "set" {
		t.Errorf("a set without a valid name: %v", err)
	}
}
