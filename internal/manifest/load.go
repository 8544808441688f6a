package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/viaduct-sdn/viaduct/internal/message"
)

// Stdin is the path of standard input.
const Stdin = "-"

// ErrNothing is the error of manifests that declare nothing.
var ErrNothing = errors.New("the manifests declare nothing")

// emptyError is ErrNothing in a directory without manifests.
type emptyError struct{ text string }

// Error implements error.
func (e *emptyError) Error() string { return e.text }

// Is reports that it matches ErrNothing.
func (e *emptyError) Is(target error) bool { return target == ErrNothing } //nolint:errorlint // this is what errors.Is calls

// Load reads manifests: files, directories (their *.yaml, *.yml and *.json, sorted by
// name, one level deep), and standard input as "-". Errors in the content are returned
// as Errors, all of them; then the Set is nil.
func Load(paths []string, stdin io.Reader) (*Set, error) {
	l := &loader{set: newSet()}
	for _, p := range paths {
		if err := l.path(p, stdin); err != nil {
			return nil, err
		}
	}
	if len(l.errs) > 0 {
		return nil, l.errs
	}
	return l.set, nil
}

type loader struct {
	set  *Set
	errs Errors
	read int64
}

func (l *loader) path(p string, stdin io.Reader) error {
	if p == Stdin {
		if stdin == nil {
			return fmt.Errorf("standard input is not available here")
		}
		return l.reader("<stdin>", stdin)
	}
	fi, err := os.Stat(p)
	if err != nil {
		return fmt.Errorf("cannot read manifest: %w", err)
	}
	if !fi.IsDir() {
		return l.file(p)
	}
	entries, err := os.ReadDir(p) // sorted
	if err != nil {
		return fmt.Errorf("cannot read manifests: %w", err)
	}
	found := false
	for _, e := range entries {
		if e.IsDir() || !IsManifest(e.Name()) {
			continue
		}
		found = true
		if err := l.file(filepath.Join(p, e.Name())); err != nil {
			return err
		}
	}
	if !found {
		return &emptyError{fmt.Sprintf("no manifest in directory %s: there is no *.yaml, *.yml or *.json", p)}
	}
	return nil
}

// IsManifest reports whether Load reads a directory's file of that name.
func IsManifest(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name))
}

func (l *loader) file(p string) error {
	f, err := os.Open(p)
	if err != nil {
		return fmt.Errorf("cannot read manifest: %w", err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	return l.reader(p, f)
}

func (l *loader) reader(name string, r io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(r, MaxInput-l.read+1))
	if err != nil {
		return fmt.Errorf("cannot read manifest %s: %w", name, err)
	}
	l.read += int64(len(b))
	if l.read > MaxInput {
		return fmt.Errorf("%s: the manifests are larger than %d MiB together; apply them in parts", name, MaxInput>>20)
	}
	l.input(name, b)
	return nil
}

// input reads the content of one file.
func (l *loader) input(name string, b []byte) {
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	text := strings.ReplaceAll(string(b), "\r\n", "\n")
	json := filepath.Ext(name) == ".json" || strings.HasPrefix(strings.TrimLeft(text, " \t\n"), "{")
	if json {
		// White space in JSON, but not in YAML; JSON strings cannot contain it.
		text = strings.ReplaceAll(text, "\t", " ")
	}
	src := &source{name: name, lines: strings.Split(text, "\n")}
	if err := checkText(src); err != nil {
		l.errs = append(l.errs, err)
		return
	}
	for _, d := range split(src) {
		l.document(d)
	}
}

func (l *loader) document(d *document) {
	root, err := d.parse()
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	if root == nil {
		return
	}
	objects := []*node{root}
	if root.kind == listNode {
		objects = root.items
	}
	r := &reader{doc: d}
	for _, n := range objects {
		o := r.object(n)
		if o == nil {
			continue
		}
		if first := l.set.add(o); first != nil {
			r.error(o.pos, msgObjectRepeated, o.object.ObjectKind(), o.object.ObjectID(), first.pos)
		}
	}
	l.errs = append(l.errs, r.errs...)
}

// checkText refuses content that is not text, and tabs that YAML does not allow.
func checkText(src *source) *Error {
	fault := func(line, column int, def *message.Definition, args ...any) *Error {
		return newError(Position{File: src.name, Line: line, Column: column}, strings.ToValidUTF8(src.lines[line-1], "?"), def.Of(args...))
	}
	for i, s := range src.lines {
		column := 0
		blank := true
		for j, r := range s {
			column++
			switch {
			case r == utf8.RuneError && !strings.HasPrefix(s[j:], string(utf8.RuneError)):
				return fault(i+1, column, msgManifestNotUTF8)
			case r == '\t' && blank:
				return fault(i+1, column, msgManifestTab)
			case r != '\t' && r < ' ' || r == 0x7f:
				return fault(i+1, column, msgManifestControlCharacter, fmt.Sprintf("%U", r))
			}
			blank = blank && r == ' '
		}
	}
	return nil
}

// split splits a source at its document markers. A marker at the start of a line ends
// even a block of literal text, so checking lines is enough; and reading each document
// separately finds the errors of all.
func split(src *source) []*document {
	var out []*document
	start := 0
	flush := func(end int) {
		d := &document{src: src, first: start + 1, text: strings.Join(src.lines[start:end], "\n")}
		if strings.TrimSpace(d.text) != "" {
			out = append(out, d)
		}
	}
	for i, line := range src.lines {
		rest, marker := strings.CutPrefix(line, "---")
		if !marker {
			rest, marker = strings.CutPrefix(line, "...")
		}
		if !marker || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
			continue
		}
		flush(i)
		start = i
		if c := strings.TrimSpace(rest); c == "" || c[0] == '#' {
			start = i + 1 // only a comment can follow the marker
		}
	}
	flush(len(src.lines))
	return out
}
