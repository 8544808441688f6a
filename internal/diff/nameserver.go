package diff

import (
	"maps"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// NameServer compares two states of a node's DNS server: its listening addresses, and
// each name. Either may be nil.
func NameServer(old, new *desired.NameServer) []Change {
	oldNames, newNames := differingNames(old, new)
	return append(Keyed(desired.TypeNameView, desired.ViewEntries(old), desired.ViewEntries(new)), Keyed(desired.TypeName, nameEntries(oldNames), nameEntries(newNames))...)
}

// viewNames are names of a view.
type viewNames struct {
	view  *desired.NameView
	names []desired.NameEntry
}

// differingNames are the names of both states without equal ones. There may be tens of
// thousands, with one of them changed: the others are not described. Equal ones are
// found if both lists are sorted by name, as they are when created.
func differingNames(old, new *desired.NameServer) (oldNames, newNames []viewNames) {
	before := map[string]*desired.NameView{}
	if old != nil {
		for i := range old.Views {
			before[old.Views[i].Zone] = &old.Views[i]
		}
	}
	if new != nil {
		for i := range new.Views {
			v := &new.Views[i]
			o := before[v.Zone]
			if o == nil || o.Owner != v.Owner {
				newNames = append(newNames, viewNames{v, v.Names})
				continue
			}
			delete(before, v.Zone)
			o1, n1 := withoutEqual(o.Names, v.Names)
			oldNames, newNames = append(oldNames, viewNames{o, o1}), append(newNames, viewNames{v, n1})
		}
	}
	for _, zone := range slices.Sorted(maps.Keys(before)) {
		oldNames = append(oldNames, viewNames{before[zone], before[zone].Names})
	}
	return oldNames, newNames
}

// withoutEqual are two lists without their equal elements.
func withoutEqual(old, new []desired.NameEntry) (oldRest, newRest []desired.NameEntry) {
	i, k := 0, 0
	for i < len(old) && k < len(new) {
		switch order := strings.Compare(old[i].Name, new[k].Name); {
		case order == 0 && slices.Equal(old[i].IPs, new[k].IPs):
			i, k = i+1, k+1
		case order == 0:
			oldRest, newRest = append(oldRest, old[i]), append(newRest, new[k])
			i, k = i+1, k+1
		case order < 0:
			oldRest = append(oldRest, old[i])
			i++
		default:
			newRest = append(newRest, new[k])
			k++
		}
	}
	return append(oldRest, old[i:]...), append(newRest, new[k:]...)
}

func nameEntries(all []viewNames) (out []desired.Entry) {
	for _, v := range all {
		for _, n := range v.names {
			out = append(out, v.view.Entry(n))
		}
	}
	return out
}
