package compile

import (
	"maps"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/routing"
)

// policies are the route maps and prefix lists that something on a node refers
// to, by name: first directly, after close also indirectly.
type policies struct{ maps, lists map[string]bool }

func newPolicies() *policies { return &policies{maps: map[string]bool{}, lists: map[string]bool{}} }

func (p *policies) routeMaps(names ...string) {
	for _, name := range names {
		p.maps[name] = true
	}
}

// controller adds what a controller refers to, and the names that it generates,
// which declared maps may replace.
func (p *policies) controller(c *model.Controller) {
	p.routeMaps(c.RouteMapIn, c.RouteMapOut)
	switch c.Type {
	case model.ControllerEVPN:
		in, out := (&routing.EVPN{Group: c.PeerGroup()}).Maps()
		p.routeMaps(in, out)
	case model.ControllerBGP:
		p.routeMaps(routing.MapAll)
	case model.ControllerISIS:
	}
}

// fabric adds what a fabric refers to.
func (p *policies) fabric(f *model.Fabric) {
	p.lists[f.RouteFilter] = true
	p.routeMaps(f.RouteMapIn, f.RouteMapOut)
	for _, r := range f.Redistribute {
		p.routeMaps(r.RouteMap)
	}
	if f.Protocol == model.FabricBGP {
		p.routeMaps(routing.MapAll)
	}
}

// close returns all that is needed and that the configuration has, sorted by
// name.
func (p *policies) close(cfg *model.Config) ([]*model.RouteMap, []*model.PrefixList) {
	todo := slices.Collect(maps.Keys(p.maps))
	for len(todo) > 0 {
		m := cfg.RouteMaps[todo[0]]
		todo = todo[1:]
		if m == nil {
			continue
		}
		for _, name := range m.PrefixLists() {
			p.lists[name] = true
		}
		for _, name := range m.Calls() {
			if !p.maps[name] {
				p.maps[name] = true
				todo = append(todo, name)
			}
		}
	}
	var routeMaps []*model.RouteMap
	for _, name := range slices.Sorted(maps.Keys(p.maps)) {
		if m := cfg.RouteMaps[name]; m != nil {
			routeMaps = append(routeMaps, m)
		}
	}
	var lists []*model.PrefixList
	for _, name := range slices.Sorted(maps.Keys(p.lists)) {
		if l := cfg.PrefixLists[name]; l != nil {
			lists = append(lists, l)
		}
	}
	return routeMaps, lists
}
