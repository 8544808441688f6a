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
			r.errorf("id", id, "is the name of a map that is generated; choose another, which does not begin with %s either", reservedPrefix)
		case id == mapAllName:
			r.laxf("id", id, "is the name of a map that is generated; choose another")
		case strings.HasPrefix(id, "MAP_VTEP_IN_") || strings.HasPrefix(id, "MAP_VTEP_OUT_"):
			r.warnf("id", id, "replaces the map that is generated for the peer group of that name, with all that it keeps apart")
		}
		orders := map[int]int{}
		for i, e := range m.Entries {
			c.routeMapEntry(r, fmt.Sprintf("entries[%d].", i), e)
			if first, taken := orders[e.Order]; taken {
				r.errorf(fmt.Sprintf("entries[%d].order", i), strconv.Itoa(e.Order), "is already that of entries[%d]; give each its own", first)
			}
			orders[e.Order] = i
		}
		if len(m.Entries) == 0 {
			r.warnf("entries", "", "has no entry, so it denies every route")
		}
		if cycle := cycles[id]; cycle != "" {
			r.errorf("entries", cycle, "calls itself; break the circle")
		}
	}
}

func (c *checker) routeMapEntry(r report, field string, e RouteMapEntry) {
	if e.Order == 0 {
		r.laxf(field+"order", "", "is missing, or 0, which FRR refuses: give the entry's place in the map, 1 to %d", maxOrder)
	}
	needsAction(r, field, e.Action)
	c.clauses(r, field+"match", e.Match, MatchKeys)
	c.clauses(r, field+"set", e.Set, SetKeys)
	if e.Action == ActionDeny && len(e.Set) > 0 {
		r.warnf(field+"set", strings.Join(e.Set, ", "), "has no effect on routes that are denied")
	}
	if e.Action == ActionDeny && e.ExitAction != "" {
		r.warnf(field+"exit-action", e.ExitAction, "has no effect on routes that are denied")
	}
	switch key, value := SplitClause(e.ExitAction); key {
	case "":
	case ExitNext:
		if value != "" {
			r.errorf(field+"exit-action", e.ExitAction, "takes no value: write %s", ExitNext)
		}
	case ExitGoto, ExitContinue:
		if n, err := strconv.Atoi(value); err != nil || n <= e.Order || n > maxOrder {
			r.errorf(field+"exit-action", e.ExitAction, "leads to no later entry: write %s=N with the order of one behind %d", key, e.Order)
		}
	default:
		r.errorf(field+"exit-action", e.ExitAction, "is not known: use %s, %s=N or %s=N", ExitNext, ExitGoto, ExitContinue)
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
			r.errorf(at, text, "is not known%s", didYouMean(Nearest(key, names), "; it is one of "+strings.Join(names, ", ")))
		case seen[key]:
			r.errorf(at, text, "is given twice; an entry has one %s", key)
		case want.Form == "" && value != "":
			r.errorf(at, text, "takes no value: write %s", key)
		case want.Form != "" && value == "":
			r.errorf(at, text, "lacks its value: write %s=..., %s", key, want.Form)
		case want.PrefixList:
			c.prefixListRef(r, at, value)
		case want.Valid != nil && !want.Valid(value):
			r.errorf(at, text, "has a value that does not fit: it is %s", want.Form)
		}
		seen[key] = true
	}
}

// prefixListRef checks that the prefix list of a condition exists.
func (c *checker) prefixListRef(r report, field, id string) {
	if id != "" && c.cfg.PrefixLists[id] == nil {
		r.errorf(field, id, "does not exist: prefix-list %s is used by %s %s%s", id, r.kind, r.id, near(c, KindPrefixList, id, c.cfg.PrefixLists, "; declare the prefix-list first"))
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
