package compile

import (
	"fmt"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// part names what one pass makes and later ones read, a T.
type part[T any] struct{ name string }

// of is the part as it was made. Only a pass that declared it as a need may read it.
func (p part[T]) of(n *node) T {
	if !slices.Contains(n.pass.needs, p.name) {
		panic(fmt.Sprintf("pass %s reads %s without declaring it", n.pass.provides, p.name))
	}
	return n.parts[p.name].(T)
}

func (p part[T]) String() string { return p.name }

// pass is one step of the compiler. It reads the input and the parts that it needs,
// changes none of them, and makes one part.
type pass struct {
	provides string
	needs    []string
	run      func(*node) any
}

// makes declares the pass that makes a part out of others.
func makes[T any](provides part[T], run func(*node) T, needs ...fmt.Stringer) pass {
	p := pass{provides: provides.name, run: func(n *node) any { return run(n) }}
	for _, need := range needs {
		p.needs = append(p.needs, need.String())
	}
	return p
}

// run goes through the passes in order and returns all parts, and the notes in the order
// in which they were made.
func run(passes []pass, in *input) (map[string]any, []Note) {
	parts := map[string]any{}
	var notes []Note
	for i := range passes {
		n := &node{input: in, pass: &passes[i], parts: parts, out: &desired.Space{}}
		parts[n.pass.provides] = n.pass.run(n)
		notes = append(notes, n.notes...)
	}
	return parts, notes
}
