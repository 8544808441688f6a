// Package golden compares what tests get with committed files: generated pages, and cases
// whose input and expectation are in one txtar file, so that a new case is a new file and
// needs no Go. Tests use it; the program does not.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what the tests get into the golden files")

// Case is one golden file.
type Case struct {
	// Path is the file's, Comment the text before its first part.
	Path, Comment string
	// Names are those of the parts, in order; Files their contents.
	Names []string
	Files map[string]string
}

// Run runs f in a subtest for every file of the pattern; there must be one.
func Run(t *testing.T, pattern string, f func(t *testing.T, c *Case)) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden cases match %s: %v", pattern, err)
	}
	for _, p := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(p), filepath.Ext(p)), func(t *testing.T) { f(t, read(t, p)) })
	}
}

func read(t *testing.T, path string) *Case {
	t.Helper()
	path, err := filepath.Abs(path) // the test may change its directory
	if err != nil {
		t.Fatal(err)
	}
	a, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := &Case{Path: path, Comment: string(a.Comment), Files: map[string]string{}}
	for _, f := range a.Files {
		c.Names = append(c.Names, f.Name)
		c.Files[f.Name] = string(f.Data)
	}
	return c
}

// Want compares got with the part of that name, or with -update writes it there.
func (c *Case) Want(t *testing.T, name, got string) {
	t.Helper()
	if !*update {
		if d := cmp.Diff(c.Files[name], got); d != "" {
			t.Errorf("%s: %s (-want +got; -update accepts)\n%s", c.Path, name, d)
		}
		return
	}
	if _, ok := c.Files[name]; !ok {
		c.Names = append(c.Names, name)
	}
	c.Files[name] = got
	a := &txtar.Archive{Comment: []byte(c.Comment)}
	for _, n := range c.Names {
		a.Files = append(a.Files, txtar.File{Name: n, Data: []byte(c.Files[n])})
	}
	if err := os.WriteFile(c.Path, txtar.Format(a), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Extract writes the files of the case but the named ones to a directory of the test's,
// which it returns.
func (c *Case) Extract(t *testing.T, but ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range c.Names {
		if slices.Contains(but, name) {
			continue
		}
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(c.Files[name]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
