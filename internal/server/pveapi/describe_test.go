package pveapi_test

import (
	"testing"

	"github.com/viaduct-sdn/viaduct/test/golden"

	"github.com/viaduct-sdn/viaduct/internal/server/pveapi"
)

// The page about the API is that of the table.
func TestDescription(t *testing.T) {
	const path = "../../../docs/reference/proxmox-api.md"
	got := pveapi.Describe(newEnv(t, nil).Operations())
	golden.File(t, path, got, "go test ./internal/server/pveapi -run Description")
}
