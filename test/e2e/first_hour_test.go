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
)

// document is where a newcomer's commands are, and below them what they print.
const document = "../../docs/tutorials/first-hour.md"

// codeBlock is a block of the document: commands if it is "sh", otherwise what the ones
// before print.
var codeBlock = regexp.MustCompile("(?ms)^```(sh|)\n(.*?)^```$")

// step is a block of commands and the lines that its output has to match.
type step struct{ commands, prints string }

func steps(text string) (out []step) {
	for _, m := range codeBlock.FindAllStringSubmatch(text, -1) {
		if m[1] == "sh" {
			out = append(out, step{commands: m[2]})
		} else if len(out) > 0 {
			out[len(out)-1].prints = m[2]
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

// TestFirstHour runs the commands of docs/tutorials/first-hour.md, in one shell as a newcomer has
// one, and compares what they print with what stands below them.
func TestFirstHour(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir() // takes the place of the repository, which files are not written to
	if err := os.Symlink(filepath.Join(root, "bin"), filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Makefile"), []byte("%:\n\t@$(MAKE) -C "+root+" $@\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	all := steps(string(text))
	if len(all) < 5 {
		t.Fatalf("only %d blocks of commands were found", len(all))
	}
	var script strings.Builder
	script.WriteString("set -e\n")
	for i, s := range all {
		fmt.Fprintf(&script, "exec > out%d 2>&1\n%s", i, s.commands)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", script.String())
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "NO_COLOR=1")
	t.Cleanup(func() {
		down := exec.Command(binary, "lab", "down", "--lab", "first-hour")
		if out, err := down.CombinedOutput(); err != nil {
			t.Errorf("lab down: %v %s", err, out)
		}
	})
	err = cmd.Run()
	for i, s := range all {
		out, readErr := os.ReadFile(filepath.Join(dir, fmt.Sprint("out", i)))
		if readErr != nil {
			t.Fatalf("the commands before this did not end: %v\n%s", err, s.commands)
		}
		if s.prints != "" && !printed(string(out), s.prints) {
			t.Errorf("%s\nprints\n%s\nand is documented to print\n%s", s.commands, out, s.prints)
		} else if err != nil {
			t.Logf("%s\nprints\n%s", s.commands, out)
		}
	}
	if err != nil {
		t.Fatalf("a command failed: %v", err)
	}
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
