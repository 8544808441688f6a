package schema

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// binding is a property and the model's field that holds it.
type binding struct {
	property *Property
	field    model.FieldInfo
}

// bindings of a kind, computed once.
var bindings sync.Map // *Kind -> []binding

func (k *Kind) bindings() []binding {
	if b, ok := bindings.Load(k); ok {
		return b.([]binding)
	}
	fields := map[string]model.FieldInfo{}
	for _, f := range model.Fields(k.Model) {
		fields[f.Name] = f
	}
	var out []binding
	for i := range k.Properties {
		p := &k.Properties[i]
		out = append(out, binding{p, fields[p.field()]})
	}
	bindings.Store(k, out)
	return out
}

// Of returns an object's properties in Proxmox's form.
func (k *Kind) Of(o model.Object) Values {
	v := Values{}
	object := reflect.ValueOf(o).Elem()
	written := model.ClientSpellingOf(o)
	if typ := typeOf(o); typ != "" {
		v[typeKey] = []string{typ}
	}
	for _, b := range k.bindings() {
		field := object.Field(b.field.Index)
		if spelling, ok := written[b.property.Name]; ok && b.matches(spelling, field) {
			v[b.property.Name] = spelling
			continue
		}
		if values := b.texts(field); len(values) > 0 {
			v[b.property.Name] = values
		}
	}
	return v
}

// typeOf returns the type of an object in Proxmox's terms.
func typeOf(o model.Object) string {
	switch o := o.(type) {
	case *model.Zone:
		return string(o.Type)
	case *model.Controller:
		return string(o.Type)
	case *model.VNet:
		return "vnet"
	case *model.Subnet:
		return "subnet"
	case *model.Fabric:
		return string(o.Protocol)
	case *model.IPAM:
		return string(o.Type)
	case *model.NameServer:
		return o.Type
	}
	return ""
}

// Put sets an object's properties to the values, which must have the right form, and
// clears all others. A spelling that differs from that of Of is kept in the object's
// ClientSpelling.
func (k *Kind) Put(o model.Object, v Values) error {
	object := reflect.ValueOf(o).Elem()
	written := map[string][]string{}
	for _, b := range k.bindings() {
		field := object.Field(b.field.Index)
		field.SetZero()
		spelling, ok := v[b.property.Name]
		if !ok {
			continue
		}
		value, err := b.value(spelling)
		if err != nil {
			return Faults{b.property.Name: "invalid format - " + clip(err.Error())}
		}
		field.Set(value)
		if !slices.Equal(b.texts(field), spelling) {
			written[b.property.Name] = spelling
		}
	}
	if len(written) == 0 {
		written = nil
	}
	model.SetClientSpelling(o, written)
	return nil
}

// maxClip limits how much of a value a text shows, in bytes.
const maxClip = 100

func clip(s string) string {
	if len(s) > maxClip {
		return strings.ToValidUTF8(s[:maxClip], "") + "..."
	}
	return s
}

// matches reports whether a spelling still has the value of a field.
func (b *binding) matches(spelling []string, field reflect.Value) bool {
	v, err := b.value(spelling)
	return err == nil && reflect.DeepEqual(v.Interface(), field.Interface())
}

// texts formats a field's value as Proxmox does; nil for one that is not set.
func (b *binding) texts(field reflect.Value) []string {
	if field.IsZero() || field.Kind() == reflect.Slice && field.Len() == 0 {
		return nil
	}
	switch x := field.Interface().(type) {
	case bool:
		return []string{"1"}
	case int:
		return []string{strconv.Itoa(x)}
	case model.Secret:
		return []string{string(x)}
	case fmt.Stringer:
		return []string{x.String()}
	}
	if field.Kind() == reflect.String {
		return []string{field.String()}
	}
	out := make([]string, field.Len())
	for i := range out {
		out[i] = item(field.Index(i))
	}
	if b.property.Unordered {
		slices.Sort(out)
	}
	if b.property.Form == List {
		return []string{strings.Join(out, ",")}
	}
	return out
}

// item formats one item of a list: an object as name=value,name=value.
func item(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case string:
		return x
	case fmt.Stringer:
		if v.Kind() != reflect.Struct || v.Type() == reflect.TypeFor[netip.Addr]() || v.Type() == reflect.TypeFor[netip.Prefix]() {
			return x.String()
		}
	}
	var parts []string
	for _, f := range model.FieldsOfItem(v.Type()) {
		field := v.Field(f.Index)
		if field.IsZero() {
			continue
		}
		text := ""
		switch x := field.Interface().(type) {
		case fmt.Stringer:
			text = x.String()
		case bool:
			text = "1" // other values are not written
		default:
			text = fmt.Sprint(x)
		}
		parts = append(parts, underscored(v.Type(), f.Name)+"="+text)
	}
	return strings.Join(parts, ",")
}

// underscored returns the name of an item's property in Proxmox's terms: those of
// fabrics have underscores.
func underscored(item reflect.Type, name string) string {
	if item == reflect.TypeFor[model.FabricInterface]() || item == reflect.TypeFor[model.FabricPeer]() {
		return strings.ReplaceAll(name, "-", "_")
	}
	return name
}

// value parses a spelling as a value of the field's type.
func (b *binding) value(spelling []string) (reflect.Value, error) {
	out := reflect.New(b.field.Go).Elem()
	if b.field.Go.Kind() != reflect.Slice {
		if len(spelling) != 1 {
			return out, fmt.Errorf("has %d values instead of one", len(spelling))
		}
		return out, setText(out, spelling[0])
	}
	list := spelling
	if b.property.Form == List && len(spelling) == 1 {
		list = items(spelling[0])
	}
	for _, text := range list {
		one := reflect.New(b.field.Go.Elem()).Elem()
		if err := setItem(one, text); err != nil {
			return out, err
		}
		out.Set(reflect.Append(out, one))
	}
	if names, ok := out.Interface().([]string); ok && b.property.Unordered {
		slices.Sort(names)
	}
	return out, nil
}

// setItem parses one item of a list.
func setItem(into reflect.Value, text string) error {
	fields := model.FieldsOfItem(into.Type())
	if fields == nil {
		return setText(into, text)
	}
	for part := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		i := slices.IndexFunc(fields, func(f model.FieldInfo) bool { return underscored(into.Type(), f.Name) == name })
		if !ok || i < 0 {
			return fmt.Errorf("%q: unknown part %q", text, part)
		}
		if err := setText(into.Field(fields[i].Index), value); err != nil {
			return err
		}
	}
	return nil
}

// setText parses a single value.
func setText(into reflect.Value, text string) error {
	var err error
	switch x := into.Addr().Interface().(type) {
	case *netip.Addr:
		if text != "" {
			*x, err = netip.ParseAddr(text)
		}
	case *netip.Prefix:
		if text != "" {
			*x, err = netip.ParsePrefix(text)
		}
	case *bool:
		value, ok := parseBool(text)
		if !ok {
			return fmt.Errorf("%q is not a boolean", text)
		}
		*x = value
	case *int:
		*x, err = strconv.Atoi(strings.TrimPrefix(text, "+"))
	default:
		into.SetString(text)
	}
	return err
}
