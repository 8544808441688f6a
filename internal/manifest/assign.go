package manifest

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Assignment is one property as written on a command line: "mtu=1400" sets it, "mtu-"
// removes it. An item of a list of structures is addressed by the list's name and the
// property that identifies its items, or its index if there is none:
// "nics.net0.mac=BC:24:11:00:00:01", "entries.10.action=deny", "rules.0.disable=true".
// The list's name may be omitted ("net0.mac=..."), and brackets are accepted too, as in
// problems ("rules[0].action"). Without a property the whole item is addressed:
// "nics.net0-" removes it, "nics.net0=vnet=blue" replaces it.
type Assignment struct {
	// Name is the text before "=" or "-".
	Name string
	// Field is the property of the object. If Item is set it is a list, and Sub, if set,
	// the property of the item; Item is the item's key or index.
	Field model.FieldInfo
	Item  string
	Sub   *model.FieldInfo
	// Remove is true if there is no value: the property or item is removed.
	Remove bool
	Value  string

	// guessed is true if Name is not a known property: it is the key of an item, or an
	// error.
	guessed bool
}

// ParseAssignment reads "property=value" or "property-" of a kind of object.
func ParseAssignment(k model.Kind, arg string) (Assignment, error) {
	name, value, isSet := strings.Cut(arg, "=")
	if !isSet {
		var remove bool
		if name, remove = strings.CutSuffix(arg, "-"); !remove {
			return Assignment{}, fmt.Errorf("%q: write property=value, or property- to remove it", arg)
		}
	}
	a := Assignment{Name: name, Value: value, Remove: !isSet || value == ""}
	if name == "id" {
		return a, fmt.Errorf("an id cannot be changed: create a new %s and delete the old one", k)
	}
	fields := model.Fields(k)
	if i := slices.IndexFunc(fields, func(f model.FieldInfo) bool { return f.Name == name }); i >= 0 {
		a.Field = fields[i]
		return a, nil
	}
	if best, ok := addressed(a, fields); ok {
		return best, nil
	}
	return a, unknownProperty(k, name)
}

// addressed parses the name as that of an item of one of the lists. A name that begins
// with a list's name is of that list; otherwise of the first list with items that have
// the property; the name of an item alone comes last.
func addressed(a Assignment, fields []model.FieldInfo) (best Assignment, ok bool) {
	const none = 3
	rank := none
	for _, f := range fields {
		b := a
		if !f.IsStructures() || !b.address(f) {
			continue
		}
		r := 2
		switch {
		case strings.HasPrefix(a.Name, f.Name+".") || strings.HasPrefix(a.Name, f.Name+"["):
			r = 0
		case b.Sub != nil:
			r = 1
		}
		if r < rank {
			best, rank = b, r
		}
	}
	return best, rank < none
}

// address parses the name as that of an item of the list, or of one of its properties;
// it reports whether that succeeds.
func (a *Assignment) address(f model.FieldInfo) bool {
	rest, named := strings.CutPrefix(a.Name, f.Name+".")
	if !named {
		if rest, named = strings.CutPrefix(a.Name, f.Name+"["); named {
			key, sub, closed := strings.Cut(rest, "]")
			if !closed {
				return false
			}
			rest = key + sub
		}
	}
	a.Field = f
	infos, _ := f.ItemFields()
	if dot := strings.LastIndexByte(rest, '.'); dot > 0 {
		i := slices.IndexFunc(infos, func(s model.FieldInfo) bool { return s.Name == rest[dot+1:] })
		if i >= 0 {
			a.Item, a.Sub = rest[:dot], &infos[i]
			return true
		}
	}
	a.Item, a.guessed = rest, !named
	return rest != "" && (named || a.Remove)
}

