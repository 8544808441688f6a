package docs

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

func pages(t *testing.T) []*Page {
	t.Helper()
	all, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 60 {
		t.Fatalf("only %d pages were found", len(all))
	}
	return all
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`^#+ (.*)$`)
	dropped = regexp.MustCompile("[^a-z0-9 _-]")
)

// anchor is the name of a heading in a link, as GitHub makes it.
func anchor(title string) string {
	return strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(title), ""), " ", "-")
}

func anchors(p *Page) map[string]bool {
	out := map[string]bool{}
	p.Prose(func(_ int, line string) {
		if m := heading.FindStringSubmatch(line); m != nil {
			out[anchor(m[1])] = true
		}
	})
	return out
}

// targets calls f with each link of a page to a file of the repository, whose path is
// below the root; an anchor may be all there is.
func targets(p *Page, f func(line int, file, anchor string)) {
	p.Prose(func(number int, line string) {
		for _, m := range link.FindAllStringSubmatch(line, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, at, _ := strings.Cut(m[1], "#")
			if file == "" {
				file = p.Path
			} else {
				file = path.Join(path.Dir(p.Path), file)
			}
			f(number, file, at)
		}
	})
}

// Links lead to files that there are, and to headings that these have.
func TestLinks(t *testing.T) {
	byPath := map[string]*Page{}
	for _, p := range pages(t) {
		byPath[p.Path] = p
	}
	found := 0
	for _, p := range byPath {
		targets(p, func(line int, file, at string) {
			found++
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(file))); err != nil {
				t.Errorf("%s:%d: there is no %s", p.Path, line, file)
			} else if at != "" && (byPath[file] == nil || !anchors(byPath[file])[at]) {
				t.Errorf("%s:%d: %s has no heading #%s", p.Path, line, file, at)
			}
		})
	}
	if found < 200 {
		t.Errorf("only %d links were found", found)
	}
}

// Every page of docs is reached from the index, and every example from theirs.
func TestPagesAreReached(t *testing.T) {
	byPath := map[string]*Page{}
	for _, p := range pages(t) {
		byPath[p.Path] = p
	}
	reached := map[string]bool{}
	var follow func(name string)
	follow = func(name string) {
		p := byPath[name]
		if p == nil {
			p = byPath[path.Join(name, "README.md")]
		}
		if p == nil || reached[p.Path] {
			return
		}
		reached[p.Path] = true
		targets(p, func(_ int, file, _ string) { follow(file) })
	}
	follow("docs/index.md")
	for name := range byPath {
		if !reached[name] && (strings.HasPrefix(name, "docs/") || strings.HasPrefix(name, "examples/")) {
			t.Errorf("no link leads from docs/index.md to %s", name)
		}
	}
}

// planned are words of proposals that exist nowhere else.
var planned = regexp.MustCompile(`(?i)\b(canary|dead-man|apply --confirm|viaduct adopt)\b`)

// What does not exist is described in proposals, each with its status, and only named in
// lists elsewhere.
func TestPlansAreProposals(t *testing.T) {
	status := regexp.MustCompile(`(?m)^Status: (proposed|in progress|done|rejected)$`)
	for _, p := range pages(t) {
		if strings.HasPrefix(p.Path, "docs/proposals/") {
			if text := strings.Join(p.Lines, "\n"); !strings.HasSuffix(p.Path, "/index.md") && !status.MatchString(text) {
				t.Errorf("%s has no line with its status", p.Path)
			}
			continue
		}
		for i, line := range p.Lines {
			if w := planned.FindString(line); w != "" && !strings.Contains(line, "proposals/") {
				t.Errorf("%s:%d: %q is planned and belongs to a proposal", p.Path, i+1, w)
			}
		}
	}
}

var testRun = regexp.MustCompile(`go test ((?:\./[a-z0-9/]+ ?)+)(?:-run '?([\w|]+)'?)?`)

// The tests that pages name exist.
func TestNamedTestsExist(t *testing.T) {
	found := 0
	for _, p := range pages(t) {
		for i, line := range p.Lines {
			for _, m := range testRun.FindAllStringSubmatch(line, -1) {
				found++
				declared := ""
				for dir := range strings.FieldsSeq(m[1]) {
					files, _ := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
					if len(files) == 0 {
						t.Errorf("%s:%d: %s has no tests", p.Path, i+1, dir)
					}
					for _, f := range files {
						text, err := os.ReadFile(f)
						if err != nil {
							t.Fatal(err)
						}
						declared += string(text)
					}
				}
				for name := range strings.SplitSeq(m[2], "|") {
					if name != "" && !regexp.MustCompile(`func Test\w*`+name).MatchString(declared) {
						t.Errorf("%s:%d: no test of %s matches %s", p.Path, i+1, m[1], name)
					}
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d tests are named", found)
	}
}

// What `make` is asked for in pages, the Makefile has.
func TestMakeTargetsExist(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, p := range pages(t) {
		for _, c := range p.Commands("make") {
			for _, w := range c.Words {
				found++
				if !strings.Contains(w, "=") && !regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(w)+`:`).Match(makefile) {
					t.Errorf("%s:%d: make has no target %s", p.Path, c.Line, w)
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d targets are named", found)
	}
}
