package diff

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// NameServer compares two states of a node's name server: where it listens, and each
// name. Either may be nil.
func NameServer(old, new *desired.NameServer) []Change {
	same := unchanged(old, new)
	views, names := nameEntries(old, same)
	wantedViews, wantedNames := nameEntries(new, same)
	return append(Keyed(TypeNameView, views, wantedViews), Keyed(TypeName, names, wantedNames)...)
}

// viewName is a name of a zone.
type viewName struct{ zone, name string }

// unchanged are the names that are equal in both states. There may be ten thousands,
// of which one has changed: the others are not described.
func unchanged(old, new *desired.NameServer) map[viewName]bool {
	if old == nil || new == nil {
		return nil
	}
	had := map[viewName][]netip.Addr{}
	owners := map[string]string{}
	for _, v := range old.Views {
		owners[v.Zone] = v.Owner
		for _, n := range v.Names {
			had[viewName{v.Zone, n.Name}] = n.IPs
		}
	}
	same := make(map[viewName]bool, len(had))
	for _, v := range new.Views {
		for _, n := range v.Names {
			at := viewName{v.Zone, n.Name}
			if ips, ok := had[at]; ok && owners[v.Zone] == v.Owner && slices.Equal(ips, n.IPs) {
				same[at] = true
			}
		}
	}
	return same
}

func nameEntries(s *desired.NameServer, same map[viewName]bool) (views, names []Entry) {
	if s == nil {
		return nil, nil
	}
	for _, v := range s.Views {
		var listen []string
		for _, l := range v.Listen {
			listen = append(listen, l.Addr.String()+" on "+l.Link)
		}
		views = append(views, Entry{Key: v.Zone, Name: v.Zone, Owner: v.Owner, Props: []Prop{
			{Name: "domain", Value: v.Domain},
			{Name: "listen", Value: strings.Join(listen, ", ")},
			{Name: "networks", Value: joined(v.Networks)},
			{Name: "forwarders", Value: joined(s.Forwarders)},
		}})
		for _, n := range v.Names {
			if same[viewName{v.Zone, n.Name}] {
				continue
			}
			names = append(names, Entry{Key: v.Zone + " " + n.Name, Name: n.Name, Owner: v.Owner, Props: []Prop{
				{Name: "addresses", Value: joined(n.IPs)},
			}})
		}
	}
	return views, names
}

// joined writes a list of values in one line.
func joined[T fmt.Stringer](list []T) string {
	texts := make([]string, len(list))
	for i, x := range list {
		texts[i] = x.String()
	}
	return strings.Join(texts, ", ")
}
