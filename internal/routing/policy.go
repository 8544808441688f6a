package routing

import (
	"fmt"
	"maps"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/render/frr"
)

// matchWords, setWords and exitWords are FRR's keywords for the keys.
var (
	matchWords = map[string]string{
		"route-type":               "evpn route-type",
		"vni":                      "evpn vni",
		"ip-address-prefix-list":   "ip address prefix-list",
		"ip6-address-prefix-list":  "ipv6 address prefix-list",
		"ip-next-hop-prefix-list":  "ip next-hop prefix-list",
		"ip6-next-hop-prefix-list": "ipv6 next-hop prefix-list",
		"ip-next-hop-address":      "ip next-hop address",
		"ip6-next-hop-address":     "ipv6 next-hop address",
		"metric":                   "metric",
		"local-preference":         "local-preference",
		"peer":                     "peer",
		"tag":                      "tag",
	}
	setWords = map[string]string{
		"ip-next-hop-peer-address":   "ip next-hop peer-address",
		"ip-next-hop-unchanged":      "ip next-hop unchanged",
		"ip-next-hop":                "ip next-hop",
		"ip6-next-hop-peer-address":  "ipv6 next-hop peer-address",
		"ip6-next-hop-prefer-global": "ipv6 next-hop prefer-global",
		"ip6-next-hop":               "ipv6 next-hop global",
		"local-preference":           "local-preference",
		"tag":                        "tag",
		"weight":                     "weight",
		"metric":                     "metric",
		"src":                        "src",
	}
	exitWords = map[string]string{model.ExitNext: "on-match next", model.ExitGoto: "on-match goto", model.ExitContinue: "continue"}
)

// lines are clauses, "key=value", in FRR's syntax. It skips those without an equivalent.
func lines(list []string, words map[string]string) []string {
	var out []string
	for _, c := range list {
		key, value := model.SplitClause(c)
		if w, ok := words[key]; ok && value != "" {
			out = append(out, w+" "+value)
		} else if ok {
			out = append(out, w)
		}
	}
	return out
}

// policies replaces generated lists and maps by declared ones.
func (b *builder) policies(i *Intent) {
	for _, l := range i.PrefixLists {
		out := frr.Put(&b.c.PrefixLists, l.ID, &frr.PrefixList{Name: l.ID, Owner: model.Ref(model.KindPrefixList, l.ID)})
		for _, e := range l.Numbered() {
			out.Entries = append(out.Entries, frr.PrefixEntry{Seq: e.Seq, Deny: e.Action == model.ActionDeny, Prefix: e.Prefix, Ge: e.Ge, Le: e.Le})
		}
	}
	for _, m := range i.RouteMaps {
		out := frr.Put(&b.c.RouteMaps, m.ID, &frr.RouteMap{Name: m.ID})
		for _, e := range m.Ordered() {
			out.Entries = append(out.Entries, frr.RouteMapEntry{
				Seq: e.Order, Deny: e.Action == model.ActionDeny, Owner: model.Ref(model.KindRouteMap, m.ID),
				Match: lines(e.Match, matchWords), Set: lines(e.Set, setWords), Call: e.Call, Exit: b.exitAction(&e),
			})
		}
	}
}

// exitAction is where an entry continues, in FRR's syntax. One that denies never
// continues, and FRR 10.7 rejects an exit there.
func (b *builder) exitAction(e *model.RouteMapEntry) string {
	if e.Action == model.ActionDeny && !b.dialect.Continue {
		return ""
	}
	key, value := model.SplitClause(e.ExitAction)
	if key == model.ExitContinue && !b.dialect.Continue {
		key = model.ExitGoto // as FRR itself converts it
	}
	for _, l := range lines([]string{model.JoinClause(key, value)}, exitWords) {
		return l
	}
	return ""
}

// communities selects the routes to advertise to the peers of a controller, where the node
// has several: those of the controller's zones. Routes advertised to one network of peers
// must not reach the other indirectly.
func (b *builder) communities(i *Intent) {
	if len(b.evpn) < 2 {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(b.evpn)) {
		l := &frr.CommunityList{Name: listController + id, Owner: b.evpn[id].Owner}
		seq := 0
		add := func(e frr.CommunityEntry) {
			if !b.dialect.AnyCommunity { // FRR numbers them so, and shows it
				seq += 5
				e.Seq = seq
			}
			l.Entries = append(l.Entries, e)
		}
		zones := slices.DeleteFunc(slices.Clone(i.Zones), func(z Zone) bool { return !slices.Contains(z.controllers(), id) })
		for _, z := range zones {
			b.zoneCommunities(&z, add)
		}
		for _, z := range zones {
			if len(z.RTImport) > 0 && b.dialect.AnyCommunity {
				continue
			}
			for _, vni := range z.VNIs {
				add(frr.CommunityEntry{Pattern: b.targetPattern(vni)})
			}
		}
		if len(l.Entries) == 0 {
			add(frr.CommunityEntry{Deny: true, Target: "0:0"})
		}
		frr.Put(&b.c.Communities, l.Name, l)
	}
}

// zoneCommunities adds the targets of a zone's routed traffic. Proxmox uses those that the
// zone imports instead, in a form that FRR does not accept in one list with the other; the
// stock dialect has both, in one form.
func (b *builder) zoneCommunities(z *Zone, add func(frr.CommunityEntry)) {
	if len(z.RTImport) == 0 || !b.dialect.AnyCommunity {
		add(frr.CommunityEntry{Pattern: b.targetPattern(z.VNI)})
	}
	for _, t := range z.RTImport {
		if b.dialect.AnyCommunity {
			add(frr.CommunityEntry{Target: t})
		} else {
			add(frr.CommunityEntry{Pattern: "_RT:" + t + "_"})
		}
	}
}

// targetPattern matches the route targets of a VNI, with any AS number. A stock FRR
// matches it against all communities of a route in one line, where an underscore is the
// separator between two of them, or the end.
func (b *builder) targetPattern(vni uint32) string {
	if b.dialect.AnyCommunity {
		return fmt.Sprintf("^RT:.*:%d$", vni)
	}
	return fmt.Sprintf("_RT:[0-9.]+:%d_", vni)
}

// controllerMatch is the condition that a route is of one of the controller's zones.
func (b *builder) controllerMatch(id string) string {
	text := "extcommunity " + listController + id
	if b.dialect.AnyCommunity {
		text += " any"
	}
	return text
}
