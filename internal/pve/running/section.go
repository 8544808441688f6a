package running

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

// object is one object while it is read. Proxmox writes its values from Perl,
// which has no types: every property may be a number or a string.
type object struct {
	kind       model.Kind
	id         string
	properties map[string]json.RawMessage
	broken     bool
	problems   model.Problems
}

func (s *object) fault(field, value, text string) {
	s.broken = true
	s.problems = append(s.problems, model.NewProblem(model.Error, s.kind, s.id, field, value, msgValueInvalid.Of(text)))
}

// value decodes a JSON value and keeps the spelling of its numbers.
func value(raw json.RawMessage) any {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil // absent: the syntax of values has been checked
	}
	return v
}

func (s *object) text(field string) string {
	text, ok := schema.Scalar(s.properties[field])
	if !ok {
		s.fault(field, string(s.properties[field]), "must be a single value")
	}
	return text
}

// line returns a text that contains no line break.
func (s *object) line(field string) string {
	text := s.text(field)
	if strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && r != '\t' || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)
	}) {
		s.fault(field, text, "has a line break or another control character; remove it")
		return ""
	}
	return text
}

// number returns a non-negative integer; 0 if unset.
func (s *object) number(field string) int {
	text := s.text(field)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		s.fault(field, text, "must be a whole number")
		return 0
	}
	return n
}

// bounded returns a number with an upper limit.
func (s *object) bounded(field string, limit int) int {
	n := s.number(field)
	if n > limit {
		s.fault(field, strconv.Itoa(n), "must be at most "+strconv.Itoa(limit))
		return 0
	}
	return n
}

// word returns a text without blanks: a name that is in a line with others.
func (s *object) word(field string) string { return s.oneWord(field, s.text(field)) }

func (s *object) oneWord(field, text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		s.fault(field, text, "must not have blanks or control characters")
		return ""
	}
	return text
}

// words returns a list of names.
func (s *object) words(field string) []string {
	out := s.list(field)
	for i, text := range out {
		out[i] = s.oneWord(field, text)
	}
	return out
}

// choice returns one of a few words, or empty.
func (s *object) choice(field string, words ...string) string {
	text := s.text(field)
	if text != "" && !slices.Contains(words, text) {
		s.fault(field, text, "must be "+strings.Join(words, " or "))
		return ""
	}
	return text
}

// targets returns a list of route targets.
func (s *object) targets(field string) []string {
	out := s.list(field)
	for _, text := range out {
		left, right, _ := strings.Cut(text, ":")
		for _, half := range []string{left, right} {
			if _, err := strconv.ParseUint(half, 10, 32); err != nil {
				s.fault(field, text, "must be a route target like 65000:100")
				return nil
			}
		}
	}
	return out
}

// addresses returns a list of IP addresses, in the order of the file.
func (s *object) addresses(field string) []Address {
	var out []Address
	for _, text := range s.list(field) {
		out = append(out, s.address(field, text))
	}
	return out
}

// prefix parses a network of the family, and keeps its host bits.
func (s *object) prefix(field, text string, six bool) netip.Prefix {
	if text == "" {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is6() != six || p.Addr().Is4In6() {
		s.fault(field, text, "must be an "+family(six)+" network like "+map[bool]string{false: "10.0.0.0/24", true: "fd00::/64"}[six])
		return netip.Prefix{}
	}
	return p
}

func family(six bool) string {
	if six {
		return "IPv6"
	}
	return "IPv4"
}

func (s *object) boolean(field string) bool {
	text := s.text(field)
	switch strings.ToLower(text) {
	case "1", "on", "yes", "true":
		return true
	case "", "0", "off", "no", "false":
		return false
	}
	s.fault(field, text, "must be 1 or 0")
	return false
}

// address parses an IP address; the empty text means none. A zone ("%eth0") is
// refused: the kernel does not accept one in what Viaduct renders.
func (s *object) address(field, text string) Address {
	if text == "" {
		return Address{}
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		s.fault(field, text, "must be an IP address")
		return Address{}
	}
	return Address{Addr: a, Text: text}
}

func (s *object) mac(field string) string {
	text := s.text(field)
	if _, ok := model.NormalizeMAC(text); text != "" && !ok {
		s.fault(field, text, "must be a MAC address like BC:24:11:00:00:01")
		return ""
	}
	return text
}

// list splits a text as Proxmox does; an array is accepted as well. An empty list is
// nil, like an unset one.
func (s *object) list(field string) []string {
	items, ok := value(s.properties[field]).([]any)
	if !ok {
		items = nil
		for _, text := range strings.FieldsFunc(s.text(field), func(r rune) bool { return strings.ContainsRune(",; \t\r\n\x00", r) }) {
			items = append(items, text)
		}
	}
	var out []string
	for _, item := range items {
		text, ok := item.(string)
		if n, number := item.(json.Number); number {
			text, ok = n.String(), true
		}
		if !ok {
			s.fault(field, string(s.properties[field]), "must be a list of texts")
			return nil
		}
		out = append(out, text)
	}
	return out
}

// texts returns a list of texts that are not split any further.
func (s *object) texts(field string) []string {
	if _, list := value(s.properties[field]).([]any); list {
		return s.list(field)
	}
	if text := s.text(field); text != "" {
		return []string{text}
	}
	return nil
}

// keys returns the names of the properties, sorted.
func (s *object) keys() []string { return slices.Sorted(maps.Keys(s.properties)) }

// set returns a list that Proxmox stores as an object: the keys with the value true,
// sorted. It is nil only if the property is unset.
func (s *object) set(field string) []string {
	members, ok := value(s.properties[field]).(map[string]any)
	if !ok {
		return s.list(field)
	}
	out := []string{}
	for name, v := range members {
		if v != nil && v != false && v != "" && v != "0" && v != json.Number("0") {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// nodes returns a set of nodes, which the model takes for all nodes if it is empty. In
// Proxmox an object with a set that is empty is on none, as with one node without a name.
func (s *object) nodes(field string) []string {
	out := s.set(field)
	if out != nil && len(out) == 0 {
		return []string{""}
	}
	return out
}
