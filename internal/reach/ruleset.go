package reach

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// Verdict is what happens to a packet.
type Verdict string

// The verdicts.
const (
	Pass    Verdict = "pass"
	Drop    Verdict = "drop"
	Reject  Verdict = "reject" // dropped, and the sender is notified
	Unknown Verdict = "unknown"
)

// decision is what a chain does with a packet.
type decision struct {
	verdict Verdict
	// rule is the rule that decided; nil for the policy of a base chain, which is to accept.
	rule *desired.Rule
	// comment is the rule's own name of what it is for: "vnet vnet1 rule 3".
	comment string
	// translated is true if the source address is translated.
	translated bool
}

// maxJumps bounds chains that jump to each other, which nftables refuses.
const maxJumps = 16

// hook runs a packet through all base chains of a family at a hook, in the order of their
// priorities. The last decision that names a rule is returned: a drop ends the packet.
func hook(tables []desired.Table, family, name string, p *Packet) decision {
	type base struct {
		table    *desired.Table
		chain    *desired.Chain
		priority int
	}
	var bases []base
	for i := range tables {
		t := &tables[i]
		for k := range t.Chains {
			if c := &t.Chains[k]; t.Family == family && c.Hook == name {
				bases = append(bases, base{t, c, priority(c.Priority)})
			}
		}
	}
	slices.SortStableFunc(bases, func(a, b base) int { return cmp.Compare(a.priority, b.priority) })
	out := decision{verdict: Pass}
	for _, b := range bases {
		d := (&run{table: b.table, packet: p}).chain(b.chain, 0)
		switch d.verdict {
		case Drop, Reject, Unknown:
			return d
		case Pass:
			if d.rule != nil && (out.comment == "" || d.comment != "") {
				translated := out.translated
				out = d
				out.translated = out.translated || translated
			}
		}
	}
	return out
}

// priority is a priority as nft(8) writes it, in the families inet and bridge.
func priority(text string) int {
	name, offset, _ := strings.Cut(text, " + ")
	n, err := strconv.Atoi(name)
	if err != nil {
		n = map[string]int{"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}[name]
	}
	more, _ := strconv.Atoi(offset)
	return n + more
}

// run is a packet in one table.
type run struct {
	table  *desired.Table
	packet *Packet
}

// chain runs the rules of a chain. A decision without a verdict means that its end was
// reached; a base chain accepts then.
func (r *run) chain(c *desired.Chain, depth int) decision {
	d := r.rules(c, depth)
	if d.verdict == "" && depth == 0 {
		d.verdict = Pass
	}
	return d
}

func (r *run) rules(c *desired.Chain, depth int) decision {
	if depth > maxJumps {
		return decision{verdict: Unknown}
	}
	for i := range c.Rules {
		rule := &c.Rules[i]
		s, matched := r.match(rule.Text)
		if s.verdict == "" || !matched {
			continue
		}
		d := decision{rule: rule, comment: s.comment}
		switch s.verdict {
		case "accept":
			d.verdict = Pass
		case "drop":
			d.verdict = Drop
		case "reject":
			d.verdict = Reject
		case "unknown":
			d.verdict = Unknown
		case "masquerade":
			d.verdict, d.translated = Pass, true
		case "return":
			return decision{}
		case "jump", "goto":
			inner := r.jump(s, depth)
			if inner.verdict != "" {
				inner.comment = cmp.Or(inner.comment, s.comment)
				if inner.verdict == Reject {
					inner.comment = cmp.Or(s.comment, inner.comment)
				}
				return inner
			}
			if s.verdict == "goto" {
				return decision{}
			}
			continue
		}
		return d
	}
	return decision{}
}

func (r *run) jump(s statement, depth int) decision {
	for i := range r.table.Chains {
		if r.table.Chains[i].Name == s.target {
			return r.chain(&r.table.Chains[i], depth+1)
		}
	}
	return decision{verdict: Unknown}
}

// statement is the end of a rule: its verdict, empty if the rule only counts or logs.
type statement struct{ verdict, target, comment string }

// match reports whether a rule's conditions hold for the packet, and returns its statement.
// The words are those that package compile writes; a condition that it does not know gives
// the verdict "unknown".
func (r *run) match(text string) (s statement, matched bool) {
	words := &scanner{rest: text}
	matched = true
	for {
		w := words.next()
		switch w {
		case "":
			return s, matched
		case "counter", "notrack":
		case "comment":
			s.comment = unquote(words.next())
		case "accept", "drop", "return", "masquerade":
			s.verdict = w
		case "reject":
			s.verdict = w
			words.rest = ""
		case "jump", "goto":
			s.verdict, s.target = w, words.next()
		case "limit", "log": // of a rule that only logs
			return statement{}, false
		default:
			ok, known := r.condition(w, words, &s)
			if !known {
				return r.unreadable(text), matched
			}
			matched = matched && ok
		}
	}
}

// unreadable is the statement of a rule with a condition that is not known: it matters only
// if the rule decides.
func (r *run) unreadable(text string) statement {
	for _, verdict := range []string{"accept", "drop", "reject", "goto", "jump", "return"} {
		if slices.Contains(strings.Fields(text), verdict) {
			return statement{verdict: "unknown", comment: fmt.Sprintf("a rule that is not understood: %s", text)}
		}
	}
	return statement{}
}

// scanner splits a rule into words. What braces or quotes enclose is one word.
type scanner struct{ rest string }

func (s *scanner) next() string {
	s.rest = strings.TrimLeft(s.rest, " ")
	end := strings.IndexByte(s.rest, ' ')
	switch {
	case strings.HasPrefix(s.rest, "{"):
		end = strings.IndexByte(s.rest, '}') + 1
	case strings.HasPrefix(s.rest, `"`):
		end = strings.IndexByte(s.rest[1:], '"') + 2
	}
	if end <= 0 || end > len(s.rest) {
		end = len(s.rest)
	}
	w := s.rest[:end]
	s.rest = s.rest[end:]
	return w
}

// skip removes a word if it is next.
func (s *scanner) skip(word string) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(s.rest, " "), word+" ")
	if ok {
		s.rest = rest
	}
	return ok
}

func unquote(s string) string { return strings.Trim(s, `"`) }