func unknownProperty(k model.Kind, name string) error {
	var names []string
	list := ""
	for _, f := range model.Fields(k) {
		if f.Name != "id" {
			names = append(names, f.Name)
		}
		if infos, _ := f.ItemFields(); infos != nil {
			list = f.Name
			if prefix, _, ok := cutLast(name); ok {
				for _, s := range infos {
					names = append(names, prefix+"."+s.Name)
				}
			}
		}
	}
	if near := model.Nearest(name, names); near != "" {
		return fmt.Errorf("unknown property %q of a %s; did you mean %s?", name, k, near)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return strings.Contains(n, ".") })
	hint := ""
	if list != "" && strings.Contains(name, ".") {
		f := listField(k, list)
		infos, owner := f.ItemFields()
		subs := make([]string, len(infos))
		for i, s := range infos {
			subs[i] = s.Name
		}
		hint = fmt.Sprintf("; a %s in %s has %s", owner, list, strings.Join(subs, ", "))
	}
	return fmt.Errorf("unknown property %q of a %s; it has %s%s", name, k, strings.Join(names, ", "), hint)
}

func listField(k model.Kind, name string) model.FieldInfo {
	fields := model.Fields(k)
	return fields[slices.IndexFunc(fields, func(f model.FieldInfo) bool { return f.Name == name })]
}

// cutLast splits a path at its last dot.
func cutLast(path string) (before, after string, ok bool) {
	dot := strings.LastIndexByte(path, '.')
	if dot < 0 {
		return path, "", false
	}
	return path[:dot], path[dot+1:], true
}

// Assign computes the result of assignments to an object: the new values of properties,
// and the removed properties. The object, which may be nil if it does not exist yet,
// matters only to assignments to items of lists, and is not changed.
func Assign(k model.Kind, old model.Object, list []Assignment) (set map[string]any, unset []string, err error) {
	set = make(map[string]any)
	lists := make(map[string]*listEdit)
	seen := make(map[string]bool)
	for _, a := range list {
		if seen[a.Name] || lists[a.Name] != nil || a.Item != "" && seen[a.Field.Name] {
			return nil, nil, fmt.Errorf("property %s is given twice", a.Name)
		}
		seen[a.Name] = true
		switch {
		case a.Item != "":
			if lists[a.Field.Name] == nil {
				lists[a.Field.Name] = newListEdit(k, old, a.Field)
			}
			if err := lists[a.Field.Name].apply(a); err != nil {
				return nil, nil, err
			}
		case a.Remove:
			unset = append(unset, a.Name)
		default:
			v, err := ParseValue(a.Field, a.Value)
			if err != nil {
				return nil, nil, err
			}
			set[a.Name] = v
		}
	}
	for name, l := range lists {
		if v := l.result(); v.Len() > 0 {
			set[name] = v.Interface()
		} else {
			unset = append(unset, name)
		}
	}
	return set, unset, nil
}

// listEdit is a list of structures during changes of its items.
type listEdit struct {
	field model.FieldInfo
	kind  model.Kind
	items reflect.Value
	keys  []string // of the items
	gone  []bool
}

func newListEdit(k model.Kind, old model.Object, f model.FieldInfo) *listEdit {
	l := &listEdit{field: f, kind: k, items: reflect.MakeSlice(f.Go, 0, 4)}
	if old != nil {
		l.items = reflect.AppendSlice(l.items, reflect.ValueOf(old).Elem().Field(f.Index))
	}
	l.keys = itemKeys(l.items, f)
	l.gone = make([]bool, len(l.keys))
	return l
}

// itemKeys are the keys that address the items of a list.
func itemKeys(items reflect.Value, f model.FieldInfo) []string {
	out := make([]string, items.Len())
	if entries, ok := items.Interface().([]model.PrefixEntry); ok {
		for i, e := range (&model.PrefixList{Entries: entries}).Numbered() {
			out[i] = strconv.Itoa(e.Seq)
		}
		return out
	}
	infos, _ := f.ItemFields()
	key := slices.IndexFunc(infos, func(s model.FieldInfo) bool { return s.Name == f.ItemKey() })
	for i := range out {
		if out[i] = strconv.Itoa(i); key >= 0 {
			out[i] = fmt.Sprint(items.Index(i).Field(infos[key].Index).Interface())
		}
	}
	return out
}

