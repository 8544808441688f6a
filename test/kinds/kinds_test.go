// Package kinds tests the requirements of every kind of object, in a loop over all kinds.
package kinds

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// alike compares objects by value.
var alike = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.EquateEmpty()}

// examples returns the example objects of all kinds, which form one configuration.
func examples(t *testing.T) []model.Object {
	t.Helper()
	var texts []string
	for _, k := range model.Kinds() {
		texts = append(texts, k.Descriptor().Example)
	}
	path := filepath.Join(t.TempDir(), "all.yaml")
	if err := os.WriteFile(path, []byte(strings.Join(texts, "---\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := manifest.Load([]string{path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return set.Objects
}

// Every kind has its own file with its constant, and a complete descriptor.
func TestEveryKindIsDescribed(t *testing.T) {
	for i, k := range model.Kinds() {
		d := k.Descriptor()
		file := filepath.Join("../../internal/model", strings.ReplaceAll(string(k), "-", "")+".go")
		if text, err := os.ReadFile(file); err != nil || !regexp.MustCompile(`Kind = "`+string(k)+`"`).Match(text) {
			t.Errorf("%s is not declared in %s", k, file)
		}
		if !strings.HasSuffix(d.Doc, ".") || d.Example == "" || len(d.Columns) == 0 || len(d.Permissions) == 0 {
			t.Errorf("%s lacks a sentence, an example, columns or permissions", k)
		}
		if parsed, ok := model.ParseKind(k.Plural()); !ok || parsed != k {
			t.Errorf("%s is not found by its plural %s", k, k.Plural())
		}
		if slices.ContainsFunc(d.Columns[1:], func(c model.Column) bool { return !c.Wide }) != (len(d.Columns) > 1 && !d.Columns[1].Wide) {
			t.Errorf("%s has wide columns before others", k)
		}
		names := fieldNames(reflect.TypeOf(model.New(k)).Elem())
		rows(t, k, string(k), d.Properties, names, model.Kinds()[:i+1])
		if d.TypeProperty != "" && !slices.ContainsFunc(d.Properties, func(p model.Property) bool { return p.Name == d.TypeProperty && len(p.Values) > 0 }) {
			t.Errorf("%s: type property %s has no values", k, d.TypeProperty)
		}
	}
}

// fieldNames returns the names of a struct's properties, except the owner set and the spelling
// of a Proxmox API client.
func fieldNames(typ reflect.Type) []string {
	var out []string
	for i := range typ.NumField() {
		name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		if name != "written" && (name != "set" || typ.Field(i).Type.Kind() != reflect.String) {
			out = append(out, name)
		}
	}
	return out
}

// rows checks that each field of a struct has one complete row, in the order of the fields. A
// kind refers only to kinds before it, or to live kinds.
func rows(t *testing.T, k model.Kind, owner string, properties []model.Property, names []string, before []model.Kind) {
	t.Helper()
	var described []string
	for _, p := range properties {
		described = append(described, p.Name)
	}
	if d := cmp.Diff(names, described); d != "" {
		t.Errorf("%s: fields and rows (-fields +rows):\n%s", owner, d)
	}
	for _, p := range properties {
		where := owner + "." + p.Name
		if p.Doc == "" || strings.HasSuffix(p.Doc, ".") {
			t.Errorf("%s has the text %q", where, p.Doc)
		}
		if (p.Max != 0 || len(p.Values) > 0) && p.Noun == "" && p.Unit == "" && p.Max > 255 {
			t.Errorf("%s: nothing says of what its bounds are", where)
		}
		if p.Ref != "" && p.Ref.Revisioned() && !slices.Contains(before, p.Ref) {
			t.Errorf("%s refers to %s, which is no kind before its own", where, p.Ref)
		}
		if p.Ref != "" && p.Ref.Descriptor() == nil || (p.Use || p.UsePath != "") && p.Ref == "" && p.Refs == nil && p.UsePath == "" {
			t.Errorf("%s takes a privilege on nothing that there is", where)
		}
		for _, typ := range p.Types {
			if !slices.Contains(typesOf(k), typ) {
				t.Errorf("%s counts for %s, which is no type", where, typ)
			}
		}
	}
	for _, f := range fields(k, owner) {
		if f.Type == model.FieldUnknown {
			t.Errorf("%s.%s has no known type", owner, f.Name)
		}
		if (f.Type == model.FieldInt) != (f.Max != 0) || f.Min > f.Max {
			t.Errorf("%s.%s: a whole number has a range from %d to %d", owner, f.Name, f.Min, f.Max)
		}
		if items, item := f.ItemFields(); items != nil {
			rows(t, k, item, f.Items.Properties, fieldNames(f.Go.Elem()), before)
			if key := f.ItemKey(); key != "" && !slices.ContainsFunc(items, func(i model.FieldInfo) bool { return i.Name == key }) {
				t.Errorf("items of %s.%s are told apart by %q, which they do not have", owner, f.Name, key)
			}
		}
	}
}

// fields returns the properties of a kind, or of the items of one of its lists.
func fields(k model.Kind, owner string) []model.FieldInfo {
	if owner == string(k) {
		return model.Fields(k)
	}
	for _, f := range model.Fields(k) {
		if items, name := f.ItemFields(); name == owner {
			return items
		}
	}
	return nil
}

// typesOf returns the object types to which a kind's properties can apply: for fabric nodes
// those of the fabric.
func typesOf(k model.Kind) []string {
	if k == model.KindFabricNode {
		k = model.KindFabric
	}
	for _, p := range k.Descriptor().Properties {
		if p.Name == k.Descriptor().TypeProperty {
			return p.Values
		}
	}
	return nil
}

// The examples of all kinds form one valid configuration, and each survives the round trip
// through a manifest, stored JSON and an edit unchanged.
func TestExamplesAreRight(t *testing.T) {
	all := examples(t)
	cfg, live := &model.Config{}, &model.Config{}
	var edits []model.Edit
	for i, o := range all {
		if k := model.Kinds()[i]; o.ObjectKind() != k {
			t.Fatalf("the example of %s is a %s", k, o.ObjectKind())
		}
		if o.ObjectKind().Revisioned() {
			if err := cfg.Put(o); err != nil {
				t.Fatal(err)
			}
		} else {
			live.Set(o)
			edits = append(edits, model.Edit{Put: o})
		}
	}
	for _, p := range append(model.Validate(cfg, nil), model.ValidateLive(edits, live, cfg, nil)...) {
		if p.Severity == model.Error {
			t.Error(p)
		}
	}
	for _, o := range all {
		written, err := manifest.Marshal([]model.Object{o})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "one.yaml")
		if err := os.WriteFile(path, written, 0o600); err != nil {
			t.Fatal(err)
		}
		back, err := manifest.Load([]string{path}, nil)
		if err != nil {
			t.Fatalf("%s: %v\n%s", o.ObjectKind(), err, written)
		}
		if d := cmp.Diff(o, back.Objects[0], alike); d != "" {
			t.Errorf("%s does not come back from a manifest as it was:\n%s", o.ObjectKind(), d)
		}
		edit := model.Edit{Put: o, Kind: o.ObjectKind(), ID: o.ObjectID()}
		var again model.Edit
		if err := throughJSON(edit, &again); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(edit, again, alike); d != "" {
			t.Errorf("%s does not come back from an edit as it was:\n%s", o.ObjectKind(), d)
		}
	}
	for _, c := range []*model.Config{cfg, live} {
		again := &model.Config{}
		if err := throughJSON(c, again); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c, again, alike); d != "" {
			t.Errorf("a configuration does not come back from JSON as it was:\n%s", d)
		}
	}
}

func throughJSON(v, back any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, back)
}

