package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// skipPackage is the one package that may skip a test and look for programs.
const skipPackage = "test/requires"

// forTests reports whether a file is compiled into tests only: a test, or a helper
// next to the code.
func forTests(path string) bool {
	dir := filepath.ToSlash(filepath.Dir(path))
	return strings.HasSuffix(path, "_test.go") || covers("test", dir) || strings.HasSuffix(dir, "test")
}

// evasions returns the statements of a test file that could skip a test, or pass it
// without a check, because the machine lacks a program.
func evasions(fset *token.FileSet, f *ast.File) []string {
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		at := fset.Position(s.Pos())
		switch x, _ := s.X.(*ast.Ident); {
		case slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, s.Sel.Name):
			out = append(out, fmt.Sprintf("%s: only %s skips tests: use what it has, or fail", at, skipPackage))
		case x != nil && x.Name == "exec" && slices.Contains([]string{"LookPath", "ErrNotFound"}, s.Sel.Name):
			out = append(out, fmt.Sprintf("%s: a program that scripts/setup does not install fails a test: use requires.Program", at))
		}
		return true
	})
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 1 {
			return true
		}
		s, _ := call.Fun.(*ast.SelectorExpr)
		lit, _ := call.Args[0].(*ast.BasicLit)
		if s == nil || lit == nil || (s.Sel.Name != "Stat" && s.Sel.Name != "Lstat") {
			return true
		}
		path, _ := strconv.Unquote(lit.Value)
		for _, dir := range []string{"/usr/", "/bin/", "/sbin/"} {
			if strings.HasPrefix(path, dir) {
				out = append(out, fmt.Sprintf("%s: looks for %s: use requires.Program", fset.Position(call.Pos()), path))
			}
		}
		return true
	})
	return out
}

// A test is skipped only if a machine cannot provide what the test requires; programs that
// scripts/setup installs are no such reason. Green runs used to hide that a machine
// lacked a program.
func TestNoTestIsSkippedForAProgram(t *testing.T) {
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel == "build" || rel == "bin" || strings.HasPrefix(d.Name(), ".git") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || !forTests(rel) || covers(skipPackage, filepath.ToSlash(rel)) {
			return nil
		}
		files++
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, e := range evasions(fset, f) {
			t.Error(e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 100 {
		t.Errorf("only %d files found: the test looks in the wrong place", files)
	}
}

func TestEvasionsAreFound(t *testing.T) {
	for _, body := range []string{
		`t.Skip("no")`, `t.Skipf("no %s", "nft")`, `b.SkipNow()`,
		`if _, err := exec.LookPath("nft"); err != nil { return }`,
		`if errors.Is(err, exec.ErrNotFound) { t.Log("not read"); return }`,
		`if _, err := os.Stat("/usr/sbin/nft"); err != nil { return }`,
	} {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, "x_test.go", "package x\nfunc f() {\n"+body+"\n}\n", 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(evasions(fset, f)) == 0 {
			t.Errorf("not found: %s", body)
		}
	}
}