// apply makes one assignment to an item.
func (l *listEdit) apply(a Assignment) error {
	at := slices.Index(l.keys, a.Item)
	switch {
	case at < 0 && a.guessed && len(l.keys) == 0:
		return unknownProperty(l.kind, a.Name)
	case at < 0 && a.guessed:
		return fmt.Errorf("%w; %s has %s", unknownProperty(l.kind, a.Name), l.field.Name, l.known())
	case at < 0 && a.Remove:
		return fmt.Errorf("%s: there is no %s in %s; it has %s", a.Name, a.Item, l.field.Name, l.known())
	case a.Remove && a.Sub == nil:
		l.gone[at] = true
		return nil
	case at < 0:
		var err error
		if at, err = l.add(a); err != nil {
			return err
		}
	}
	item := l.items.Index(at)
	switch {
	case a.Sub == nil:
		return l.replace(item, a)
	case a.Remove:
		item.Field(a.Sub.Index).SetZero()
		return nil
	}
	v, err := ParseValue(*a.Sub, a.Value)
	if err != nil {
		return fmt.Errorf("%s: %w", a.Name, err)
	}
	item.Field(a.Sub.Index).Set(reflect.ValueOf(v).Convert(a.Sub.Go))
	return nil
}

func (l *listEdit) known() string {
	if len(l.keys) == 0 {
		return "none"
	}
	return strings.Join(l.keys, ", ")
}

// add appends an item that has only its key.
func (l *listEdit) add(a Assignment) (int, error) {
	if entries, ok := l.items.Interface().([]model.PrefixEntry); ok {
		// Numbers that are derived from the others would change with the new one.
		l.items = reflect.ValueOf((&model.PrefixList{Entries: entries}).Numbered())
	}
	item := reflect.New(l.field.Go.Elem()).Elem()
	if key := l.field.ItemKey(); key != "" {
		infos, owner := l.field.ItemFields()
		i := slices.IndexFunc(infos, func(f model.FieldInfo) bool { return f.Name == key })
		v, err := ParseValue(infos[i], a.Item)
		if err != nil {
			return 0, fmt.Errorf("%s: a %s is named by its %s: %w", a.Name, owner, key, err)
		}
		item.Field(infos[i].Index).Set(reflect.ValueOf(v).Convert(infos[i].Go))
	} else if a.Item != strconv.Itoa(l.items.Len()) {
		_, owner := l.field.ItemFields()
		return 0, fmt.Errorf("%s: there is no %s at place %s; %s has %s, and %d adds one", a.Name, owner, a.Item, l.field.Name, l.known(), l.items.Len())
	}
	l.items = reflect.Append(l.items, item)
	l.keys, l.gone = append(l.keys, a.Item), append(l.gone, false)
	return l.items.Len() - 1, nil
}

// replace replaces the properties of an item, except its key.
func (l *listEdit) replace(item reflect.Value, a Assignment) error {
	v, err := ParseValue(l.field, a.Value)
	if err != nil {
		return err
	}
	list := reflect.ValueOf(v)
	if list.Len() != 1 {
		_, owner := l.field.ItemFields()
		return fmt.Errorf("%s: expected the properties of one %s, got %q", a.Name, owner, clip(a.Value))
	}
	infos, _ := l.field.ItemFields()
	for _, f := range infos {
		if f.Name == l.field.ItemKey() && list.Index(0).Field(f.Index).IsZero() {
			list.Index(0).Field(f.Index).Set(item.Field(f.Index))
		}
	}
	item.Set(list.Index(0))
	return nil
}

// result is the list without the removed items.
func (l *listEdit) result() reflect.Value {
	out := reflect.MakeSlice(l.field.Go, 0, l.items.Len())
	for i := range l.items.Len() {
		if !l.gone[i] {
			out = reflect.Append(out, l.items.Index(i))
		}
	}
	return out
}
