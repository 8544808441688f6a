package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// The picture is drawn at once, again after an event that changed it, and not after one that
// did not.
func TestWatchTopology(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := make(chan int, 8)
	versions := []string{"a", "a", "b", "b"} // the last is asked for once the one before is drawn
	n := 0
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/topology", func(w http.ResponseWriter, r *http.Request) {
		version := versions[min(n, len(versions)-1)]
		n++
		asked <- n
		if r.Header.Get("If-None-Match") == `"`+version+`"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_ = json.NewEncoder(w).Encode(api.Topology{Version: version, Summary: "picture " + version, Revision: 1})
	})
	mux.HandleFunc("GET /api/v1/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range versions {
			e, _ := json.Marshal(api.Event{ID: fmt.Sprint(i), Type: api.EventReady}) // plain values
			_, _ = fmt.Fprintf(w, "id: %d\ndata: %s\n\n", i, e)
			_ = http.NewResponseController(w).Flush()
			<-asked
		}
		cancel()
		<-r.Context().Done()
	})
	var out, errors strings.Builder
	code := Main(ctx, Config{Stdout: &out, Stderr: &errors, Getenv: func(string) string { return "" }}, []string{"--server", serve(t, mux), "topology", "--watch"})
	if code != ExitOK || strings.Count(out.String(), "picture a") != 1 || strings.Count(out.String(), "picture b") != 1 {
		t.Errorf("exit %d: %s%s", code, &out, &errors)
	}
	if n != len(versions) {
		t.Errorf("the picture was asked for %d times, want %d", n, len(versions))
	}
}
