package pveapi

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// router finds operations by method and path.
type router struct {
	root *pathNode
	all  []Operation
}

// pathNode is a node of the tree of path segments.
type pathNode struct {
	operations map[string]*Operation // by method
	literal    map[string]*pathNode
	parameter  *pathNode
}

// newRouter indexes a table. A duplicate operation is a programming error and panics.
func newRouter(table []Operation) *router {
	t := &router{root: &pathNode{}, all: table}
	for i := range table {
		op := &table[i]
		at := t.root
		for _, part := range op.parts() {
			at = at.step(part)
		}
		if at.operations == nil {
			at.operations = make(map[string]*Operation)
		}
		if at.operations[op.Method] != nil {
			panic(fmt.Sprintf("%s %s stands twice in the table of operations", op.Method, op.Path))
		}
		at.operations[op.Method] = op
	}
	return t
}

// step returns the child for one part of a template, and creates it if necessary.
func (p *pathNode) step(part string) *pathNode {
	if parameterName(part) != "" {
		if p.parameter == nil {
			p.parameter = &pathNode{}
		}
		return p.parameter
	}
	if p.literal == nil {
		p.literal = make(map[string]*pathNode)
	}
	if p.literal[part] == nil {
		p.literal[part] = &pathNode{}
	}
	return p.literal[part]
}

// find returns the operation of a path, or nil. A literal part of a template has
// precedence over a parameter.
func (t *router) find(method string, path []string) *Operation { return t.root.find(method, path) }

func (p *pathNode) find(method string, path []string) *Operation {
	if p == nil {
		return nil
	}
	if len(path) == 0 {
		return p.operations[method]
	}
	if op := p.literal[path[0]].find(method, path[1:]); op != nil {
		return op
	}
	if op := p.parameter.find(method, path[1:]); op != nil || p.parameter == nil {
		return op
	}
	if op := p.parameter.operations[method]; op != nil && op.Rest {
		return op
	}
	return nil
}

// parts returns the segments of the operation's path.
func (o *Operation) parts() []string {
	parts, err := segments(o.Path)
	if err != nil { // the table's own paths
		panic(err)
	}
	return parts
}

// parameterName returns the name in "{name}", and empty for a literal part.
func parameterName(part string) string {
	if len(part) > 2 && part[0] == '{' && part[len(part)-1] == '}' {
		return part[1 : len(part)-1]
	}
	return ""
}

// open reports whether the operation needs no login.
func (o *Operation) open() bool { return o.Allow.open }

// maxSegments limits the segments of a path; the longest in the table has far fewer.
const maxSegments = 32

// segments splits an escaped path and decodes its segments. Empty ones are ignored,
// as in Proxmox.
func segments(path string) ([]string, error) {
	out := []string{}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" {
			continue
		}
		text, err := url.PathUnescape(part)
		if err != nil || !clean(text) {
			return nil, &Failure{http.StatusBadRequest, "the path holds what is no text: control characters, or bytes that are not UTF-8"}
		}
		if out = append(out, text); len(out) > maxSegments {
			return nil, &Failure{http.StatusBadRequest, "the path has too many parts"}
		}
	}
	return out, nil
}
