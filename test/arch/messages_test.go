package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/message"
)

// code is the form of a message's code.
var code = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)+$`)

// carriers are the types with a message; each is made from a definition.
var carriers = []string{"Problem", "Note", "ObjectStatus", "NodeProblem", "NodeEvent"}

// source is a file of the program.
type source struct {
	fset *token.FileSet
	file *ast.File
}

// definitions are the variables with a definition, by package name and variable.
type definitions map[string]*message.Definition

// rules checks messages in a set of files.
type rules struct {
	defs definitions
	// reporters are the functions with a definition and its arguments as parameters.
	reporters map[string]bool
	used      map[string]bool
	faults    []string
}

func (r *rules) fault(s source, n ast.Node, format string, args ...any) {
	r.faults = append(r.faults, s.fset.Position(n.Pos()).String()+": "+fmt.Sprintf(format, args...))
}

// define collects the definitions and the reporters of a file.
func (r *rules) define(s source) {
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for i, v := range n.Values {
				if call, ok := v.(*ast.CallExpr); ok && selected(call.Fun) == "Define" {
					r.definition(s, s.file.Name.Name+"."+n.Names[i].Name, call)
				}
			}
		case *ast.FuncType:
			last := len(n.Params.List) - 1
			if last > 0 && selected(n.Params.List[last-1].Type) == "Definition" {
				if _, variadic := n.Params.List[last].Type.(*ast.Ellipsis); variadic {
					r.reporters[reporterName(s.file, n)] = true
				}
			}
		}
		return true
	})
}

// reporterName finds the name of the function with a type.
func reporterName(f *ast.File, typ *ast.FuncType) string {
	name := ""
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Type == typ {
				name = n.Name.Name
			}
		case *ast.AssignStmt:
			if lit, ok := n.Rhs[0].(*ast.FuncLit); ok && lit.Type == typ {
				name = n.Lhs[0].(*ast.Ident).Name
			}
		}
		return name == ""
	})
	return name
}

func (r *rules) definition(s source, name string, call *ast.CallExpr) {
	var texts []string
	for _, a := range call.Args {
		lit, ok := a.(*ast.BasicLit)
		if !ok {
			r.fault(s, a, "a definition consists of literal texts")
			return
		}
		text, _ := strconv.Unquote(lit.Value)
		texts = append(texts, text)
	}
	switch {
	case len(texts) != 4 || message.Find(texts[0]) != nil:
		r.fault(s, call, "the code is not unique")
		return
	case !code.MatchString(texts[0]):
		r.fault(s, call, "code %q: use words in lower case, joined by hyphens", texts[0])
	case texts[1] == "" || !strings.HasSuffix(texts[3], "."):
		r.fault(s, call, "%s needs a text and an explanation in whole sentences", texts[0])
	}
	r.defs[name] = message.Define(texts[0], texts[1], texts[2], texts[3])
}

// selected returns the last name of an expression, without a package or a pointer.
func selected(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.StarExpr:
		return selected(e.X)
	}
	return ""
}

// find returns the definition that an expression names.
func (r *rules) find(s source, e ast.Expr) (string, *message.Definition) {
	name := ""
	switch e := e.(type) {
	case *ast.Ident:
		name = s.file.Name.Name + "." + e.Name
	case *ast.SelectorExpr:
		if pkg, ok := e.X.(*ast.Ident); ok {
			name = pkg.Name + "." + e.Sel.Name
		}
	}
	return name, r.defs[name]
}

// check checks the uses of definitions in a file, and that no other text is a message.
func (r *rules) check(s source) {
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			r.call(s, n)
		case *ast.CompositeLit:
			if !slices.Contains(carriers, selected(n.Type)) {
				return true
			}
			for _, e := range n.Elts {
				kv, ok := e.(*ast.KeyValueExpr)
				if !ok || selected(kv.Key) != "Message" {
					continue
				}
				if from, ok := kv.Value.(*ast.SelectorExpr); !ok || from.Sel.Name != "Text" && from.Sel.Name != "Message" {
					r.fault(s, kv, "a message without a definition")
				}
			}
		}
		return true
	})
}

func (r *rules) call(s source, n *ast.CallExpr) {
	count := func(name string, d *message.Definition, args []ast.Expr) {
		r.used[name] = true
		if n.Ellipsis == token.NoPos && len(args) != len(d.Names()) {
			r.fault(s, n, "%s takes %d arguments (%s), not %d", d.Code, len(d.Names()), strings.Join(d.Names(), ", "), len(args))
		}
	}
	if fun, ok := n.Fun.(*ast.SelectorExpr); ok && (fun.Sel.Name == "Of" || fun.Sel.Name == "Failure") {
		if name, d := r.find(s, fun.X); d != nil {
			count(name, d, n.Args)
		}
	}
	for i, a := range n.Args {
		name, d := r.find(s, a)
		switch {
		case d == nil:
		case r.reporters[selected(n.Fun)]:
			count(name, d, n.Args[i+1:])
		case selected(n.Fun) == "FromError" && len(d.Names()) != 1:
			r.fault(s, n, "%s takes other arguments than an error", d.Code)
		default:
			r.used[name] = true
		}
	}
}

func (r *rules) all(sources []source) []string {
	for _, s := range sources {
		r.define(s)
	}
	for _, s := range sources {
		r.check(s)
	}
	for name, d := range r.defs {
		if !r.used[name] {
			r.faults = append(r.faults, d.Code+" is not used")
		}
	}
	slices.Sort(r.faults)
	return r.faults
}

func newRules() *rules {
	return &rules{defs: definitions{}, reporters: map[string]bool{}, used: map[string]bool{}}
}

// Every message has one definition, and every use of it gives its arguments.
func TestMessagesAreDefined(t *testing.T) {
	var sources []source
	for _, top := range []string{"internal", "pkg", "cmd"} {
		err := filepath.WalkDir("../../"+top, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, path, nil, 0)
			sources = append(sources, source{fset, file})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	r := newRules()
	for _, fault := range r.all(sources) {
		t.Error(fault)
	}
	if len(r.defs) < 300 || !r.reporters["warn"] || !r.reporters["noteOf"] {
		t.Errorf("only %d definitions and the reporters %v: the test looks in the wrong place", len(r.defs), r.reporters)
	}
}

// TestMessageRulesBite shows that the rules can fail.
func TestMessageRulesBite(t *testing.T) {
	const head = "package p\n" +
		"func report(field string, def *message.Definition, args ...any) {}\n"
	for i, c := range []struct{ source, want string }{
		{`var m = message.Define("bite-CODE-fine", "{a} of {b} of {a}", "", "It is fine."); var _ = m.Of(1, 2); func f() { report("x", m, 1, 2) }`, ""},
		{`var m = message.Define("bite-CODE-few", "{a} of {b}", "", "It is fine."); var _ = m.Of(1)`, "takes 2 arguments"},
		{`var m = message.Define("bite-CODE-many", "{a}", "", "It is fine."); func f() { report("x", m, 1, 2) }`, "takes 1 arguments"},
		{`var m = message.Define("bite-CODE-unused", "text", "", "It is fine.")`, "is not used"},
		{`var m = message.Define("BITE-CODE", "text", "", "It is fine."); var _ = m.Of()`, "lower case"},
		{`var m = message.Define("bite-CODE-bare", "text", "", "no sentence"); var _ = m.Of()`, "whole sentences"},
		{`var m, n = message.Define("bite-CODE-twice", "text", "", "It is fine."), message.Define("bite-CODE-twice", "text", "", "It is fine."); var _ = m.Of()`, "not unique"},
		{`var m = message.Define("bite-CODE-cause", "{a} {b}", "", "It is fine."); var _ = message.FromError(nil, m)`, "other arguments"},
		{`var _ = model.Problem{Message: "text"}`, "without a definition"},
		{`var _ = Note{Message: fmt.Sprint(1)}`, "without a definition"},
		{`var _ = api.Note{Message: m.Text}`, ""},
	} {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, "p.go", head+strings.ReplaceAll(c.source, "CODE", "c"+strconv.Itoa(i)), 0)
		if err != nil {
			t.Fatal(err)
		}
		faults := strings.Join(newRules().all([]source{{fset, file}}), "\n")
		if (c.want == "") != (faults == "") || !strings.Contains(faults, c.want) {
			t.Errorf("%s: %q, want %q", c.source, faults, c.want)
		}
	}
}
