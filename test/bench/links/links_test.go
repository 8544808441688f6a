package main

import (
	"context"
	"os"
	"os/exec"
	"testing"
)

// TestSmall runs ours and the floor on a few networks: it proves that both make
// the same objects, and that one change takes few writes and none takes none.
func TestSmall(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	if _, err := exec.LookPath("bridge"); err != nil {
		t.Skip("needs the package iproute2")
	}
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
