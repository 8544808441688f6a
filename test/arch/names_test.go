package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// madeName is a string that creates a name of an interface or a namespace: the prefix of
// a role's name or of a guest's port, or a format of VLANs.
var madeName = regexp.MustCompile(`^(?:vxlan_|vrf_|vrfbr_|vrfvx_|xvrf_|xvrfp_|ln_|pr_|bv_|zv_|vb_|sv_|up_|zi_|zo_|dummy_|vd-|fwpr|tap|(?:p|sv)%d_)(?:%[sdv][a-z]?)*$|^ ?%s(?:\.|v)%d$`)

// alone are strings that match madeName and are complete in themselves: the kernel's name
// of a kind of link is not a name of an interface.
var alone = map[string]bool{"tap": true}

// names returns the strings of a Go file that create names: those that are concatenated
// with something, or formats.
func names(file *ast.File) []string {
	var out []string
	joined := map[ast.Expr]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if b, ok := n.(*ast.BinaryExpr); ok && b.Op == token.ADD {
			joined[b.X] = true
		}
		l, ok := n.(*ast.BasicLit)
		if !ok || l.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(l.Value)
		if err == nil && madeName.MatchString(text) && (joined[l] || !alone[text]) {
			out = append(out, text)
		}
		return true
	})
	return out
}

// The names of interfaces, ports and namespaces are created in one place: code that uses
// another name than the compiler's finds nothing. Tests of drivers, and benchmarks'
// inputs, create interfaces of their own.
func TestNamesAreMadeInOnePlace(t *testing.T) {
	const maker = "internal/naming/"
	found := false
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		name := strings.TrimPrefix(filepath.ToSlash(path), "../../")
		own := name == "test/arch/names_test.go" || strings.HasPrefix(name, "test/bench/") || strings.HasPrefix(name, "internal/driver/") && strings.HasSuffix(name, "_test.go")
		if err != nil || d.IsDir() || own || !strings.HasSuffix(name, ".go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, made := range names(file) {
			if strings.HasPrefix(name, maker) {
				found = true
			} else {
				t.Errorf("%s makes a name of %q: use package naming", name, made)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !found {
		t.Errorf("%s makes no names: the test looks in the wrong place", maker)
	}
}

// TestNameRuleBites shows that the rule detects every way to create a name.
func TestNameRuleBites(t *testing.T) {
	for source, want := range map[string]bool{
		`"vxlan_" + id`:              true,
		`fmt.Sprintf("vrf_%s", id)`:  true,
		`fmt.Sprintf("%s.%d", a, 1)`: true,
		`fmt.Sprintf("%sv%d", a, 1)`: true,
		`"tap" + id + "i0"`:          true,
		`fmt.Sprintf("p%d_%s", 1,a)`: true,
		`"vd-" + space`:              true,
		`kind == "tap"`:              false,
		`"vxlan"`:                    false,
		`"tunnel " + id`:             false,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nvar _ = "+source, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(names(file)) > 0; got != want {
			t.Errorf("%s: makes a name: %v", source, got)
		}
	}
}
