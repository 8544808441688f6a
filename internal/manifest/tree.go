package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
	"github.com/viaduct-sdn/viaduct/internal/message"
)

// nodeKind is the kind of a node.
type nodeKind int

const (
	scalarNode nodeKind = iota
	mapNode
	listNode
	nullNode
)

// node is a YAML value with its position, without anything that manifests refuse, so
// that reading an object from it is simple.
type node struct {
	kind nodeKind
	pos  Position
	// text is a scalar's value as written; quoted distinguishes "1" from 1.
	text   string
	quoted bool
	items  []*node
	// entries are those of a map, in the order written, including duplicates.
	entries []entry
}

type entry struct {
	key   string
	pos   Position
	value *node
}

// describe names the node's kind in messages.
func (n *node) describe() string {
	switch n.kind {
	case mapNode:
		return "a map"
	case listNode:
		return "a list"
	case nullNode:
		return "nothing"
	case scalarNode:
	}
	return fmt.Sprintf("%q", clip(n.text))
}

// clip bounds a quoted value, in bytes.
func clip(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "..."
	}
	return s
}

// document is one YAML document of a source.
type document struct {
	src *source
	// first is the number of the document's first line.
	first int
	text  string
}

// at translates a position within the document.
func (d *document) at(p *token.Position) Position {
	if p == nil {
		return Position{File: d.src.name, Line: d.first, Column: 1}
	}
	return Position{File: d.src.name, Line: d.first + p.Line - 1, Column: max(p.Column, 1)}
}

func (d *document) error(p Position, def *message.Definition, args ...any) *Error {
	return newError(p, d.src.line(p.Line), def.Of(args...))
}

// parse parses the document into a tree; nil for an empty document.
//
// The tokens are checked before parsing: the parser is recursive, and a stack overflow
// of a goroutine cannot be recovered from.
func (d *document) parse() (root *node, err *Error) {
	if len(d.text) > MaxDocument {
		return nil, d.error(d.at(nil), msgManifestTooLarge, MaxDocument>>10)
	}
	defer func() {
		// The parser is third-party code and the input is untrusted: if it panics on
		// some input that fuzzing has not found, that is one bad file and must not end
		// the program.
		if r := recover(); r != nil {
			root, err = nil, d.error(d.at(nil), msgManifestYAMLUnreadable, r)
		}
	}()
	tokens := lexer.Tokenize(d.text)
	if err := d.check(tokens); err != nil {
		return nil, err
	}
	file, perr := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if perr != nil {
		return nil, d.syntaxError(perr)
	}
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if root != nil {
			return nil, d.error(d.at(doc.Body.GetToken().Position), msgManifestTwoValues)
		}
		if root, err = d.convert(doc.Body, 0); err != nil {
			return nil, err
		}
	}
	return root, nil
}

// refused explains the parts of YAML that manifests do not support.
var refused = map[token.Type]string{
	token.AnchorType:     "anchors (&name) are not supported: write the value out where it is needed",
	token.AliasType:      "aliases (*name) are not supported: write the value out (or quote it, if it is meant to start with *)",
	token.TagType:        "tags (!name) are not supported: leave it out (or quote the value, if it is meant to start with !)",
	token.MergeKeyType:   "merge keys (<<) are not supported: write the properties out",
	token.DirectiveType:  "directives (%) are not supported: leave the line out",
	token.MappingKeyType: "complex keys (?) are not supported: write \"name: value\"",
}

// check refuses unsupported tokens and bounds the nesting.
func (d *document) check(tokens token.Tokens) *Error {
	flow := 0
	var block []int // columns of the open block collections
	lastLine := 0
	for _, t := range tokens {
		if msg, ok := refused[t.Type]; ok {
			return d.error(d.at(t.Position), msgManifestYAMLUnsupported, msg)
		}
		// only nesting matters
		switch t.Type {
		case token.InvalidType:
			return d.error(d.at(t.Position), msgManifestYAMLInvalid, t.Error)
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType:
			block = openBlock(block, t.Position.Column)
		default:
			if t.Position.Line != lastLine && flow == 0 {
				block = openBlock(block, t.Position.Column)
			}
		}
		lastLine = t.Position.Line
		if flow+len(block) > MaxDepth {
			return d.error(d.at(t.Position), msgManifestTooDeep, MaxDepth)
		}
	}
	return nil
}

// openBlock closes the collections at or right of the column and opens one there.
func openBlock(block []int, column int) []int {
	for len(block) > 0 && block[len(block)-1] >= column {
		block = block[:len(block)-1]
	}
	return append(block, column)
}

func (d *document) syntaxError(err error) *Error {
	var se *yaml.SyntaxError
	if errors.As(err, &se) && se.Token != nil {
		return d.error(d.at(se.Token.Position), msgManifestYAMLSyntax, se.Message)
	}
	var ye yaml.Error
	if errors.As(err, &ye) && ye.GetToken() != nil {
		return d.error(d.at(ye.GetToken().Position), msgManifestYAMLInvalid, ye.GetMessage())
	}
	return d.error(d.at(nil), msgManifestYAMLNotParsed, err)
}

// convert turns the parser's tree into nodes.
func (d *document) convert(n ast.Node, depth int) (*node, *Error) {
	if n == nil || n.GetToken() == nil {
		return &node{kind: nullNode, pos: d.at(nil)}, nil
	}
	tk := n.GetToken()
	out := &node{pos: d.at(tk.Position)}
	if depth > MaxDepth {
		return nil, d.error(out.pos, msgManifestTooDeep, MaxDepth)
	}
	switch n := n.(type) {
	case *ast.NullNode:
		out.kind = nullNode
	case *ast.StringNode:
		out.text, out.quoted = n.Value, slices.Contains([]token.Type{token.SingleQuoteType, token.DoubleQuoteType}, tk.Type)
	case *ast.LiteralNode:
		out.text, out.quoted = n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		// As written, not as YAML reads it: an id 0100 is unchanged.
		out.text = tk.Value
	case *ast.MappingNode:
		return out, d.convertMap(out, n.Values, depth)
	case *ast.MappingValueNode:
		return out, d.convertMap(out, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		out.kind = listNode
		for _, v := range n.Values {
			item, err := d.convert(v, depth+1)
			if err != nil {
				return nil, err
			}
			out.items = append(out.items, item)
		}
	default:
		return nil, d.error(out.pos, msgManifestValueUnsupported, strings.ToLower(n.Type().String()))
	}
	return out, nil
}

func (d *document) convertMap(out *node, values []*ast.MappingValueNode, depth int) *Error {
	out.kind = mapNode
	for i, v := range values {
		tk := v.Key.GetToken()
		if i == 0 {
			out.pos = d.at(tk.Position)
		}
		value, err := d.convert(v.Value, depth+1)
		if err != nil {
			return err
		}
		pos := d.at(tk.Position)
		if value.kind == nullNode {
			value.pos = pos
		}
		out.entries = append(out.entries, entry{key: tk.Value, pos: pos, value: value})
	}
	return nil
}
