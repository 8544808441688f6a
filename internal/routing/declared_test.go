package routing_test

import (
	"net/netip"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/routing"
)

// Declared lists and maps are written in FRR's syntax, and replace generated ones of their
// names.
func TestDeclaredPolicies(t *testing.T) {
	i := &routing.Intent{
		Controllers: []routing.Controller{session(func(*routing.EVPN) {})},
		PrefixLists: []*model.PrefixList{{ID: "pl", Entries: []model.PrefixEntry{
			{Seq: 5, Action: model.ActionPermit, Prefix: netip.MustParsePrefix("10.0.0.0/8"), Ge: 16, Le: 24},
			{Seq: 10, Action: model.ActionDeny, Prefix: netip.MustParsePrefix("0.0.0.0/0")},
		}}},
		RouteMaps: []*model.RouteMap{
			{ID: "MAP_VTEP_IN", Entries: []model.RouteMapEntry{{Order: 7, Action: model.ActionDeny, Match: []string{"ip-address-prefix-list=pl", "vni=70000"}, ExitAction: model.ExitNext}}},
			{ID: "rm", Entries: []model.RouteMapEntry{
				{Order: 10, Action: model.ActionPermit, Match: []string{"metric=5"}, Set: []string{"ip-next-hop-peer-address", "local-preference=200"}, Call: "other", ExitAction: "continue=20"},
				{Order: 20, Action: model.ActionPermit, ExitAction: "on-match-goto=30"},
				{Order: 30, Action: model.ActionPermit, ExitAction: "on-match-next"},
				{Order: 40, Action: model.ActionDeny, ExitAction: "continue=50"},
			}},
		},
	}
	i.RouteMaps[1].Entries[1].ExitAction = model.JoinClause(model.ExitGoto, "30")
	i.RouteMaps[1].Entries[2].ExitAction = model.ExitNext
	i.RouteMaps[1].Entries[0].ExitAction = model.JoinClause(model.ExitContinue, "20")
	i.RouteMaps[1].Entries[3].ExitAction = model.JoinClause(model.ExitContinue, "50")
	text := routing.Build(i).Body()
	wantLines(t, "list", lines(text, "prefix-list pl seq"), "ip prefix-list pl seq 5 permit 10.0.0.0/8 ge 16 le 24", "ip prefix-list pl seq 10 deny 0.0.0.0/0")
	wantLines(t, "maps", lines(text, "route-map MAP_VTEP_IN ", "route-map rm "),
		"neighbor VTEP route-map MAP_VTEP_IN in", "route-map MAP_VTEP_IN deny 7",
		"route-map rm permit 10", "route-map rm permit 20", "route-map rm permit 30", "route-map rm deny 40")
	wantLines(t, "replaced", context(text, "route-map MAP_VTEP_IN deny 7"), "match ip address prefix-list pl", "match evpn vni 70000")
	wantLines(t, "10", context(text, "route-map rm permit 10"),
		"match metric 5", "set ip next-hop peer-address", "set local-preference 200", "call other", "on-match goto 20")
	wantLines(t, "20", context(text, "route-map rm permit 20"), "on-match goto 30")
	wantLines(t, "30", context(text, "route-map rm permit 30"), "on-match next")
	wantLines(t, "40", context(text, "route-map rm deny 40"))

	i.Dialect = routing.Proxmox()
	text = routing.Build(i).Body()
	wantLines(t, "Proxmox's 10", context(text, "route-map rm permit 10"),
		"match metric 5", "set ip next-hop peer-address", "set local-preference 200", "call other", "continue 20")
	wantLines(t, "Proxmox's 40", context(text, "route-map rm deny 40"), "continue 50")
}
