package fleet_test

import (
	"encoding/json"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/livequery"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// Readers who ask at the same time, or shortly after one another, share one answer of the node;
// later ones get a new one.
func TestSharedQuery(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		asked := 0
		go func() {
			for t.Context().Err() == nil {
				q, ok, err := c.servers[0].AwaitQuery(t.Context(), "n1", time.Hour, nil)
				if err != nil || !ok {
					return
				}
				asked++
				time.Sleep(time.Second) // readers come while it is on its way
				data, _ := json.Marshal([]string{q.Of})
				_ = c.servers[0].Answer(t.Context(), "n1", q.ID, &protocol.Answer{Data: data})
			}
		}()
		ask := func(of string) {
			var got []string
			if _, err := c.servers[0].SharedQuery(t.Context(), "n1", protocol.LiveQuery{Subject: livequery.Counters.Subject, Of: of}, &got); err != nil || len(got) != 1 || got[0] != of {
				t.Errorf("of %s: %q %v", of, got, err)
			}
		}
		var readers sync.WaitGroup
		for range 20 {
			readers.Go(func() { ask("a") })
		}
		readers.Wait()
		ask("a")
		synctest.Wait()
		if asked != 1 {
			t.Errorf("20 readers at once and one a second later: the node was asked %d times", asked)
		}
		ask("b")
		time.Sleep(livequery.ShareFor)
		ask("a")
		synctest.Wait()
		if asked != 3 {
			t.Errorf("another VNet, and the same one later: asked %d times, want 3", asked)
		}
	})
}
