package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// lockers are the files that may lock a thread: the one place that enters namespaces, and
// a process that replaces itself by another program, which ends all its threads.
var lockers = []string{"internal/linux/netns/netns.go", "internal/dnsserver/user.go"}

// Threads change their namespace in one place, which never uses the process's first
// thread: see netns.OnThread.
func TestThreadsAreLockedInOnePlace(t *testing.T) {
	found := 0
	for _, dir := range []string{"cmd", "internal", "pkg", "test"} {
		err := filepath.WalkDir(filepath.Join("..", "..", dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") {
				return err
			}
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "LockOSThread" {
					found++
					if !slices.ContainsFunc(lockers, func(l string) bool { return strings.HasSuffix(filepath.ToSlash(path), l) }) {
						t.Errorf("%s: use netns.OnThread", fset.Position(s.Pos()))
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found == 0 {
		t.Error("no thread is locked: the test looks in the wrong place")
	}
}
