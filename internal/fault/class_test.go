package fault

import "testing"

// What a node lacks comes before what it keeps from working; a class of another release
// counts as a fault of the declaration.
func TestRank(t *testing.T) {
	order := []Class{Lacking, Link, Foreign, Declared, Peer, Consequence}
	for i, c := range order[1:] {
		if Rank(order[i]) >= Rank(c) {
			t.Errorf("%s does not come before %s", order[i], c)
		}
	}
	for _, c := range []Class{"", "of a newer release"} {
		if Rank(c) != Rank(Declared) {
			t.Errorf("class %q ranks %d, want that of %s, %d", c, Rank(c), Declared, Rank(Declared))
		}
	}
	if len(Classes) != len(order) {
		t.Errorf("%d classes, want %d", len(Classes), len(order))
	}
}
