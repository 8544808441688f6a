package frr

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
)

// parseFile reads frr.conf, written by FRR or by a person, so that render returns
// it byte for byte. The root's end holds the trailing lines.
func parseFile(text string) *node {
	p := &fileParser{stack: []*node{{}}, indents: []int{-1}}
	for line := range strings.Lines(text) {
		p.line(strings.TrimSuffix(line, "\n"))
	}
	p.stack[0].end = strings.Join(p.lead, "\n")
	return p.stack[0]
}

type fileParser struct {
	stack   []*node
	indents []int
	lead    []string
	// flat is set while the lines of the open context are not indented.
	flat bool
	// ended is set after an unindented "!": people put it between contexts, and
	// unindented lines after it are in no context.
	ended bool
}

func (p *fileParser) line(raw string) {
	t := squeeze(raw)
	indent := len(raw) - len(strings.TrimLeft(raw, " \t"))
	switch {
	case t == "" || t[0] == '!' || t[0] == '#':
		p.ended = p.ended || t == "!" && indent == 0
		p.lead = append(p.lead, raw)
		return
	case isEnd(t) && len(p.stack) > 1:
		p.exit(raw, indent)
		return
	case indent == 0 && (t == "end" || isContext(t, 0)):
		p.pop(1)
	case indent == 0 && p.flat && p.ended:
		p.pop(1)
	case indent == 0 && len(p.stack) > 1 && !p.flat:
		if len(p.stack[1].kids) > 0 || p.ended {
			p.pop(1)
		} else {
			p.flat = true
		}
	}
	p.ended = false
	for !p.flat && len(p.stack) > 1 && indent <= p.indents[len(p.indents)-1] {
		p.pop(len(p.stack) - 1)
	}
	parent := p.stack[len(p.stack)-1]
	n := &node{text: t, key: canonical(t), raw: raw, lead: p.lead}
	p.lead = nil
	parent.insert(len(parent.kids), n)
	depth := len(p.stack) - 1
	if isContext(t, depth) || !p.flat && depth > 0 {
		p.stack, p.indents = append(p.stack, n), append(p.indents, indent)
	}
}

// exit closes a context: the one with the line's indentation.
func (p *fileParser) exit(raw string, indent int) {
	for !p.flat && len(p.stack) > 2 && p.indents[len(p.indents)-1] > indent {
		p.pop(len(p.stack) - 1)
	}
	top := p.stack[len(p.stack)-1]
	top.end = strings.Join(append(p.lead, raw), "\n")
	p.lead = nil
	p.pop(len(p.stack) - 1)
}

// pop leaves the contexts from a depth on.
func (p *fileParser) pop(depth int) {
	p.stack, p.indents = p.stack[:depth], p.indents[:depth]
	if depth == 1 {
		p.flat = false
	}
}

// render writes the tree as a file, and returns the node of each line; nil for
// comments.
func render(root *node) (text string, of []*node) {
	var b strings.Builder
	put := func(line string, n *node) {
		b.WriteString(line)
		b.WriteByte('\n')
		for range strings.Count(line, "\n") + 1 {
			of = append(of, n)
		}
	}
	var walk func(n *node, depth int)
	walk = func(n *node, depth int) {
		for _, l := range n.lead {
			put(l, nil)
		}
		line := n.raw
		if line == "" {
			line = strings.Repeat(" ", depth) + n.text
		}
		put(line, n)
		for _, k := range n.kids {
			walk(k, depth+1)
		}
		switch {
		case n.end != "":
			put(n.end, n)
		case n.raw == "" && (len(n.kids) > 0 || isContext(n.text, depth)):
			put(strings.Repeat(" ", depth)+endOf(n.text), n)
		}
	}
	for _, n := range root.kids {
		walk(n, 0)
	}
	if root.end != "" {
		put(root.end, nil)
	}
	return b.String(), of
}

// applyToFile applies operations to the tree of a file.
func applyToFile(root *node, ops []op) {
	for _, o := range ops {
		parent := root
		for _, head := range o.path {
			if next := parent.find(canonical(head)); next != nil {
				parent = next
			} else {
				parent = nil
				break
			}
		}
		switch {
		case parent == nil: // removed with its context
		case o.remove:
			if k := parent.find(canonical(o.text)); k != nil {
				parent.drop(k)
			}
		default:
			k := &node{text: o.text, key: o.line.key, owner: o.line.owner}
			if len(o.path) == 0 && isContext(o.text, 0) {
				k.lead = []string{"!"}
			}
			parent.insert(parent.placeFor(k, len(o.path)), k)
		}
	}
}

// placeFor returns the position at which a line is added below n: at the top level
// before the file's end, in a context before nested contexts.
func (n *node) placeFor(k *node, depth int) int {
	at := len(n.kids)
	if depth == 0 {
		for at > 0 && (n.kids[at-1].text == "end" || n.kids[at-1].text == "line vty") {
			at--
		}
		return at
	}
	if isContext(k.text, depth) {
		return at
	}
	for i, kid := range n.kids {
		if isContext(kid.text, depth) || len(kid.kids) > 0 {
			return i
		}
	}
	return at
}

// drop removes a line; a person's comments before it stay.
func (n *node) drop(k *node) {
	i := slices.Index(n.kids, k)
	n.remove(k)
	worded := slices.ContainsFunc(k.lead, func(l string) bool { return strings.Trim(l, "!# \t") != "" })
	switch {
	case !worded:
	case i < len(n.kids):
		n.kids[i].lead = append(slices.Clone(k.lead), n.kids[i].lead...)
	case n.end != "":
		n.end = strings.Join(append(slices.Clone(k.lead), n.end), "\n")
	default:
		n.end = strings.Join(k.lead, "\n")
	}
}

// readFile reads frr.conf; a missing file counts as empty.
func (d *Driver) readFile() (text string, err error) {
	b, err := os.ReadFile(d.path(d.confDir(), "frr.conf"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read FRR's configuration file: %w", err)
	}
	return string(b), nil
}

// writeFile replaces a file of FRR's configuration atomically, with the owner and
// mode that FRR wants.
func (d *Driver) writeFile(name, text string) error {
	path := d.path(d.confDir(), name)
	uid, gid, err := d.frrUser()
	if err != nil {
		return err
	}
	t, err := renameio.NewPendingFile(path, renameio.WithTempDir(d.path(d.confDir())), renameio.WithStaticPermissions(0o640))
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() { _ = t.Cleanup() }()
	if err = t.Chown(uid, gid); err == nil {
		_, err = t.WriteString(text)
	}
	if err == nil {
		err = t.CloseAtomicallyReplace()
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
