// Package golden reads and updates golden test cases in which input and
// expectation stand in one file, in txtar form: a comment, then files, each
// begun by a line "-- name --". Tests use it; the program does not.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Case is one golden file.
type Case struct {
	// Path is the file's, Comment the text before its first part.
	Path, Comment string
	// Names are those of the parts, in order; Files their contents.
	Names []string
	Files map[string]string
}

// UpdateFlag declares the flag -update of a test binary. Call it once, in a
// package variable, and give its value to Want.
func UpdateFlag() *bool {
	return flag.Bool("update", false, "write the results into the golden files")
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
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := &Case{Path: path, Files: map[string]string{}}
	name := ""
	for line := range strings.Lines(string(b)) {
		mid, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "-- ")
		if ok && strings.HasSuffix(mid, " --") {
			name = strings.TrimSuffix(mid, " --")
			c.Names = append(c.Names, name)
			c.Files[name] = ""
			continue
		}
		if name == "" {
			c.Comment += line
		} else {
			c.Files[name] += line
		}
	}
	return c
}

// Want compares got with the part of that name, or with update writes it there.
func (c *Case) Want(t *testing.T, update bool, name, got string) {
	t.Helper()
	if !update {
		if d := cmp.Diff(c.Files[name], got); d != "" {
			t.Errorf("%s: %s (-want +got)\n%s", c.Path, name, d)
		}
		return
	}
	if _, ok := c.Files[name]; !ok {
		c.Names = append(c.Names, name)
	}
	c.Files[name] = got
	var b strings.Builder
	b.WriteString(c.Comment)
	for _, n := range c.Names {
		b.WriteString("-- " + n + " --\n" + c.Files[n])
	}
	if err := os.WriteFile(c.Path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
