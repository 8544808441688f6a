package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// maxRelated bounds how many objects of one kind are listed as related.
const maxRelated = 100

// relatedText lists directly related objects: those that the object refers to, then
// those that refer to it.
func (d *description) relatedText() string {
	o := cmp.Or(d.pending, d.running)
	var b strings.Builder
	for _, r := range model.References(o) {
		text := fmt.Sprintf("  %s %s", r.Kind, r.ID)
		if r.As != "" {
			text += " (" + r.As + ")"
		}
		b.WriteString(printed(text) + "\n")
	}
	for _, kind := range model.Kinds() {
		n := 0
		for _, other := range d.config.List(kind) {
			for _, r := range model.References(other) {
				if r.Kind != d.kind || r.ID != d.id {
					continue
				}
				if n++; n <= maxRelated {
					b.WriteString(d.referentLine(other, r))
				}
			}
		}
		if n > maxRelated {
			fmt.Fprintf(&b, "  ... and %d more %s\n", n-maxRelated, kind.Plural())
		}
	}
	return b.String()
}

// referentLine is the line of an object that refers to the described one.
func (d *description) referentLine(o model.Object, r model.Reference) string {
	words := []string{string(o.ObjectKind()), o.ObjectID()}
	switch o := o.(type) {
	case *model.Subnet:
		words[1] = o.CIDR.String()
	case *model.Guest:
		words = append(words, o.Name, r.As)
		if i := slices.IndexFunc(o.NICs, func(n model.NIC) bool { return n.ID == r.As }); i >= 0 {
			words = append(words, strings.Join(d.book.of(o, &o.NICs[i]), ", "))
		}
	}
	return wordLine(words...)
}

// wordLine joins the non-empty words.
func wordLine(words ...string) string {
	words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
	return "  " + printed(strings.Join(words, " ")) + "\n"
}