// Changes to the objects of a kind in one configuration do not affect a copy, and each
// operation works for every kind.
func TestConfigurationsHoldEveryKind(t *testing.T) {
	all := examples(t)
	full := &model.Config{}
	for _, o := range all {
		full.Set(o)
		if o.ObjectKind() == model.KindVNet { // a subnet's ID is derived from its zone
			for _, s := range all {
				if s.ObjectKind() == model.KindSubnet {
					if err := full.Complete(s); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
	if full.Len() != len(all) {
		t.Errorf("%d objects of %d", full.Len(), len(all))
	}
	for _, o := range all {
		k, id := o.ObjectKind(), o.ObjectID()
		whole, kind := full.Clone(), *full
		kind.CloneKind(k)
		for name, c := range map[string]*model.Config{"Clone": whole, "CloneKind": &kind} {
			if c.Get(k, id) != o || !slices.Equal(c.List(k), []model.Object{o}) || !slices.Equal(slices.Collect(c.Each(k)), []model.Object{o}) || c.Len() != len(all) {
				t.Errorf("%s of %s: not as what it is of", name, k)
			}
			if !c.Delete(k, id) || c.Get(k, id) != nil || c.Delete(k, id) || len(c.List(k)) != 0 || c.Len() != len(all)-1 {
				t.Errorf("%s of %s: %s is still there after it was deleted", name, k, id)
			}
			if full.Get(k, id) != o {
				t.Fatalf("%s of %s is not independent", name, k)
			}
			if got := pairs(full, c, k); !slices.Equal(got, [][2]model.Object{{o, nil}}) || len(pairs(c, full, k)) != 1 || len(pairs(full, full, k)) != 0 {
				t.Errorf("%s of %s: differences %v", name, k, got)
			}
			other := model.Named(k, id)
			c.Set(other)
			if got := pairs(full, c, k); !slices.Equal(got, [][2]model.Object{{o, other}}) {
				t.Errorf("%s of %s: differences %v", name, k, got)
			}
		}
		if named := model.Named(k, "some-id"); named.ObjectID() != "some-id" || named.ObjectKind() != k {
			t.Errorf("%s: an object by its name alone is %s %s", k, named.ObjectKind(), named.ObjectID())
		}
		set := model.New(k)
		model.SetSet(set, "lab")
		if model.SetOf(set) != "lab" {
			t.Errorf("%s keeps no owner set", k)
		}
	}
}

func pairs(old, new *model.Config, k model.Kind) [][2]model.Object {
	var out [][2]model.Object
	for o, n := range old.Differing(k, new) {
		out = append(out, [2]model.Object{o, n})
	}
	return out
}

// Every secret of every kind is hidden from those who may only read, and kept when an object
// without it replaces one that has it.
func TestSecretsOfEveryKind(t *testing.T) {
	found := 0
	for _, o := range examples(t) {
		for _, f := range model.Fields(o.ObjectKind()) {
			if f.Secret != (f.Go == reflect.TypeFor[model.Secret]()) {
				t.Errorf("%s.%s: secret is %v", o.ObjectKind(), f.Name, f.Secret)
			}
			if !f.Secret {
				continue
			}
			found++
			bare := model.WithoutSecrets(o)
			if value := reflect.ValueOf(bare).Elem().Field(f.Index).String(); value != "" {
				t.Errorf("%s.%s is shown", o.ObjectKind(), f.Name)
			}
			if lacking := model.LackingSecrets(bare); !slices.Equal(lacking, []string{f.Name}) || len(model.LackingSecrets(o)) != 0 {
				t.Errorf("%s lacks %v", o.ObjectKind(), lacking)
			}
			if d := cmp.Diff(o, model.KeepSecrets(bare, o), alike); d != "" {
				t.Errorf("%s.%s is not kept:\n%s", o.ObjectKind(), f.Name, d)
			}
		}
	}
	if found == 0 {
		t.Error("no kind has a secret")
	}
}
