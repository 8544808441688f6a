package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/test/golden"
)

// The reference of the interface is that of the table of routes.
func TestReferencePage(t *testing.T) {
	const path = "../../../docs/reference/api.md"
	var b strings.Builder
	b.WriteString(referenceIntroduction)
	groups := map[string][]route{}
	var order []string
	for _, rt := range table() {
		if groups[rt.group] == nil {
			order = append(order, rt.group)
		}
		groups[rt.group] = append(groups[rt.group], rt)
	}
	cell := strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;")
	for _, g := range order {
		fmt.Fprintf(&b, "\n## %s\n\n| operation | purpose | permission |\n|---|---|---|\n", g)
		for _, rt := range groups[g] {
			fmt.Fprintf(&b, "| `%s %s%s` | %s | %s |\n", rt.method, root, rt.path, cell.Replace(rt.doc), cell.Replace(rt.needs.doc))
		}
	}
	golden.File(t, path, b.String(), "go test ./internal/server/api -run ReferencePage")
}

const referenceIntroduction = `# The native API

JSON over HTTP below ` + "`/api/v1/`" + `, on the same port as the [Proxmox API](proxmox-api.md) and on the server's unix socket. The OpenAPI document
` + "`/api/v1/openapi.json`" + ` has all parameters and types; ` + "`/api/v1/docs`" + ` shows it in a browser. [pkg/client](../../pkg/client) is a client for Go.

| caller | authenticates with |
|---|---|
| local administrator | access to the unix socket |
| remote administrator | a certificate |
| program | an API token: ` + "`Authorization: Bearer USER!NAME=SECRET`" + `, or as in the Proxmox API |
| browser | a session cookie, and its CSRF token for writes |

Errors are problem documents (RFC 9457). Every write is in the audit log.
`

// The types of the web interface are generated from this copy of the document: make web.
func TestDocumentOfTheWebInterface(t *testing.T) {
	golden.File(t, "../../../web/openapi.json", string(document()), "go test ./internal/server/api -run DocumentOfTheWebInterface")
}
