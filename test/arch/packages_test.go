package arch

import (
	"cmp"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/test/golden"
)

// The page about packages is generated from their documentation.
func TestPackagesPage(t *testing.T) {
	const path = "../../docs/architecture/packages.md"
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}}\t{{.Doc}}", module+"...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	type row struct{ path, doc string }
	var rows []row
	for line := range strings.Lines(string(out)) {
		name, doc, _ := strings.Cut(strings.TrimSpace(line), "\t")
		name = strings.TrimPrefix(name, module)
		if strings.HasPrefix(name, "test/") || name == "examples" {
			continue
		}
		if doc == "" {
			t.Errorf("%s has no documentation", name)
		}
		rows = append(rows, row{name, strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(doc)})
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.path, b.path) })
	var b strings.Builder
	b.WriteString(packagesIntroduction)
	for _, r := range rows {
		fmt.Fprintf(&b, "| `%s` | %s |\n", r.path, r.doc)
	}
	golden.File(t, path, b.String(), "go test ./test/arch -run PackagesPage")
}

const packagesIntroduction = `# Packages

The path of a package is its stage in the [one-way flow](overview.md#one-way-flow); a kind of object has a file with the same name in every stage. ` + "`test/arch`" + ` holds
which package may import which, and which are pure: no I/O, no clock, no randomness.

The table consists of the first sentence of each package's documentation (` + "`go doc`" + ` has the rest).

| package | documentation |
|---|---|
`
