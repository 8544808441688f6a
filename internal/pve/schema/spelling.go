package schema

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// kindOf is the kind of Proxmox's objects that a kind of the model stands for; nil where
// Proxmox has none.
func kindOf(m model.Kind) *Kind {
	for _, k := range []*Kind{zones, vnets, subnets, controllers, fabrics, fabricNodes, ipams, nameServers} {
		if k.Model == m {
			return k
		}
	}
	return nil
}

// CheckWritten demands that what an object's Written has is what Put would leave there: of
// properties that the object's type has, words that mean the property's value. Nothing
// else may come into the files and answers that show them.
func CheckWritten(o model.Object) error {
	k := kindOf(o.ObjectKind())
	object := reflect.ValueOf(o).Elem()
	written := model.WrittenOf(o)
	for _, name := range slices.Sorted(maps.Keys(written)) {
		words := written[name]
		if s, ok := o.(*model.Subnet); ok && name == networkWords {
			if p, err := netip.ParsePrefix(first(words)); len(words) != 1 || err != nil || p != s.CIDR {
				return fmt.Errorf("%s: is not the network %s", name, s.CIDR)
			}
			continue
		}
		p := k.Property(name)
		if p == nil || p.Takes(typeOf(o)) == 0 {
			return fmt.Errorf("%q is no property of this type of %s in Proxmox VE", clip(name), k.Noun)
		}
		if what := p.Fault(words); what != "" {
			return fmt.Errorf("%s: %s", name, what)
		}
		i := slices.IndexFunc(k.bindings(), func(b binding) bool { return b.property == p })
		if i >= 0 && !k.bindings()[i].means(words, object.Field(k.bindings()[i].field.Index)) {
			return fmt.Errorf("%s: the words say something else than the property", name)
		}
	}
	return nil
}

func first(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return words[0]
}
