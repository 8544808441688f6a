package server_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// filled is a store that is as full as a test says, in percent.
type filled struct {
	store.Store
	percent atomic.Int64
}

func (f *filled) Used() (used, most int64, ok bool) { return f.percent.Load() << 20, 100 << 20, true }

// A store that fills is told in the status, to those who may see the server and by
// /readyz.
func TestStoreThatFills(t *testing.T) {
	st := &filled{Store: mem.New()}
	st.percent.Store(49)
	r := start(t, st, t.TempDir())
	told := func() []string {
		t.Helper()
		s, err := r.local.Status(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		return s.Warnings
	}
	if got := told(); len(got) != 0 {
		t.Errorf("half empty: %q", got)
	}
	for _, one := range []struct {
		percent int64
		want    string
	}{{50, "50 %"}, {76, "75 %"}, {99, "90 %"}} {
		percent, want := one.percent, one.want
		st.percent.Store(percent)
		if got := told(); len(got) != 1 || !strings.Contains(got[0], "more than "+want) || !strings.Contains(got[0], "viaduct history prune") {
			t.Errorf("at %d percent: %q", percent, got)
		}
	}
	c := &cluster{running: r, http: insecure(), tokens: map[string]string{}}
	c.user(t, "nobody@pve")
	if s, err := c.as(t, "nobody@pve").Status(t.Context(), ""); err != nil || len(s.Warnings) != 0 {
		t.Errorf("to somebody without rights: %+v, %v", s, err)
	}
	if a := c.request(t, http.MethodGet, "/readyz", ""); a.status != http.StatusOK || !strings.Contains(a.body, "store: ok, more than 90 % of the store's 100 MiB are in use") {
		t.Errorf("%d %s", a.status, a.body)
	}
}
