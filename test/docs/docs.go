// Package docs reads the project's documents for tests: their pages, the blocks of code
// in them with the marks above these, and the command lines of viaduct.
package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Page is a document.
type Page struct {
	// Path is below the repository, with slashes.
	Path  string
	Lines []string
	// Blocks are those between fences, in order.
	Blocks []Block
}

// Block is a block of code.
type Block struct {
	// Line is that of its first line of content, from 1.
	Line int
	// Lang is what follows the fence: "sh", "yaml", or empty.
	Lang string
	// Marks are the HTML comments right above it: "run", "file: net.yaml".
	Marks []string
	Text  string
}

// Mark returns the value of a mark: "net.yaml" of "file: net.yaml", "" of "run".
func (b *Block) Mark(name string) (value string, ok bool) { return mark(b.Marks, name) }

// Mark returns the value of a mark in the first line of the page.
func (p *Page) Mark(name string) (value string, ok bool) {
	m := comment.FindStringSubmatch(p.Lines[0])
	if m == nil {
		return "", false
	}
	return mark(m[1:], name)
}

func mark(marks []string, name string) (value string, ok bool) {
	for _, m := range marks {
		if key, value, _ := strings.Cut(m, ":"); key == name {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// Read reads all pages below the root of the repository, sorted by path.
func Read(root string) ([]*Page, error) {
	var out []*Page
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", "build", "bin", "node_modules", "testdata"}, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		out = append(out, Parse(filepath.ToSlash(name), string(text)))
		return err
	})
	return out, err
}

var (
	comment = regexp.MustCompile(`^<!-- (.*) -->$`)
	fence   = regexp.MustCompile("^```(.*)$")
)

// Parse reads a page.
func Parse(path, text string) *Page {
	p := &Page{Path: path, Lines: strings.Split(text, "\n")}
	var marks []string
	for i := 0; i < len(p.Lines); i++ {
		line := p.Lines[i]
		if m := comment.FindStringSubmatch(line); m != nil {
			marks = append(marks, m[1])
			continue
		}
		m := fence.FindStringSubmatch(line)
		if m == nil {
			marks = nil
			continue
		}
		b := Block{Line: i + 2, Lang: m[1], Marks: marks}
		end := i + 1
		for end < len(p.Lines) && p.Lines[end] != "```" {
			end++
		}
		if end > i+1 {
			b.Text = strings.Join(p.Lines[i+1:end], "\n") + "\n"
		}
		p.Blocks, marks, i = append(p.Blocks, b), nil, end
	}
	return p
}

// Prose calls f with every line outside of blocks, and its number.
func (p *Page) Prose(f func(number int, line string)) {
	next := 0
	for i, line := range p.Lines {
		for next < len(p.Blocks) && i+1 > p.Blocks[next].End() {
			next++
		}
		if next < len(p.Blocks) && i+1 >= p.Blocks[next].Line-1 {
			continue
		}
		f(i+1, line)
	}
}

// End is the line of the closing fence.
func (b *Block) End() int { return b.Line + strings.Count(b.Text, "\n") }
