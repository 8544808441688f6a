package schema

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// kindOf returns the kind of Proxmox's objects that corresponds to a kind of the model;
// nil if Proxmox has none.
func kindOf(m model.Kind) *Kind {
	for _, k := range []*Kind{zones, vnets, subnets, controllers, fabrics, fabricNodes, ipams, nameServers} {
		if k.Model == m {
			return k
		}
	}
	return nil
}

// CheckClientSpelling checks that an object's ClientSpelling has only what Put would store there:
// properties of the object's type, with spellings that match the property's value. The
// files and answers that show them must not contain anything else.
func CheckClientSpelling(o model.Object) error {
	k := kindOf(o.ObjectKind())
	object := reflect.ValueOf(o).Elem()
	written := model.ClientSpellingOf(o)
	for _, name := range slices.Sorted(maps.Keys(written)) {
		spelling := written[name]
		if s, ok := o.(*model.Subnet); ok && name == networkSpelling {
			if p, err := netip.ParsePrefix(strings.Join(spelling, " ")); err != nil || p != s.CIDR {
				return fmt.Errorf("%s: is not the network %s", name, s.CIDR)
			}
			continue
		}
		i := slices.IndexFunc(k.bindings(), func(b binding) bool { return b.property.Name == name })
		if i < 0 || k.bindings()[i].property.Takes(typeOf(o)) == 0 {
			return fmt.Errorf("%q is no property of this type of %s in Proxmox VE", clip(name), k.Noun)
		}
		b := k.bindings()[i]
		if what := b.property.Fault(spelling); what != "" {
			return fmt.Errorf("%s: %s", name, what)
		}
		if !b.matches(spelling, object.Field(b.field.Index)) {
			return fmt.Errorf("%s: the words say something else than the property", name)
		}
	}
	return nil
}
