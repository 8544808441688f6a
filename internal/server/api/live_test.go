package api

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/server/fleet"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// A node that is silent is no fault of the server, nor is one that cannot answer.
func TestLiveErrors(t *testing.T) {
	for err, want := range map[error]struct {
		status int
		typ    string
	}{
		fmt.Errorf("%w: n1", fleet.ErrSilent):     {http.StatusGatewayTimeout, api.TypeNodeSilent},
		fmt.Errorf("%w: n1", fleet.ErrCannotTell): {http.StatusConflict, api.TypeConflict},
		http.ErrServerClosed:                      {http.StatusInternalServerError, api.TypeInternal},
	} {
		if got := problem.From(liveError(err)); got.Status != want.status || got.Type != want.typ {
			t.Errorf("%v: %d %s", err, got.Status, got.Type)
		}
	}
}
