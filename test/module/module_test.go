// Package module holds what Go programs outside of this module can rely on.
package module

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

const repository = "../.."

// TestOutsideProgram builds a program in a module of its own, which uses the client as
// anybody may.
func TestOutsideProgram(t *testing.T) {
	dir := t.TempDir()
	source, err := os.ReadFile("testdata/client/main.go")
	if err != nil {
		t.Fatal(err)
	}
	ours, err := os.ReadFile(filepath.Join(repository, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(repository, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	// What a go command with a network would add: the modules that ours needs.
	mod := regexp.MustCompile(`(?m)^module .*$`).ReplaceAllString(string(ours), "module example.com/outside")
	mod += "\nrequire github.com/viaduct-sdn/viaduct v0.0.0\n\nreplace github.com/viaduct-sdn/viaduct => " + path + "\n"
	for name, text := range map[string][]byte{"main.go": source, "go.mod": []byte(mod), "go.sum": sums} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "vet", "-mod=mod", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("a program outside of the module does not compile: %v\n%s", err, out)
	}
}

// TestEveryTypeHasAPublicName finds the types of internal packages that callers of the
// client meet, and that have no name in pkg/api.
func TestEveryTypeHasAPublicName(t *testing.T) {
	named := aliases(t)
	met := map[reflect.Type]bool{}
	c := reflect.TypeFor[*client.Client]()
	for i := range c.NumMethod() {
		visit(met, c.Method(i).Type)
	}
	for _, k := range model.Kinds() {
		visit(met, reflect.TypeOf(model.New(k)))
	}
	visit(met, reflect.TypeFor[api.Event]())
	var missing []string
	for typ := range met {
		if name := filepath.Base(typ.PkgPath()) + "." + typ.Name(); strings.Contains(typ.PkgPath(), "/internal/") && !named[name] {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		t.Errorf("without a name in pkg/api: %s", strings.Join(missing, ", "))
	}
	if len(met) < 50 {
		t.Errorf("only %d types found: the test looks in the wrong place", len(met))
	}
}

// visit collects the named types that a type is made of.
func visit(met map[reflect.Type]bool, t reflect.Type) {
	if t.Name() != "" {
		if met[t] || t.PkgPath() == "" || !strings.Contains(t.PkgPath(), "viaduct") {
			return
		}
		met[t] = true
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
		visit(met, t.Elem())
	case reflect.Map:
		visit(met, t.Key())
		visit(met, t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() {
				visit(met, f.Type)
			}
		}
	case reflect.Func:
		for i := range t.NumIn() {
			visit(met, t.In(i))
		}
		for i := range t.NumOut() {
			visit(met, t.Out(i))
		}
	default:
	}
}

// aliases are the types of internal packages that pkg/api gives a name: "model.Zone".
func aliases(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(repository, "pkg/api/*.go"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !spec.Assign.IsValid() {
				return true
			}
			if sel, ok := spec.Type.(*ast.SelectorExpr); ok {
				out[sel.X.(*ast.Ident).Name+"."+sel.Sel.Name] = true
			}
			return true
		})
	}
	if len(out) == 0 {
		t.Fatalf("pkg/api names no type: %v", slices.Collect(maps.Keys(out)))
	}
	return out
}
