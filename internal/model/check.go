package model

import (
	"reflect"
	"strconv"
	"strings"
)

// properties checks an object's properties against the Property rows of its kind: types,
// bounds, values, and references to objects of the configuration.
func (c *checker) properties(o Object) {
	d := byKind[o.ObjectKind()]
	v, r := reflect.ValueOf(o).Elem(), c.report(o)
	typ := d.typeOf(o)
	known := typ == "" || d.typeField < 0 || d.knownType(typ)
	for i := range d.fields {
		f := &d.fields[i]
		value := v.Field(f.Index)
		switch {
		case value.IsZero():
			if f.Required && len(f.Values) > 0 {
				r.error(f.Name, "", msgPropertyRequired, f.Bounds())
			}
		case known && typ != "" && !f.appliesTo(typ):
			r.error(f.Name, optionText(value), msgPropertyNotForType, withArticle(typ), d.Kind, strings.Join(f.Types, ", "), d.TypeProperty)
		default:
			c.property(r, f, f.Name, value)
		}
	}
}

// withArticle returns the word after "a" or "an".
func withArticle(word string) string {
	if strings.ContainsAny(word[:1], "aeio") {
		return "an " + word
	}
	return "a " + word
}

func (d *Descriptor) knownType(typ string) bool {
	for i := range d.fields {
		if f := &d.fields[i]; f.Name == d.TypeProperty {
			for _, v := range f.Values {
				if v == typ {
					return true
				}
			}
		}
	}
	return false
}

// property checks a value against its Property; field is its path.
func (c *checker) property(r report, f *FieldInfo, field string, v reflect.Value) {
	switch {
	case v.IsZero():
	case f.Items != nil:
		for i := range v.Len() {
			for k := range f.items {
				item := &f.items[k]
				if item.checked() {
					c.property(r, item, field+"["+strconv.Itoa(i)+"]."+item.Name, v.Index(i).Field(item.Index))
				}
			}
		}
	case f.Ref != "":
		for _, id := range textsOf(v) {
			c.ref(r, field, f, id)
		}
	case f.Conditional:
	case v.Kind() == reflect.Int:
		f.checkNumber(r, field, int(v.Int()))
	case v.Kind() == reflect.String:
		f.checkWord(r, field, v.String())
	}
}

// checked reports whether a property's value needs a check.
func (p *Property) checked() bool {
	return p.Items != nil || p.Ref != "" || !p.Conditional && (p.Max != 0 || len(p.Values) > 0)
}

// textsOf returns the strings of a property of type string or list of strings.
func textsOf(v reflect.Value) []string {
	if v.Kind() != reflect.Slice {
		return []string{v.String()}
	}
	list, _ := v.Interface().([]string)
	return list
}

// ref checks that the object that a property refers to is in the configuration. Nodes need not
// have an object. References between live and revisioned objects are checked elsewhere (see
// ValidateLive and CheckLiveReferences).
func (c *checker) ref(r report, field string, f *FieldInfo, id string) {
	to := byKind[f.Ref]
	if to.Live || byKind[r.kind].Live || f.Ref == KindNode || to.slot.get(c.cfg, id) != nil {
		return
	}
	otherwise := "declare the " + string(f.Ref) + " first"
	if f.Required {
		otherwise = "declare the " + string(f.Ref) + ", or delete the " + string(r.kind) + " as well"
	}
	r.error(field, id, msgReferenceMissing, f.Ref, id, r.kind, r.id, c.nearID(to, id, otherwise))
}

// row returns the field of a property, or of an item's property, "list.property".
func row(k Kind, name string) *FieldInfo {
	list, item, _ := strings.Cut(name, ".")
	fields := byKind[k].fields
	for {
		i := indexOfField(fields, list)
		if i < 0 {
			panic("no property " + name + " of kind " + string(k)) // a test covers each call
		}
		if item == "" {
			return &fields[i]
		}
		fields, list, item = fields[i].items, item, ""
	}
}

func indexOfField(fields []FieldInfo, name string) int {
	for i := range fields {
		if fields[i].Name == name {
			return i
		}
	}
	return -1
}
