package running

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

// Limits of numbers in prefix lists and route maps.
const (
	maxSeq   = 1<<32 - 1
	maxBits  = 128
	maxOrder = 65535
)

// prefixList reads a list. Entries without a number in Proxmox get theirs later:
// see model.PrefixList.
func (s *object) prefixList() *model.PrefixList {
	l := &model.PrefixList{ID: s.oneWord("id", s.id)}
	for _, item := range s.items("entries") {
		var e model.PrefixEntry
		for _, key := range slices.Sorted(maps.Keys(item)) {
			value := item[key]
			switch key {
			case "action":
				e.Action = s.action(value)
			case "prefix":
				e.Prefix = s.prefix("entries", value, strings.Contains(value, ":"))
			case "le":
				e.Le = s.count("entries", value, maxBits)
			case "ge":
				e.Ge = s.count("entries", value, maxBits)
			case "seq":
				e.Seq = s.count("entries", value, maxSeq)
			default:
				s.fault("entries", key, "is not a property of an entry that this release knows")
			}
		}
		if e.Action == "" || !e.Prefix.IsValid() {
			s.fault("entries", e.Prefix.String(), "must have both, an action and a prefix: it is written like action=permit,prefix=10.0.0.0/8")
		}
		l.Entries = append(l.Entries, e)
	}
	return l
}

// routeMapSection reads an entry of a map, which Proxmox stores as an object of
// its own.
func (r *Running) routeMapSection(s *object) {
	cut := strings.LastIndexByte(s.id, '_')
	if cut < 1 {
		s.fault("id", s.id, "must be <route map>_<order>")
		return
	}
	id := s.oneWord("id", s.id[:cut])
	e := model.RouteMapEntry{
		Order:  s.count("id", s.id[cut+1:], maxOrder),
		Action: s.action(s.text("action")),
		Match:  s.clauses("match", model.MatchKeys),
		Set:    s.clauses("set", model.SetKeys),
		Call:   s.word("call"),
	}
	if list := s.clauses("exit-action", exitKeys); len(list) > 0 {
		e.ExitAction = list[0]
	}
	if s.broken {
		return
	}
	m := r.RouteMaps[id]
	if m == nil {
		m = &model.RouteMap{ID: id}
		r.RouteMaps[id] = m
	}
	m.Entries = append(m.Entries, e)
}

// exitKeys are the keys for where an entry may continue.
var exitKeys = map[string]model.ClauseValue{model.ExitNext: {}, model.ExitGoto: {}, model.ExitContinue: {}}

func (s *object) action(text string) string {
	if text != model.ActionPermit && text != model.ActionDeny {
		s.fault("action", text, "must be permit or deny")
		return ""
	}
	return text
}

// count parses a number inside another property.
func (s *object) count(field, text string, limit int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > limit {
		s.fault(field, text, fmt.Sprintf("must be a number of at most %d", limit))
		return 0
	}
	return n
}

// clauses parses Proxmox's form "key=vni,value=10100".
func (s *object) clauses(field string, keys map[string]model.ClauseValue) []string {
	var out []string
	for _, item := range s.items(field) {
		key := item["key"]
		if _, known := keys[key]; !known {
			s.fault(field, key, "is not a key that this release knows")
			continue
		}
		out = append(out, model.JoinClause(key, s.oneWord(field, item["value"])))
	}
	return out
}

// items parses a list of property strings, "action=permit,prefix=10.0.0.0/8", or
// of objects with the same properties. A property without a name is the key.
func (s *object) items(field string) []map[string]string {
	list, ok := value(s.properties[field]).([]any)
	if !ok && len(s.properties[field]) > 0 {
		list = []any{value(s.properties[field])}
	}
	var out []map[string]string
	for _, v := range list {
		item := map[string]string{}
		switch v := v.(type) {
		case nil:
			continue
		case map[string]any:
			for key, value := range v {
				item[key] = s.scalarOf(field, value)
			}
		default:
			for part := range strings.SplitSeq(s.scalarOf(field, v), ",") {
				key, text, found := strings.Cut(strings.TrimSpace(part), "=")
				if !found {
					key, text = "key", key
				}
				if text != "" {
					item[key] = text
				}
			}
		}
		if len(item) > 0 {
			out = append(out, item)
		}
	}
	return out
}

// scalarOf returns a decoded value as text.
func (s *object) scalarOf(field string, v any) string {
	raw, err := json.Marshal(v)
	if err == nil {
		if text, ok := schema.Scalar(raw); ok {
			return text
		}
	}
	s.fault(field, fmt.Sprint(v), "must be a single value")
	return ""
}
