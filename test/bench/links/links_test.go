package main

import (
	"context"
	"testing"

	"github.com/viaduct-sdn/viaduct/test/requires"
)

// TestSmall runs ours and the floor on a few networks: it proves that both make
// the same objects, and that one change takes few writes and none takes none.
func TestSmall(t *testing.T) {
	requires.Root(t)
	requires.Program(t, "bridge")
	for name, f := range map[string]func(context.Context, int) (map[string]float64, error){"ours": runOurs, "floor": runFloor} {
		got, err := f(context.Background(), changed+1)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, p := range phases {
			if got[p] <= 0 {
				t.Errorf("%s: no time for %s", name, p)
			}
		}
	}
}
