package manifest

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// fill sets everything in v to values of the property's type, the nth of them.
func fill(v reflect.Value, name string, n int) {
	switch v.Interface().(type) {
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})))
		return
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n), 0, 0}), 16)))
		return
	case model.ClientSpelling, model.Secret:
		return
	}
	// these are the kinds that properties have
	switch v.Kind() {
	case reflect.String:
		text := fmt.Sprintf("word%d", n)
		switch name {
		case "comment", "alias":
			text = fmt.Sprintf("text %d, with \"quotes\"; and more=%d", n, n)
		case "dport", "sport", "source", "dest":
			text = fmt.Sprintf("80,%d", n)
		case "exit-action":
			text = fmt.Sprintf("continue=%d", n)
		}
		v.SetString(text)
	case reflect.Int:
		v.SetInt(int64(10 * n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		for i := range 3 {
			if e := v.Index(i); e.Kind() == reflect.String {
				e.SetString(fmt.Sprintf("metric%d=%d", i, n))
			} else {
				fill(e, name, 5*n+i)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			sub, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			fill(v.Field(i), sub, n+i)
		}
	}
}

// What a diff prints for a property can be given to `set`: for every property of
// every kind.
func TestPrintedValuesCanBeTyped(t *testing.T) {
	for _, k := range model.Kinds() {
		o := model.New(k)
		fill(reflect.ValueOf(o).Elem(), "", 1)
		printed := make(map[string]string)
		for _, f := range diff.Object(nil, o).Fields {
			printed[f.Name] = f.New
		}
		for _, f := range model.Fields(k) {
			want := reflect.ValueOf(o).Elem().Field(f.Index)
			if f.Name == "id" || want.IsZero() {
				continue
			}
			got, err := ParseValue(f, printed[f.Name])
			if err != nil {
				t.Errorf("%s %s: printed as %q, which cannot be typed: %v", k, f.Name, printed[f.Name], err)
				continue
			}
			if d := cmp.Diff(want.Interface(), reflect.ValueOf(got).Convert(f.Go).Interface(), compareAddrs); d != "" {
				t.Errorf("%s %s: printed as %q, which is read as something else:\n%s", k, f.Name, printed[f.Name], d)
			}
		}
	}
}

// What describe and get -o yaml print for a property can be given to `set`, too.
func TestWrittenListsCanBeTyped(t *testing.T) {
	for _, k := range model.Kinds() {
		o := model.New(k)
		fill(reflect.ValueOf(o).Elem(), "", 2)
		b, err := Marshal([]model.Object{o})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range model.Fields(k) {
			want := reflect.ValueOf(o).Elem().Field(f.Index)
			if f.Go.Kind() != reflect.Slice || want.IsZero() {
				continue
			}
			_, value, _ := strings.Cut(string(b), "\n"+f.Name+":\n")
			var lines []string
			for line := range strings.Lines(value) {
				if !strings.HasPrefix(line, " ") {
					break
				}
				lines = append(lines, line)
			}
			got, err := ParseValue(f, strings.Join(lines, ""))
			if err != nil {
				t.Errorf("%s %s: %v\n%s", k, f.Name, err, value)
				continue
			}
			if d := cmp.Diff(want.Interface(), got, compareAddrs); d != "" {
				t.Errorf("%s %s:\n%s", k, f.Name, d)
			}
		}
	}
}

// Every list of structures has a key that is one of its properties, or none.
func TestItemsHaveKeys(t *testing.T) {
	for _, k := range model.Kinds() {
		for _, f := range model.Fields(k) {
			infos, owner := f.ItemFields()
			if infos == nil || f.ItemKey() == "" {
				continue
			}
			found := false
			for _, i := range infos {
				found = found || i.Name == f.ItemKey()
			}
			if !found {
				t.Errorf("items of %s (%s of %s) are told apart by %q, which they do not have", owner, f.Name, k, f.ItemKey())
			}
		}
	}
}

// Every property of every item of every list of structures can be set and removed by
// itself, and nothing else changes.
func TestAssignToItems(t *testing.T) {
	for _, k := range model.Kinds() {
		for _, f := range model.Fields(k) {
			infos, _ := f.ItemFields()
			if infos == nil {
				continue
			}
			o := model.New(k)
			fill(reflect.ValueOf(o).Elem(), "", 1)
			list := reflect.ValueOf(o).Elem().Field(f.Index)
			key := itemKeys(list, f)[1]
			for _, sub := range infos {
				if sub.Name == f.ItemKey() {
					continue
				}
				for _, arg := range []string{f.Name + "." + key + "." + sub.Name + "-", key + "." + sub.Name + "-", f.Name + "[" + key + "]." + sub.Name + "-"} {
					a, err := ParseAssignment(k, arg)
					if err != nil {
						t.Errorf("%s: %v", arg, err)
						continue
					}
					set, _, err := Assign(k, o, []Assignment{a})
					if err != nil {
						t.Errorf("%s: %v", arg, err)
						continue
					}
					got := reflect.ValueOf(set[f.Name])
					for i := range list.Len() {
						want := reflect.New(f.Go.Elem()).Elem()
						want.Set(list.Index(i))
						if i == 1 {
							want.Field(sub.Index).SetZero()
						}
						if d := cmp.Diff(want.Interface(), got.Index(i).Interface(), compareAddrs); d != "" {
							t.Errorf("%s %s: item %d:\n%s", k, arg, i, d)
						}
					}
				}
			}
		}
	}
}
