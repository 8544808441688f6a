package agent

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/livequery"
	"github.com/viaduct-sdn/viaduct/internal/render/haproxy"
)

// What HAProxy counts is shown with the time since when, and the last check in one text.
func TestPoolServers(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	got := poolServers([]haproxy.Statistics{
		{Server: "all", Status: "UP", Weight: 100, Sessions: 3, Total: 40, In: 5, Out: 6, Since: 65},
		{Server: "100/net0", Status: "DOWN 1/2", Addr: netip.MustParseAddrPort("172.16.0.42:80"), Weight: 100, Check: "L7STS", Code: 503, Detail: "HTTP status check returned code <503>"},
	}, now)
	want := []livequery.PoolServer{
		{Name: "all", State: "up", Since: time.Date(2026, 1, 2, 3, 3, 0, 0, time.UTC), Weight: 100, Connections: 3, Total: 40, In: 5, Out: 6},
		{Name: "100/net0", Address: "172.16.0.42:80", State: "down 1/2", Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Weight: 100, Check: "L7STS 503 HTTP status check returned code <503>"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
