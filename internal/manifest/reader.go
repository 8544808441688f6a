package manifest

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// reader reads objects from one document and collects its errors.
type reader struct {
	doc  *document
	errs Errors
}

func (r *reader) error(p Position, def *message.Definition, args ...any) {
	r.errs = append(r.errs, r.doc.error(p, def, args...))
}

// loaded is an object with its position and those of its properties.
type loaded struct {
	object model.Object
	pos    Position
	fields map[string]Position
	src    *source
}

// object reads one object; nil if an error leaves nothing to check.
func (r *reader) object(n *node) *loaded {
	if n.kind != mapNode {
		r.error(n.pos, msgObjectExpected, n.describe())
		return nil
	}
	kind, ok := r.kind(n)
	if !ok {
		return nil
	}
	o := model.New(kind)
	out := &loaded{object: o, pos: n.pos, fields: make(map[string]Position), src: r.doc.src}
	before := len(r.errs)
	r.fields(reflect.ValueOf(o).Elem(), string(kind), model.Fields(kind), n, "", out.fields)
	if len(r.errs) > before {
		return nil
	}
	if s, ok := o.(*model.Subnet); ok && s.ID == "" && s.CIDR.IsValid() {
		s.ID = s.CIDR.String()
	}
	if f, ok := o.(*model.FabricNode); ok && f.ID == "" && f.Fabric != "" && f.Node != "" {
		f.ID = model.FabricNodeID(f.Fabric, f.Node)
	}
	if o.ObjectID() == "" {
		r.error(n.pos, msgObjectWithoutID, kind)
		return nil
	}
	return out
}

