// Package golden runs tests whose input and expected output stand together in
// one txtar file: a new case is a new file and needs no Go.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what the tests get into the golden files")

// Want is the section that holds the expected output.
const Want = "want"

// Run calls got for every txtar file that matches the pattern, with its
// sections but the last, and compares what it returns with the section
// "want". With -update it writes that section instead.
func Run(t *testing.T, pattern string, got func(t *testing.T, files []txtar.File) string) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases match %s (%v)", pattern, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want := ""
			input := a.Files
			if n := len(a.Files); n > 0 && a.Files[n-1].Name == Want {
				want, input = string(a.Files[n-1].Data), a.Files[:n-1]
			}
			have := got(t, input)
			if *update {
				a.Files = append(input[:len(input):len(input)], txtar.File{Name: Want, Data: []byte(have)})
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(want, have); d != "" {
				t.Errorf("%s (-want +got; -update accepts):\n%s", path, d)
			}
		})
	}
}
