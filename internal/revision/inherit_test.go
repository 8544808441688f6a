package revision_test

import (
	"context"
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

// A discard of some objects brings those back and leaves the others; what would not be
// valid with these is refused, and with nothing left the log is empty.
func TestDiscardSome(t *testing.T) {
	s := service(t, mem.New())
	edit(t, s, zone("za", 1400), zone("zb", 1400))
	apply(t, s)
	edit(t, s, zone("za", 1300))
	edit(t, s, zone("zb", 1300), zone("zc", 1300))
	only := func(names ...string) func(*revision.View, diff.Change) bool {
		return func(_ *revision.View, c diff.Change) bool {
			for _, n := range names {
				if c.Name == n {
					return true
				}
			}
			return false
		}
	}
	r, err := s.DiscardSome(t.Context(), "tester", "", only("za"))
	if err != nil || len(r.Changes) != 1 || r.Pending != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	edit(t, s, vnet("vc", "zc"))
	var problems model.Problems
	if _, err := s.DiscardSome(context.Background(), "tester", "", only("zc")); !errors.As(err, &problems) {
		t.Errorf("the zone of a vnet that stays pending was discarded: %v", err)
	}
	if _, err := s.DiscardSome(t.Context(), "tester", "", only("zb", "zc", "vc")); err != nil {
		t.Fatal(err)
	}
	v, err := s.View(t.Context())
	if err != nil || len(v.Changes()) != 0 || len(v.Records()) != 0 || v.Pending.Zones["za"].MTU != 1400 {
		t.Errorf("%+v, %d records, %v", v.Changes(), len(v.Records()), err)
	}
}
