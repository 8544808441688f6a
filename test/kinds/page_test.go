package kinds

import (
	"fmt"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/test/golden"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// The reference page of the kinds matches their descriptors.
func TestPage(t *testing.T) {
	const path = "../../docs/reference/kinds.md"
	got := page()
	golden.File(t, path, got, "go test ./test/kinds -run Page")
}

func page() string {
	var b strings.Builder
	b.WriteString("# Kinds of object\n\n" +
		"Generated from internal/model by `go test ./test/kinds -run Page -update`. The command line tells the same: `viaduct explain KIND.PROPERTY`.\n\n" +
		"Edits of most kinds are pending until an apply makes a revision of them; those of live kinds take effect at once. Properties marked\n" +
		"with a star are required. The types in brackets are those of objects for which a property counts; without any it counts for all.\n\n" +
		"| kind | what it is | takes effect |\n|---|---|---|\n")
	for _, k := range model.Kinds() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", k, k, k.Descriptor().Doc, effect(k))
	}
	for _, k := range model.Kinds() {
		section(&b, k)
	}
	return b.String()
}

func effect(k model.Kind) string {
	if k.Revisioned() {
		return "when applied"
	}
	return "at once"
}

func section(b *strings.Builder, k model.Kind) {
	d := k.Descriptor()
	fmt.Fprintf(b, "\n## %s\n\n%s Edits take effect %s. In the API: `/api/v1/%s/{id}`.\n\n", k, d.Doc, effect(k), k.Plural())
	fmt.Fprintf(b, "- Reading takes %s.\n- Writing takes %s.\n", escaped(d.RightsText(false)), escaped(d.RightsText(true)))
	if uses := d.UsesText(); uses != "" {
		fmt.Fprintf(b, "- It also takes, %s.\n", escaped(uses))
	}
	fmt.Fprintf(b, "\n```yaml\n%s```\n\n", d.Example)
	rowsOf(b, model.Fields(k))
	for _, f := range model.Fields(k) {
		if items, name := f.ItemFields(); items != nil {
			fmt.Fprintf(b, "\nEach %s of `%s`", name, f.Name)
			if key := f.ItemKey(); key != "" {
				fmt.Fprintf(b, ", told apart by `%s`", key)
			}
			b.WriteString(":\n\n")
			rowsOf(b, items)
		}
	}
}

func rowsOf(b *strings.Builder, fields []model.FieldInfo) {
	b.WriteString("| property | type | values | meaning |\n|---|---|---|---|\n")
	for _, f := range fields {
		name := "`" + f.Name + "`"
		if f.Required {
			name += " *"
		}
		typ := string(f.Type)
		if f.Ref != "" {
			typ += fmt.Sprintf(", [%s](#%s)", f.Ref, f.Ref)
		}
		if f.Secret {
			typ += ", secret"
		}
		values := f.Bounds()
		switch {
		case f.MaxLength > 0:
			values = fmt.Sprintf("up to %d characters", f.MaxLength)
		case f.MaxItems > 0:
			values = fmt.Sprintf("up to %d items", f.MaxItems)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", name, typ, values, escaped(f.Described()))
	}
}

// escaped keeps Markdown from reading names in angle brackets as HTML.
func escaped(text string) string { return strings.NewReplacer("<", "\\<", "|", "\\|").Replace(text) }
