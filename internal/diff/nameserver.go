package diff

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// NameServer compares two states of a node's name server: where it listens, and each
// name. Either may be nil.
func NameServer(old, new *desired.NameServer) []Change {
	oldNames, newNames := differingNames(old, new)
	return append(Keyed(TypeNameView, viewEntries(old), viewEntries(new)), Keyed(TypeName, nameEntries(oldNames), nameEntries(newNames))...)
}

// viewNames are names of a view.
type viewNames struct {
	view  *desired.NameView
	names []desired.NameEntry
}

// differingNames are the names of both states without those that are equal in them.
// There may be ten thousands, of which one has changed: the others are not described.
// Equal ones are found where both lists are in the order of names, as they are made.
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

// withoutEqual are two lists without what is equal in both.
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

func viewEntries(s *desired.NameServer) (out []Entry) {
	if s == nil {
		return nil
	}
	for _, v := range s.Views {
		var listen []string
		for _, l := range v.Listen {
			listen = append(listen, l.Addr.String()+" on "+l.Link)
		}
		out = append(out, Entry{Key: v.Zone, Name: v.Zone, Owner: v.Owner, Props: []Prop{
			{Name: "domain", Value: v.Domain},
			{Name: "listen", Value: strings.Join(listen, ", ")},
			{Name: "networks", Value: joined(v.Networks)},
			{Name: "forwarders", Value: joined(s.Forwarders)},
		}})
	}
	return out
}

func nameEntries(all []viewNames) (out []Entry) {
	for _, v := range all {
		for _, n := range v.names {
			out = append(out, Entry{Key: v.view.Zone + " " + n.Name, Name: n.Name, Owner: v.view.Owner, Props: []Prop{
				{Name: "addresses", Value: joined(n.IPs)},
			}})
		}
	}
	return out
}

// joined writes a list of values in one line.
func joined[T fmt.Stringer](list []T) string {
	texts := make([]string, len(list))
	for i, x := range list {
		texts[i] = x.String()
	}
	return strings.Join(texts, ", ")
}
