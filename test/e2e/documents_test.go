package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/test/docs"
)

// step is a block of commands of a page, and the lines that its output has to match.
type step struct {
	line             int
	commands, prints string
}

// steps are the commands of a page that are run: blocks of sh, with all set or marked
// "run", and before them the files that blocks marked "file: NAME" are. A block without a
// language right behind one is what it prints.
func steps(p *docs.Page, all bool) (out []step) {
	files, after := "", 0 // after is the line below the last commands
	for _, b := range p.Blocks {
		name, isFile := b.Mark("file")
		_, marked := b.Mark("run")
		switch {
		case isFile:
			files += fmt.Sprintf("mkdir -p $(dirname %s)\ncat > %s <<'END-OF-BLOCK'\n%sEND-OF-BLOCK\n", name, name, b.Text)
		case b.Lang == "sh" && (all || marked):
			out = append(out, step{line: b.Line, commands: files + b.Text})
			files = ""
			after = b.End() + 1
		case b.Lang == "" && b.Line-2 == after:
			out[len(out)-1].prints = b.Text
		}
	}
	return out
}

// printed reports whether an output is as it is documented: "..." stands for anything,
// within a line and for any number of lines.
func printed(output, want string) bool {
	pattern := ""
	for line := range strings.Lines(want) {
		if line = strings.TrimRight(line, "\n"); line == "..." {
			pattern += "(?:[^\n]*\n)*?"
			continue
		}
		pattern += strings.ReplaceAll(regexp.QuoteMeta(line), regexp.QuoteMeta("..."), "[^\n]*") + "\n"
	}
	return regexp.MustCompile("(?s)^" + pattern + "$").MatchString(output)
}

// play runs the steps in a shell, as a reader has one, and compares what they print. It
// returns false if a command failed.
func play(t *testing.T, all []step, dir string, env ...string) bool {
	t.Helper()
	var script strings.Builder
	script.WriteString("set -e\n")
	for i, s := range all {
		fmt.Fprintf(&script, "exec > out%d 2>&1\n%s", i, s.commands)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", script.String())
	cmd.Dir, cmd.Env = dir, append(append(os.Environ(), "NO_COLOR=1"), env...)
	err := cmd.Run()
	for i, s := range all {
		out, readErr := os.ReadFile(filepath.Join(dir, fmt.Sprint("out", i)))
		if readErr != nil {
			t.Errorf("the commands before line %d did not end: %v", s.line, err)
			return false
		}
		if s.prints != "" && !printed(string(out), s.prints) {
			t.Errorf("line %d: %s\nprints\n%s\nand is documented to print\n%s", s.line, s.commands, out, s.prints)
		} else if err != nil {
			t.Logf("line %d: %s\nprints\n%s", s.line, s.commands, out)
		}
	}
	if err != nil {
		t.Errorf("a command failed: %v", err)
	}
	return err == nil
}

func readPage(t *testing.T, name string) *docs.Page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	return docs.Parse(name, string(text))
}

// TestFirstHour runs the commands of docs/tutorials/first-hour.md, all of them, in a
// directory that takes the place of the repository.
func TestFirstHour(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(root, "bin"), filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Makefile"), []byte("%:\n\t@$(MAKE) -C "+root+" $@\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	all := steps(readPage(t, "docs/tutorials/first-hour.md"), true)
	compared := 0
	for _, s := range all {
		if s.prints != "" {
			compared++
		}
	}
	if len(all) < 7 || compared < 6 {
		t.Fatalf("only %d blocks of commands were found, and %d of what they print", len(all), compared)
	}
	t.Cleanup(func() {
		down := exec.Command(binary, "lab", "down", "--lab", "first-hour")
		if out, err := down.CombinedOutput(); err != nil {
			t.Errorf("lab down: %v %s", err, out)
		}
	})
	play(t, all, dir)
}

// TestDocuments runs the commands of all pages that ask for a lab, one page after the
// other in the same lab, which is emptied in between.
func TestDocuments(t *testing.T) {
	c := newCluster(t, 2)
	bin := t.TempDir()
	program := fmt.Sprintf("#!/bin/sh\nif [ \"$1\" = lab ]; then shift; exec %s lab --lab %s --lab-dir %s \"$@\"; fi\nexec %[1]s \"$@\"\n", binary, c.lab.Name, c.root)
	if err := os.WriteFile(filepath.Join(bin, "viaduct"), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	pages, err := docs.Read("../..")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, p := range pages {
		if _, wanted := p.Mark("lab"); !wanted {
			continue
		}
		ran++
		t.Run(filepath.Base(p.Path), func(t *testing.T) {
			all := steps(p, false)
			if len(all) == 0 {
				t.Fatalf("%s asks for a lab and has no commands marked to run", p.Path)
			}
			c := *c
			c.t = t
			play(t, all, t.TempDir(), "PATH="+bin+":"+os.Getenv("PATH"), "VIADUCT_SERVER="+c.lab.Target())
			c.empty()
		})
	}
	if ran < 12 {
		t.Errorf("only %d pages were run", ran)
	}
}

// empty deletes everything that is declared in the lab.
func (c *cluster) empty() {
	c.t.Helper()
	dir := filepath.Join(c.t.TempDir(), "all")
	for name := range strings.FieldsSeq(c.run("get", "guests", "-o", "name")) {
		c.labRun("guest", "rm", strings.TrimPrefix(name, "guest/"))
	}
	c.run("discard", "-y")
	if r := c.try("export", "manifests", dir); r.code != 0 && r.code != 4 {
		c.t.Fatalf("export: %s%s", r.out, r.err)
	}
	c.run("delete", "-f", dir)
	c.run("apply", "-y")
}

func TestPrinted(t *testing.T) {
	for _, c := range []struct {
		output, want string
		is           bool
	}{
		{"a\nb\nc\n", "a\n...\nc\n", true}, {"a\nb 12 x\n", "...\nb ... x\n", true}, {"a\n", "a\n...\n", true},
		{"a\nb\n", "a\n", false}, {"a\nd\n", "...\nb\n", false}, {"ab\n", "a...c\n", false},
	} {
		if got := printed(c.output, c.want); got != c.is {
			t.Errorf("%q is documented as %q: %v", c.output, c.want, got)
		}
	}
}
