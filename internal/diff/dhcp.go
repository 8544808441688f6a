package diff

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// DHCP compares two states of the DHCP servers: each server, what it serves on each
// link, and the NICs that it knows. There may be very many NICs, so only their number is
// reported.
func DHCP(old, new []desired.DHCPServer) []Change {
	out := Keyed(desired.TypeDHCP, desired.DHCPEntries(old), desired.DHCPEntries(new))
	before := map[string][]desired.DHCPHost{}
	for _, s := range old {
		for _, n := range s.Networks {
			before[s.Zone+" "+n.Link] = n.Hosts
		}
	}
	for _, s := range new {
		for i, n := range s.Networks {
			if c := DHCPHosts(s.Zone, &s.Networks[i], before[s.Zone+" "+n.Link]); c != nil {
				out = append(out, *c)
			}
		}
	}
	return out
}

// DHCPHosts is the change with the numbers of NICs that a network's server adds,
// updates, and removes, compared with those that it had; nil if none.
func DHCPHosts(zone string, n *desired.DHCPNetwork, had []desired.DHCPHost) *Change {
	before := make(map[string]*desired.DHCPHost, len(had))
	for i := range had {
		before[had[i].MAC] = &had[i]
	}
	added, changed := 0, 0
	for _, h := range n.Hosts {
		switch old := before[h.MAC]; {
		case old == nil:
			added++
		case old.Name != h.Name || !slices.Equal(old.IPs, h.IPs):
			changed++
		}
		delete(before, h.MAC)
	}
	removed := len(before)
	if added+changed+removed == 0 {
		return nil
	}
	c := &Change{Action: Update, Type: desired.TypeDHCP, Name: zone + " " + n.Link + " hosts", Owner: n.Owner}
	for _, f := range []struct {
		name  string
		count int
	}{{"added", added}, {"changed", changed}, {"removed", removed}} {
		if f.count > 0 {
			c.Fields = append(c.Fields, Field{Name: f.name, New: strconv.Itoa(f.count)})
		}
	}
	return c
}

// DHCPFile is the change of a server's file that is not as declared.
func DHCPFile(zone, owner, name string, action Action) Change {
	c := Change{Action: action, Type: desired.TypeDHCP, Name: fmt.Sprintf("%s file %s", zone, name), Owner: owner}
	if action == Update {
		c.Fields = []Field{{Name: "content", Old: "other", New: "as declared"}}
	}
	return c
}
