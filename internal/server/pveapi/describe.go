package pveapi

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

// Describe writes the table of operations as Markdown.
func Describe(table []Operation) string {
	var b strings.Builder
	b.WriteString(introduction)
	table = slices.Clone(table)
	slices.SortStableFunc(table, func(x, y Operation) int { return cmp.Compare(x.Path, y.Path) })
	section := ""
	for i := range table {
		op := &table[i]
		if s := op.section(); s != section {
			section = s
			fmt.Fprintf(&b, "\n## %s\n", section)
		}
		fmt.Fprintf(&b, "\n### %s %s\n\n%s\nFor: %s.\n", op.Method, op.Path, op.Doc, cmp.Or(op.Allow.Doc, "everybody who has logged in, as far as they may see it"))
		describeParams(&b, op)
	}
	return b.String()
}

const introduction = `# The Proxmox API

What Viaduct serves of Proxmox VE's HTTP API, below ` + "`/api2/json`" + `. This page is generated from the table of operations.

Requests carry a ticket (POST /access/ticket) in the cookie ` + "`PVEAuthCookie`" + ` or the header ` + "`Authorization: PVEAuthCookie=TICKET`" + `, with its CSRF token
in the header ` + "`CSRFPreventionToken`" + ` for all but GET, or an API token in the header ` + "`Authorization: PVEAPIToken=user@realm!name=secret`" + `. Bodies are forms
or JSON.

As in Proxmox VE a parameter may repeat a part of the path. A list is a string with commas, semicolons or blanks, or several values, or a JSON array; an
array is several values or a JSON array. An empty ` + "`digest`" + ` is ignored, and an empty string clears an option that has no empty value. ` + "`localhost`" + ` as a node is
the server's host or, where that is no node, one that is.
`

// section returns the group of an operation: "/cluster/sdn", "/access".
func (o *Operation) section() string {
	parts := o.parts()
	n := 1
	if len(parts) > 1 && (parts[0] == "cluster" || parts[0] == "nodes") {
		n = 2
		if parts[0] == "nodes" && len(parts) > 2 {
			n = 3
		}
	}
	return "/" + strings.Join(parts[:min(n, len(parts))], "/")
}

func describeParams(b *strings.Builder, op *Operation) {
	if len(op.Params) == 0 {
		return
	}
	b.WriteString("\n| parameter | form | |\n|---|---|---|\n")
	for _, p := range op.Params {
		name := p.Name
		if p.Need == 'r' {
			name += " *"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, describeForm(&p), strings.ReplaceAll(p.Doc, "|", "\\|"))
	}
}

// describeForm describes the values that a parameter accepts.
func describeForm(p *schema.Property) string {
	text := string(p.Form)
	switch {
	case len(p.Enum) > 0:
		text = strings.Join(p.Enum, ", ")
	case p.Max > 0:
		text += fmt.Sprintf(" %d to %d", p.Min, p.Max)
	case p.MaxLength > 0:
		text += fmt.Sprintf(", at most %d characters", p.MaxLength)
	}
	return text
}
