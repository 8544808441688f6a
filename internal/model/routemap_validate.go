package model

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxOrder is the highest order of a route map's entry (FRR: 65535).
const maxOrder = 65535

func (c *checker) routeMaps(ids []string) {
	cycles := c.callCycles()
	for _, id := range ids {
		m := c.cfg.RouteMaps[id]
		r := c.report(m)
		policyID(r, id, "route map")
		switch {
		case slices.Contains(reservedMaps, id) || strings.HasPrefix(id, reservedPrefix):
			r.error("id", id, msgRouteMapNameReserved, reservedPrefix)
		case id == mapAllName:
			r.lax("id", id, msgRouteMapNameGenerated)
		case strings.HasPrefix(id, "MAP_VTEP_IN_") || strings.HasPrefix(id, "MAP_VTEP_OUT_"):
			r.warn("id", id, msgRouteMapReplacesGenerated)
		}
		orders := map[int]int{}
		for i, e := range m.Entries {
			c.routeMapEntry(r, fmt.Sprintf("entries[%d].", i), e)
			if first, taken := orders[e.Order]; taken {
				r.error(fmt.Sprintf("entries[%d].order", i), strconv.Itoa(e.Order), msgRouteMapOrderUsed, first)
			}
			orders[e.Order] = i
		}
		if len(m.Entries) == 0 {
			r.warn("entries", "", msgRouteMapEmpty)
		}
		if cycle := cycles[id]; cycle != "" {
			r.error("entries", cycle, msgRouteMapCycle)
		}
	}
}

func (c *checker) routeMapEntry(r report, field string, e RouteMapEntry) {
	if e.Order == 0 {
		r.lax(field+"order", "", msgRouteMapOrderMissing, maxOrder)
	}
	needsAction(r, field, e.Action)
	c.clauses(r, field+"match", e.Match, MatchKeys)
	c.clauses(r, field+"set", e.Set, SetKeys)
	if e.Action == ActionDeny && len(e.Set) > 0 {
		r.warn(field+"set", strings.Join(e.Set, ", "), msgRouteMapEntryDenies)
	}
	if e.Action == ActionDeny && e.ExitAction != "" {
		r.warn(field+"exit-action", e.ExitAction, msgRouteMapEntryDenies)
	}
	switch key, value := SplitClause(e.ExitAction); key {
	case "":
	case ExitNext:
		if value != "" {
			r.error(field+"exit-action", e.ExitAction, msgClauseTakesNoValue, ExitNext)
		}
	case ExitGoto, ExitContinue:
		if n, err := strconv.Atoi(value); err != nil || n <= e.Order || n > maxOrder {
			r.error(field+"exit-action", e.ExitAction, msgRouteMapExitTarget, key, e.Order)
		}
	default:
		r.error(field+"exit-action", e.ExitAction, msgRouteMapExitUnknown, ExitNext, ExitGoto, ExitContinue)
	}
}

// clauses checks conditions or changes.
func (c *checker) clauses(r report, field string, list []string, keys map[string]ClauseValue) {
	seen := map[string]bool{}
	for i, text := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		key, value := SplitClause(text)
		want, known := keys[key]
		switch {
		case !known:
			names := slices.Sorted(maps.Keys(keys))
			r.error(at, text, msgClauseUnknown, didYouMean(Nearest(key, names), "it is one of "+strings.Join(names, ", ")))
		case seen[key]:
			r.error(at, text, msgClauseRepeated, key)
		case want.Form == "" && value != "":
			r.error(at, text, msgClauseTakesNoValue, key)
		case want.Form != "" && value == "":
			r.error(at, text, msgClauseLacksValue, key, want.Form)
		case want.PrefixList:
			c.prefixListRef(r, at, value)
		case want.Valid != nil && !want.Valid(value):
			r.error(at, text, msgClauseValueInvalid, want.Form)
		}
		seen[key] = true
	}
}

// prefixListRef checks that the prefix list of a condition exists.
func (c *checker) prefixListRef(r report, field, id string) {
	if id != "" && c.cfg.PrefixLists[id] == nil {
		r.error(field, id, msgPrefixListMissing, id, r.kind, r.id, near(c, KindPrefixList, id, c.cfg.PrefixLists, "declare the prefix-list first"))
	}
}

// callCycles finds route maps that call themselves, directly or indirectly: the first map
// found of each cycle, and the path.
func (c *checker) callCycles() map[string]string {
	out := map[string]string{}
	done := map[string]bool{}
	var path []string
	var walk func(id string)
	walk = func(id string) {
		m := c.cfg.RouteMaps[id]
		if m == nil || done[id] {
			return
		}
		if i := slices.Index(path, id); i >= 0 {
			out[id] = strings.Join(append(slices.Clone(path[i:]), id), " -> ")
			return
		}
		path = append(path, id)
		for _, next := range m.Calls() {
			walk(next)
		}
		path = path[:len(path)-1]
		done[id] = true
	}
	for _, id := range sortedKeys(c.cfg.RouteMaps) {
		walk(id)
	}
	return out
}
