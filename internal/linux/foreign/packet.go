package foreign

import (
	"encoding/json"
	"slices"
	"strings"
)

// Packet is the first packet of a connection, as far as its source and destination
// interfaces are known. An empty name matches any interface.
type Packet struct {
	// Family is the table family that such packets traverse: "ip", "ip6" or "bridge". The
	// first two also traverse tables of family inet.
	Family string
	// In and Out are interfaces, InBridge and OutBridge the bridges that they are ports
	// of, in the family bridge.
	In, Out, InBridge, OutBridge string
}

// Dropping returns the base chains that certainly drop a packet.
func (s *Ruleset) Dropping(p Packet) []Chain {
	var out []Chain
	for _, c := range s.base {
		if c.Family != p.Family && (c.Family != "inet" || p.Family == "bridge") {
			continue
		}
		e := s.walk(Chain{Family: c.Family, Table: c.Table, Name: c.Name}, p, 0)
		if e == dropped || e == through && c.Policy == "drop" {
			out = append(out, c)
		}
	}
	return out
}

// end is the fate of a packet in a chain.
type end int

const (
	through  end = iota // no rule has a final verdict
	accepted            // or perhaps
	dropped
)

// maxDepth bounds how deep chains are followed; the kernel allows 16.
const maxDepth = 16

// walk follows a packet through a chain.
func (s *Ruleset) walk(c Chain, p Packet, depth int) end {
	if depth > maxDepth {
		return accepted
	}
	for _, r := range s.rules[c] {
		matches := yes
		for _, st := range r.Expr {
			if matches == no {
				break
			}
			for word, arg := range st {
				over, e := s.statement(c, p, depth, word, arg, &matches)
				if over {
					return e
				}
			}
		}
	}
	return through
}

// certainty is whether a rule matches.
type certainty int

const (
	yes certainty = iota
	perhaps
	no
)

// statement evaluates one statement of a rule. over means that it ends the walk.
func (s *Ruleset) statement(c Chain, p Packet, depth int, word string, arg json.RawMessage, matches *certainty) (over bool, e end) {
	switch word {
	case "counter", "log", "comment", "notrack":
	case "match":
		*matches = max(*matches, match(arg, p))
	case "accept", "queue", "masquerade", "snat", "dnat", "redirect", "tproxy", "fwd":
		return true, accepted
	case "drop", "reject":
		if *matches == yes {
			return true, dropped
		}
	case "return":
		return true, mayReturn(*matches)
	case "jump", "goto":
		return s.jump(c, p, depth, arg, word == "goto", *matches)
	case "vmap":
		return stateMap(arg)
	default: // a limit, an extension of iptables, or of a later release
		*matches = max(*matches, perhaps)
	}
	return false, through
}

// mayReturn is the end of a chain after a return rule.
func mayReturn(m certainty) end {
	if m == yes {
		return through
	}
	return accepted
}

// jump follows a packet into another chain.
func (s *Ruleset) jump(c Chain, p Packet, depth int, arg json.RawMessage, forGood bool, matches certainty) (over bool, e end) {
	var to struct {
		Target string `json:"target"`
	}
	if json.Unmarshal(arg, &to) != nil {
		return true, accepted
	}
	e = s.walk(Chain{Family: c.Family, Table: c.Table, Name: to.Target}, p, depth+1)
	switch {
	case e == accepted:
		return true, accepted
	case e == dropped && matches == yes:
		return true, dropped
	case forGood && matches == yes:
		return true, through
	case forGood && e == through:
		return true, accepted // it may or may not have gone there
	}
	return false, through
}

// stateMap evaluates the verdict of a map of the connection's state. That of other maps is
// unknown.
func stateMap(arg json.RawMessage) (over bool, e end) {
	var m struct {
		Key  map[string]map[string]any `json:"key"`
		Data struct {
			Set [][]json.RawMessage `json:"set"`
		} `json:"data"`
	}
	if json.Unmarshal(arg, &m) != nil || m.Key["ct"]["key"] != "state" || len(m.Data.Set) == 0 {
		return true, accepted
	}
	for _, pair := range m.Data.Set {
		if len(pair) != 2 || hasState(pair[0]) {
			return true, accepted
		}
	}
	return false, through
}

// match compares a packet with the condition of a rule.
func match(arg json.RawMessage, p Packet) certainty {
	var m struct {
		Op   string                    `json:"op"`
		Left map[string]map[string]any `json:"left"`
		// Right is a value, a list of them, or a set.
		Right json.RawMessage `json:"right"`
	}
	if json.Unmarshal(arg, &m) != nil {
		return perhaps
	}
	found := perhaps
	meta, _ := m.Left["meta"]["key"].(string)
	switch {
	case m.Left["ct"]["key"] == "state":
		found = no
		if hasState(m.Right) {
			found = yes
		}
	case meta != "":
		found = named(meta, m.Right, p)
	}
	if m.Op == "!=" && found != perhaps {
		return yes + no - found
	}
	return found
}

// hasState reports whether states of a connection include that of a new one.
func hasState(value json.RawMessage) bool {
	names, ok := texts(value)
	return !ok || slices.Contains(names, "new")
}

// named compares the name of an interface.
func named(key string, value json.RawMessage, p Packet) certainty {
	name := map[string]string{"iifname": p.In, "iif": p.In, "oifname": p.Out, "oif": p.Out, "ibrname": p.InBridge, "obrname": p.OutBridge}[key]
	names, ok := texts(value)
	if name == "" || !ok {
		return perhaps
	}
	for _, n := range names {
		if begin, any := strings.CutSuffix(n, "*"); n == name || any && strings.HasPrefix(name, begin) {
			return yes
		}
	}
	return no
}

// texts are the strings of a value, a list or a set; ok is false for anything else.
func texts(value json.RawMessage) (out []string, ok bool) {
	var one string
	if json.Unmarshal(value, &one) == nil {
		return []string{one}, !strings.HasPrefix(one, "@")
	}
	if json.Unmarshal(value, &out) == nil {
		return out, true
	}
	var set struct {
		Set json.RawMessage `json:"set"`
	}
	if json.Unmarshal(value, &set) != nil || set.Set == nil {
		return nil, false
	}
	return texts(set.Set)
}
