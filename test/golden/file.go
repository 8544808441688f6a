package golden

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// File compares a generated file, such as a page of the reference, with the committed one,
// or with -update writes it there. command is the one that does so, without the flag.
func File(t *testing.T, path, got, command string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got; %s -update writes it):\n%s", path, command, d)
	}
}
