package diff

import (
	"fmt"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// NameServer compares two states of a node's name server: where it listens, and each
// name. Either may be nil.
func NameServer(old, new *desired.NameServer) []Change {
	views, names := nameEntries(old)
	wantedViews, wantedNames := nameEntries(new)
	return append(Keyed(TypeNameView, views, wantedViews), Keyed(TypeName, names, wantedNames)...)
}

func nameEntries(s *desired.NameServer) (views, names []Entry) {
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
