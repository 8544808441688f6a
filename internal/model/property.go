package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Property is the row of one property in the file of its kind. Validation, the command
// line, the OpenAPI document and the reference documentation all follow it.
type Property struct {
	// Name is the property as written in a manifest: "vxlan-port".
	Name string
	// Doc says in a few words what the property is, without what the other fields say.
	Doc string
	// Required says that there is no object without it.
	Required bool
	// Types are the types of the object for which the property counts; empty for all.
	// They are values of the kind's TypeProperty, in items of lists those of the object
	// that validation says.
	Types []string
	// Min and Max are the bounds of a whole number, in Unit. 0 always stands for a number
	// that is left out.
	Min, Max int
	Unit     string
	// Values are the only ones that there are.
	Values []string
	// Noun is what a value out of these bounds is not: "a VLAN".
	Noun string
	// Without says what to do if no value is right: "or leave it out". Empty if there
	// must be one.
	Without string
	// Lax reports whether the Proxmox API lets a number out of bounds pass; nil for none.
	Lax func(n int) bool
	// Conditional says that the bounds count under conditions which the kind's own
	// validation knows: it checks them.
	Conditional bool
	// Pattern is a regular expression of the text; MaxLength bounds it in characters,
	// MaxItems a list.
	Pattern             string
	MaxLength, MaxItems int
	// Ref is the kind of the object that the text, or each of a list, is the ID of.
	Ref Kind
	// Refs finds the objects that texts of another form refer to; nil for none.
	Refs *TextRefs
	// Use says that to refer to an object newly takes a privilege on it, unless it is
	// Unguarded. UsePath is where for what is no object: the text is a name below it.
	Use       bool
	UsePath   string
	Unguarded string
	// Secret says that the text is shown to those only who may write the object. It
	// follows from the type of the field.
	Secret bool
	// Items describes the items of a list of structures; nil for other types.
	Items *Items
}

// TextRefs finds the objects that a text refers to, which are of some Kinds.
type TextRefs struct {
	Kinds []Kind
	Of    func(text string) []Reference
}

// Items describes the structures of a list.
type Items struct {
	// Type is what the list is called, Name one item: "nic".
	Type FieldType
	Name string
	// Key is the property that tells items apart; empty where only their place does.
	Key string
	// Bare is the property that an item written as one word gives; empty for none.
	Bare string
	// Named says that the key names the item for people, too, as net0 does a NIC.
	Named      bool
	Properties []Property
}

// always is Property.Lax of what the Proxmox API never checks.
func always(int) bool { return true }

// Bounds are the range or the values of the property as text: "1 to 600 seconds",
// "simple, vlan or evpn"; empty if it has none.
func (p *Property) Bounds() string {
	switch {
	case p.Max != 0:
		return strings.TrimSpace(fmt.Sprintf("%d to %d %s", p.Min, p.Max, p.Unit))
	case len(p.Values) > 0:
		return enumerate(p.Values, "or")
	}
	return ""
}

// Described is the documentation of the property without its bounds: what it is, and for
// which types of object it counts.
func (p *Property) Described() string {
	if len(p.Types) > 0 {
		return p.Doc + " (" + strings.Join(p.Types, ", ") + ")"
	}
	return p.Doc
}

// Text is the documentation of the property on one line, with the values it takes.
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

// counts reports whether the property counts for objects of a type.
func (p *Property) counts(typ string) bool { return len(p.Types) == 0 || slices.Contains(p.Types, typ) }

// enumerate joins words: "a, b or c".
func enumerate(words []string, conjunction string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " " + conjunction + " " + words[last]
}

// checkNumber refuses a whole number that is out of the bounds. 0 is one left out.
func (p *Property) checkNumber(r report, field string, n int) {
	if p.Max == 0 || n == 0 || n >= p.Min && n <= p.Max {
		return
	}
	p.refuse(r, field, strconv.Itoa(n), p.Lax != nil && p.Lax(n))
}

// checkWord refuses a text that is none of the values. The empty one is one left out.
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
	wrong := "is out of range"
	if p.Noun != "" {
		wrong = "is not " + p.Noun
	}
	message := wrong + ": use " + p.Bounds() + p.Without
	if lax {
		r.laxf(field, value, "%s", message)
	} else {
		r.errorf(field, value, "%s", message)
	}
}

// words are values of a type of text.
func words[T ~string](list ...T) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}