// kind reads the object kind of the map.
func (r *reader) kind(n *node) (model.Kind, bool) {
	var names []string
	for _, k := range model.Kinds() {
		names = append(names, string(k))
	}
	i := slices.IndexFunc(n.entries, func(e entry) bool { return e.key == "kind" })
	if i < 0 {
		for _, e := range n.entries {
			if near := model.Nearest(e.key, []string{"kind"}); near != "" {
				r.error(e.pos, msgKindMisspelled, clip(e.key))
				return "", false
			}
		}
		r.error(n.pos, msgObjectWithoutKind, strings.Join(names, ", "))
		return "", false
	}
	v := n.entries[i].value
	if v.kind != scalarNode || !slices.Contains(names, v.text) {
		hint := "it is one of " + strings.Join(names, ", ")
		if near := model.Nearest(v.text, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		r.error(v.pos, msgKindUnknown, v.describe(), hint)
		return "", false
	}
	return model.Kind(v.text), true
}

// fields reads the entries of a map into a struct. prefix is the path of the struct
// within the object, "" or "nics[0]."; positions are stored by that path.
func (r *reader) fields(into reflect.Value, owner string, infos []model.FieldInfo, n *node, prefix string, places map[string]Position) {
	seen := make(map[string]Position, len(n.entries))
	for _, e := range n.entries {
		if first, dup := seen[e.key]; dup {
			r.error(e.pos, msgPropertyRepeated, clip(e.key), first.Line)
			continue
		}
		seen[e.key] = e.pos
		if prefix == "" && e.key == "kind" {
			continue
		}
		i := slices.IndexFunc(infos, func(f model.FieldInfo) bool { return f.Name == e.key })
		if i < 0 {
			r.unknown(owner, infos, e)
			continue
		}
		path := prefix + e.key
		places[path] = e.value.pos
		r.valueAt(into.Field(infos[i].Index), infos[i], path, e.value, places)
	}
}

func (r *reader) unknown(owner string, infos []model.FieldInfo, e entry) {
	names := make([]string, len(infos))
	for i, f := range infos {
		names[i] = f.Name
	}
	if near := model.Nearest(e.key, names); near != "" {
		r.error(e.pos, msgPropertyMisspelled, clip(e.key), owner, near)
		return
	}
	r.error(e.pos, msgPropertyUnknown, clip(e.key), owner, strings.Join(names, ", "))
}

// value reads a value without storing its position.
func (r *reader) value(into reflect.Value, f model.FieldInfo, path string, n *node) {
	r.valueAt(into, f, path, n, make(map[string]Position))
}

func (r *reader) valueAt(into reflect.Value, f model.FieldInfo, path string, n *node, places map[string]Position) {
	if n.kind == nullNode {
		r.error(n.pos, msgPropertyWithoutValue, path)
		return
	}
	if f.IsStructures() || f.Type == model.FieldTexts || f.Type == model.FieldAddrs {
		r.list(into, f, path, n, places)
	} else {
		r.scalar(into, f, path, n)
	}
}

func (r *reader) scalar(into reflect.Value, f model.FieldInfo, path string, n *node) {
	if n.kind != scalarNode {
		r.error(n.pos, msgPropertyTypeDiffers, path, article(f.Type), n.describe())
		return
	}
	text := n.text
	if f.Type != model.FieldText {
		text = strings.TrimSpace(text)
	}
	var v any
	var err error
	switch f.Type {
	case model.FieldText:
		if into.Kind() == reflect.String {
			into.SetString(text)
			return
		}
	case model.FieldInt:
		v, err = parseInt(text)
	case model.FieldBool:
		v, err = parseBool(text)
	case model.FieldAddr:
		v, err = parseAddr(text)
	case model.FieldPrefix:
		v, err = parsePrefix(text)
	default:
		err = fmt.Errorf("cannot be set")
	}
	if err != nil {
		r.error(n.pos, msgPropertyValueInvalid, path, err)
		return
	}
	into.Set(reflect.ValueOf(v))
}

// article puts an article before a type's name.
func article(t model.FieldType) string {
	switch {
	case t == model.FieldText:
		return string(t)
	case strings.HasPrefix(string(t), "IP"):
		return "an " + string(t)
	}
	return "a " + string(t)
}

// list reads a list, or a string in place of one.
func (r *reader) list(into reflect.Value, f model.FieldInfo, path string, n *node, places map[string]Position) {
	items := n.items
	switch {
	case n.kind == mapNode && f.Type != model.FieldTexts && f.Type != model.FieldAddrs:
		items = []*node{n} // one range or NIC without a list
	case n.kind == scalarNode && f.IsStructures():
		var err error
		if items, err = splitItems(f, n); err != nil {
			r.error(n.pos, msgPropertyValueInvalid, path, err)
			return
		}
	case n.kind == scalarNode:
		items = nil
		for _, part := range splitList(n.text) {
			items = append(items, &node{kind: scalarNode, pos: n.pos, text: part})
		}
	case n.kind != listNode:
		r.error(n.pos, msgPropertyListExpected, path, f.Type, n.describe())
		return
	}
	out := reflect.MakeSlice(into.Type(), len(items), len(items))
	for i, item := range items {
		r.item(out.Index(i), f, fmt.Sprintf("%s[%d]", path, i), item, places)
	}
	if len(items) > 0 {
		into.Set(out)
	}
}

func (r *reader) item(into reflect.Value, f model.FieldInfo, path string, n *node, places map[string]Position) {
	places[path] = n.pos
	switch {
	case f.Type == model.FieldTexts:
		r.scalar(into, model.FieldInfo{Type: model.FieldText}, path, n)
	case f.Type == model.FieldAddrs:
		r.addr(into, path, n)
	case f.Type == model.FieldRanges:
		if n.kind == scalarNode {
			v, err := parseRange(n.text)
			if err != nil {
				r.error(n.pos, msgPropertyValueInvalid, path, err)
			}
			into.Set(reflect.ValueOf(v))
			return
		}
		r.nested(into, f, path, n, places)
	case f.IsStructures():
		if n.kind == scalarNode {
			if n = r.oneItem(f, path, n); n == nil {
				return
			}
		}
		r.nested(into, f, path, n, places)
	default:
		r.error(n.pos, msgPropertyReadOnly, path)
	}
}

// oneItem reads an item that is written in one string; nil after an error.
func (r *reader) oneItem(f model.FieldInfo, path string, n *node) *node {
	items, err := splitItems(f, n)
	switch {
	case err != nil:
		r.error(n.pos, msgPropertyValueInvalid, path, err)
		return nil
	case len(items) != 1:
		_, owner := f.ItemFields()
		r.error(n.pos, msgPropertyItemExpected, path, owner, clip(n.text))
		return nil
	}
	return items[0]
}

func (r *reader) addr(into reflect.Value, path string, n *node) {
	into.Set(reflect.ValueOf(netip.Addr{}))
	r.scalar(into, model.FieldInfo{Type: model.FieldAddr}, path, n)
}

// nested reads an item of a list of objects.
func (r *reader) nested(into reflect.Value, f model.FieldInfo, path string, n *node, places map[string]Position) {
	infos, owner := f.ItemFields()
	if n.kind != mapNode {
		r.error(n.pos, msgPropertyMapExpected, path, owner, n.describe())
		return
	}
	r.fields(into, owner, infos, n, path+".", places)
}
