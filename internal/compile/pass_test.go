package compile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// What a pass needs is there when it runs, each part is made once, and all parts that
// are made are of use.
func TestPassesAreInOrder(t *testing.T) {
	if err := checkOrder(passes); err != nil {
		t.Error(err)
	}
	if last := passes[len(passes)-1]; last.provides != partState.name {
		t.Errorf("the last pass makes %s, not the state", last.provides)
	}
	for _, p := range passes[:len(passes)-1] {
		if !slices.ContainsFunc(passes, func(other pass) bool { return slices.Contains(other.needs, p.provides) }) {
			t.Errorf("nothing needs %s", p.provides)
		}
	}
}

// The check sees every order that breaks a need, and a part that is made twice.
func TestOrderIsChecked(t *testing.T) {
	for i, p := range passes {
		for k, other := range passes[:i] {
			swapped := slices.Clone(passes)
			swapped[i], swapped[k] = other, p
			between := passes[k:i]
			breaks := slices.ContainsFunc(between, func(o pass) bool { return slices.Contains(p.needs, o.provides) }) ||
				slices.ContainsFunc(passes[k+1:i+1], func(o pass) bool { return slices.Contains(o.needs, other.provides) })
			if err := checkOrder(swapped); (err != nil) != breaks {
				t.Errorf("%s and %s exchanged: %v", other.provides, p.provides, err)
			}
		}
		twice := append(slices.Clone(passes), p)
		if err := checkOrder(twice); err == nil || !strings.Contains(err.Error(), "two passes make "+p.provides) {
			t.Errorf("%s made twice: %v", p.provides, err)
		}
	}
}

// A pass that reads a part without declaring it does not run, whatever the node has.
func TestUndeclaredNeedsPanic(t *testing.T) {
	for i := range passes {
		for k, need := range passes[i].needs {
			less := slices.Clone(passes)
			less[i].needs = slices.Delete(slices.Clone(passes[i].needs), k, k+1)
			if !panics(func() { run(less, newInput(&document.Document{Node: "n"}, &model.Facts{})) }) {
				t.Errorf("%s is made without %s, which it declares as a need", passes[i].provides, need)
			}
		}
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

// checkOrder returns an error for the order of passes: a part that is needed before it
// is made, or that two passes make.
func checkOrder(passes []pass) error {
	provided := map[string]bool{}
	for _, p := range passes {
		for _, need := range p.needs {
			if !provided[need] {
				return fmt.Errorf("%s needs %s, which no pass before it makes", p.provides, need)
			}
		}
		if provided[p.provides] {
			return fmt.Errorf("two passes make %s", p.provides)
		}
		provided[p.provides] = true
	}
	return nil
}
