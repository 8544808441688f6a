package diff

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Objects says what differs between two configurations: first what is created
// or updated, in dependency order, then what is deleted, in reverse, and within
// a kind sorted by ID. Equal configurations have no difference. Objects that
// both share are not looked into, so the cost is that of walking the maps.
func Objects(old, new *model.Config) []Change {
	kinds := [][2][]Change{
		objectsOf(old.Nodes, new.Nodes),
		objectsOf(old.PrefixLists, new.PrefixLists),
		objectsOf(old.RouteMaps, new.RouteMaps),
		objectsOf(old.Fabrics, new.Fabrics),
		objectsOf(old.FabricNodes, new.FabricNodes),
		objectsOf(old.Controllers, new.Controllers),
		objectsOf(old.Zones, new.Zones),
		objectsOf(old.VNets, new.VNets),
		objectsOf(old.Subnets, new.Subnets),
		objectsOf(old.IPAMs, new.IPAMs),
		objectsOf(old.NameServers, new.NameServers),
		objectsOf(old.Aliases, new.Aliases),
		objectsOf(old.IPSets, new.IPSets),
		objectsOf(old.SecurityGroups, new.SecurityGroups),
		objectsOf(old.Firewalls, new.Firewalls),
		objectsOf(old.Guests, new.Guests),
	}
	var puts, deletes []Change
	for _, k := range kinds {
		puts = append(puts, k[0]...)
		deletes = append(k[1], deletes...)
	}
	return append(puts, deletes...)
}

// Count is how many differences Objects would tell.
func Count(old, new *model.Config) int {
	n := 0
	for _, k := range model.Kinds() {
		for o := range old.Each(k) {
			if new.Get(k, o.ObjectID()) == nil {
				n++
			}
		}
		for o := range new.Each(k) {
			was := old.Get(k, o.ObjectID())
			if was == nil || Object(was, o) != nil {
				n++
			}
		}
	}
	return n
}

// objectsOf compares the objects of one kind: what is created or updated, and
// what is deleted, each sorted by ID.
func objectsOf[T any, P interface {
	*T
	model.Object
}](old, new map[string]P) [2][]Change {
	var puts, deletes []Change
	for id, o := range old {
		if _, still := new[id]; !still {
			deletes = append(deletes, *Object(o, nil))
		}
	}
	for id, n := range new {
		var before model.Object
		if o, was := old[id]; was {
			before = o
		}
		if c := Object(before, n); c != nil {
			puts = append(puts, *c)
		}
	}
	byName := func(a, b Change) int { return cmp.Compare(a.Name, b.Name) }
	slices.SortFunc(puts, byName)
	slices.SortFunc(deletes, byName)
	return [2][]Change{puts, deletes}
}

// Object says what differs between two states of one object; nil stands for one
// that does not exist. It returns nil if nothing differs.
func Object(old, new model.Object) *Change {
	if old == new {
		return nil
	}
	c := &Change{}
	switch {
	case old == nil:
		c.Action, c.Type, c.Name = Create, string(new.ObjectKind()), new.ObjectID()
	case new == nil:
		c.Action, c.Type, c.Name = Delete, string(old.ObjectKind()), old.ObjectID()
	default:
		c.Action, c.Type, c.Name = Update, string(new.ObjectKind()), new.ObjectID()
	}
	c.Fields = fields(old, new)
	if c.Action == Update && len(c.Fields) == 0 {
		return nil
	}
	return c
}

// fields compares the properties of two objects of one type, either of which
// may be nil, in the order in which the type declares them. A deleted object's
// are not listed: its name says enough.
func fields(old, new model.Object) []Field {
	if new == nil {
		return nil
	}
	n := reflect.ValueOf(new).Elem()
	var o reflect.Value
	if old != nil {
		o = reflect.ValueOf(old).Elem()
	} else {
		o = reflect.Zero(n.Type())
	}
	var out []Field
	for i := range n.NumField() {
		name := property(n.Type().Field(i))
		if name == "id" { // the change is named by it
			continue
		}
		f := Field{Name: name, Old: plain(o.Field(i)), New: plain(n.Field(i))}
		if was, secret := o.Field(i).Interface().(model.Secret); secret && f.Old == f.New && was != n.Field(i).Interface() {
			f.New = "(another secret)"
		}
		if f.Old != f.New {
			out = append(out, f)
		}
	}
	return out
}

// property is the name of a field as written in a manifest.
func property(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// plain prints a value as an operator would write it, and as `viaduct set` takes it;
// what is not set is empty. Values that differ print differently.
func plain(v reflect.Value) string {
	if v.IsZero() {
		return ""
	}
	if s, ok := v.Interface().(fmt.Stringer); ok { // addresses and networks
		return s.String()
	}
	switch v.Kind() {
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = plain(v.Index(i))
		}
		return strings.Join(parts, ", ")
	case reflect.Struct:
		var parts []string
		for i := range v.NumField() {
			if s := item(v.Field(i)); s != "" {
				parts = append(parts, property(v.Type().Field(i))+"="+s)
			}
		}
		return strings.Join(parts, " ")
	}
	return fmt.Sprint(v.Interface())
}

// item prints a property of a structure inside a list: text that would fall apart
// there stands in quotes.
func item(v reflect.Value) string {
	if v.Kind() == reflect.Slice {
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = item(v.Index(i))
		}
		return strings.Join(parts, ",")
	}
	s := plain(v)
	if v.Kind() == reflect.String && strings.ContainsAny(s, ",; \"\t\n\r\x00") {
		return strconv.Quote(s)
	}
	return s
}
