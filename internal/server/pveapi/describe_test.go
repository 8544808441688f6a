package pveapi_test

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/server/pveapi"
)

var update = flag.Bool("update", false, "write what should be read")

// The page about the API is that of the table.
func TestDescription(t *testing.T) {
	const path = "../../../docs/reference/proxmox-api.md"
	got := pveapi.Describe(newEnv(t, nil).Operations())
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
		t.Errorf("go test ./internal/server/pveapi -run Description -update writes the page anew:\n%s", d)
	}
}
