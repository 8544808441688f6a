// Package foreign reads filters that do not belong to Viaduct, as nft prints them in JSON
// (libnftables-json(5)), and finds those that drop packets of guests: a chain of the hook
// forward with rules that certainly drop a new connection. Conditions of a rule other than
// interfaces and the connection's state are unknown for a packet, so a chain that may
// accept some packets is not found.
//
// It is pure.
package foreign

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Chain is a chain of a table.
type Chain struct {
	Family string `json:"family"`
	Table  string `json:"table"`
	Name   string `json:"name"`
	// Hook and Policy are those of a base chain.
	Hook   string `json:"hook"`
	Policy string `json:"policy"`
}

// rule is one of a chain; its statements are objects with one member each.
type rule struct {
	Family string                       `json:"family"`
	Table  string                       `json:"table"`
	Chain  string                       `json:"chain"`
	Expr   []map[string]json.RawMessage `json:"expr"`
}

// listing is what nft prints.
type listing struct {
	Items []struct {
		Chain *Chain `json:"chain"`
		Rule  *rule  `json:"rule"`
	} `json:"nftables"`
}

// Table names a table: "ip filter".
type Table struct{ Family, Name string }

// Forwarding returns the tables with a chain of the hook forward, of those in a listing of
// chains that skip does not match.
func Forwarding(chains []byte, skip func(table string) bool) ([]Table, error) {
	var l listing
	if err := json.Unmarshal(chains, &l); err != nil {
		return nil, fmt.Errorf("the list of chains cannot be read: %w", err)
	}
	var out []Table
	for _, i := range l.Items {
		if i.Chain == nil || i.Chain.Hook != "forward" || skip(i.Chain.Table) {
			continue
		}
		if t := (Table{i.Chain.Family, i.Chain.Table}); !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out, nil
}

// Ruleset has the chains and rules of tables. The zero value is empty.
type Ruleset struct {
	base  []Chain
	rules map[Chain][]rule // by family, table and name only
}

// Add adds the listing of one table.
func (s *Ruleset) Add(table []byte) error {
	var l listing
	if err := json.Unmarshal(table, &l); err != nil {
		return fmt.Errorf("the listing of a table cannot be read: %w", err)
	}
	if s.rules == nil {
		s.rules = map[Chain][]rule{}
	}
	for _, i := range l.Items {
		switch {
		case i.Chain != nil:
			key := Chain{Family: i.Chain.Family, Table: i.Chain.Table, Name: i.Chain.Name}
			s.rules[key] = append([]rule{}, s.rules[key]...)
			if i.Chain.Hook == "forward" {
				s.base = append(s.base, *i.Chain)
			}
		case i.Rule != nil:
			key := Chain{Family: i.Rule.Family, Table: i.Rule.Table, Name: i.Rule.Chain}
			s.rules[key] = append(s.rules[key], *i.Rule)
		}
	}
	return nil
}

// Has reports whether a chain exists.
func (s *Ruleset) Has(family, table, name string) bool {
	_, ok := s.rules[Chain{Family: family, Table: table, Name: name}]
	return ok
}
