package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Property describes one property, in a row of its kind's file. Validation, the command line,
// the OpenAPI document and the reference documentation are derived from it.
type Property struct {
	// Name is the property's name in a manifest: "vxlan-port".
	Name string
	// Doc describes the property briefly, without repeating the other fields.
	Doc string
	// Required is true if every object must have the property.
	Required bool
	// Types are the object types to which the property applies; empty for all. They are
	// values of the kind's TypeProperty, for items of lists those of the object that
	// validation selects.
	Types []string
	// Min and Max are the bounds of an integer, in Unit. 0 always means that the number is
	// unset.
	Min, Max int
	Unit     string
	// Values are the permitted values.
	Values []string
	// Noun names a valid value in messages: "a VLAN".
	Noun string
	// Without is the advice if no value fits: "or leave it out". Empty if a value is
	// required.
	Without string
	// Lax reports whether the Proxmox API accepts a number out of bounds; nil for none.
	Lax func(n int) bool
	// Conditional is true if the bounds apply under conditions that the kind's own
	// validation checks.
	Conditional bool
	// Pattern is a regular expression for the text; MaxLength bounds it in characters,
	// MaxItems a list.
	Pattern             string
	MaxLength, MaxItems int
	// PEM is true if the text may also be several lines in the form of RFC 7468.
	PEM bool
	// Ref is the kind of the object with this ID, or with each ID in a list.
	Ref Kind
	// Refs finds referenced objects in texts of another form; nil for none.
	Refs *TextRefs
	// Use is true if a new reference requires a privilege on the object, unless that is
	// Unguarded. UsePath is the parent path for names that are not objects.
	Use       bool
	UsePath   string
	Unguarded string
	// Secret is true if the text is shown only to users who may write the object. It is
	// derived from the type of the field.
	Secret bool
	// With is the property that a secret belongs to: without it the object has no such
	// secret, and lacks none. Empty if the secret stands alone.
	With string
	// Items describes the items of a list of structures; nil for other types.
	Items *Items
}

// TextRefs finds the objects, of some Kinds, that a text refers to.
type TextRefs struct {
	Kinds []Kind
	Of    func(text string) []Reference
}

// Items describes the structures of a list.
type Items struct {
	// Type is the name of the list, Name that of one item: "nic".
	Type FieldType
	Name string
	// Key is the property that identifies items; empty if only their position does.
	Key string
	// Bare is the property that a one-word item sets; empty for none.
	Bare string
	// Named is true if the key also names the item to users, as net0 names a NIC.
	Named      bool
	Properties []Property
}

// always is the Property.Lax of numbers that the Proxmox API never checks.
func always(int) bool { return true }

// Bounds returns the range or the values of the property as text: "1 to 600 seconds", "simple,
// vlan or evpn"; empty if it has none.
func (p *Property) Bounds() string {
	switch {
	case p.Max != 0:
		return strings.TrimSpace(fmt.Sprintf("%d to %d %s", p.Min, p.Max, p.Unit))
	case len(p.Values) > 0:
		return enumerate(p.Values, "or")
	}
	return ""
}

// Described returns the documentation of the property without its bounds: its description and
// the object types to which it applies.
func (p *Property) Described() string {
	if len(p.Types) > 0 {
		return p.Doc + " (" + strings.Join(p.Types, ", ") + ")"
	}
	return p.Doc
}

// Text returns the documentation of the property on one line, with its permitted values.
func (p *Property) Text() string {
	var more []string
	if b := p.Bounds(); b != "" {
		more = append(more, b)
	}
	if len(p.Types) > 0 {
		more = append(more, strings.Join(p.Types, ", "))
	}
	if len(more) == 0 {
		return p.Doc
	}
	return p.Doc + " (" + strings.Join(more, "; ") + ")"
}

// appliesTo reports whether the property applies to objects of a type.
func (p *Property) appliesTo(typ string) bool {
	return len(p.Types) == 0 || slices.Contains(p.Types, typ)
}

// enumerate joins words like "a, b or c".
func enumerate(words []string, conjunction string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " " + conjunction + " " + words[last]
}

// checkNumber refuses an integer out of bounds. 0 means unset.
func (p *Property) checkNumber(r report, field string, n int) {
	if p.Max == 0 || n == 0 || n >= p.Min && n <= p.Max {
		return
	}
	p.refuse(r, field, strconv.Itoa(n), p.Lax != nil && p.Lax(n))
}

// checkWord refuses a text that is not among the values. Empty means unset.
func (p *Property) checkWord(r report, field, word string) {
	if word == "" || len(p.Values) == 0 {
		return
	}
	for _, v := range p.Values {
		if word == v {
			return
		}
	}
	p.refuse(r, field, word, false)
}

func (p *Property) refuse(r report, field, value string, lax bool) {
	m := msgPropertyOutOfRange.Of(p.Bounds() + p.Without)
	if p.Noun != "" {
		m = msgPropertyValueUnknown.Of(p.Noun, p.Bounds()+p.Without)
	}
	r.put(Error, lax, field, value, m)
}

// words returns values of a string type as strings.
func words[T ~string](list ...T) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}
