package cli

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// Counters become rates with the second answer, and a node that does not answer is named.
func TestWatchedCounters(t *testing.T) {
	q := api.LiveQueries()[slices.IndexFunc(api.LiveQueries(), func(q api.LiveQuery) bool { return q.Subject == "counters" })]
	counters := func(after time.Duration, bytes uint64) liveAnswer {
		return liveAnswer{Node: "node1", Items: []api.LiveInterfaceCounters{{Name: "eth0", Role: "uplink", Time: now.Add(after), ReceivedBytes: bytes, SentPackets: bytes / 100}}}
	}
	earlier := map[string][]api.LiveInterfaceCounters{}
	silent := liveAnswer{Node: "node2", Error: "the node does not\x1b answer"}
	if got := watchedText(q, earlier, []liveAnswer{counters(0, 0)}); got != "" {
		t.Errorf("after one answer: %q", got)
	}
	want := `NODE   NAME  ROLE    VNET  GUEST  NIC  RECEIVED     SENT     PACKETS RECEIVED  PACKETS SENT  DROPPED
node1  eth0  uplink                    8.00 Mbit/s  0 bit/s  0/s               10000/s       0/s
node2: the node does not\x1b answer
`
	if d := cmp.Diff(want, watchedText(q, earlier, []liveAnswer{counters(5*time.Second, 5e6), silent})); d != "" {
		t.Error(d)
	}
	if got := watchedText(q, earlier, []liveAnswer{counters(10*time.Second, 0)}); got != "nothing\n" {
		t.Errorf("after a restart of the node: %q", got)
	}
}
