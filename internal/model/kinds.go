package model

import (
	"reflect"
	"strings"
)

// table has every kind in dependency order. It is filled by init, not by initializers, because
// the functions of the descriptors refer back to it.
var (
	table  []*Descriptor
	byKind map[Kind]*Descriptor
)

func init() {
	setTable([]*Descriptor{
		nodeKind(),
		prefixListKind(),
		routeMapKind(),
		fabricKind(),
		fabricNodeKind(),
		controllerKind(),
		zoneKind(),
		vnetKind(),
		subnetKind(),
		backplaneKind(),
		sectorKind(),
		loadBalancerKind(),
		ipamKind(),
		dnsKind(),
		aliasKind(),
		ipSetKind(),
		securityGroupKind(),
		firewallKind(),
		guestKind(),
	})
}

func setTable(all []*Descriptor) {
	table, byKind = all, make(map[Kind]*Descriptor, len(all))
	for _, d := range all {
		byKind[d.Kind] = d
		d.complete()
	}
}

// setRow describes the owner set property of every kind.
var setRow = Property{Name: "set", Doc: "owner set: manifests that it was applied from, which prune it", Pattern: setNameForm.String()}

// complete fills in the fields that are derived from the objects' Go type.
func (d *Descriptor) complete() {
	t := reflect.TypeOf(d.slot.new()).Elem()
	d.fields = fieldsOf(t, append([]Property{setRow}, d.Properties...))
	at := func(is func(f reflect.StructField) bool) int {
		for i := range t.NumField() {
			if is(t.Field(i)) {
				return i
			}
		}
		return -1
	}
	named := func(name string) func(f reflect.StructField) bool {
		return func(f reflect.StructField) bool { return name != "" && jsonName(f) == name }
	}
	d.typeField, d.set = at(named(d.TypeProperty)), at(named("set"))
	d.refersTo = append(refKindsOf(d.fields), d.refKinds...)
	d.written = at(func(f reflect.StructField) bool { return f.Type == reflect.TypeFor[ClientSpelling]() })
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// typeOf returns the type of an object, as in Property.Types; empty if the kind has none.
func (d *Descriptor) typeOf(o Object) string {
	if d.typeField < 0 {
		return ""
	}
	return reflect.ValueOf(o).Elem().Field(d.typeField).String()
}
