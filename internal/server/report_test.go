package server_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// countingStore counts the bytes that are written.
type countingStore struct {
	store.Store
	bytes atomic.Int64
}

func (s *countingStore) Txn(ctx context.Context, conds []store.Cond, ops []store.Op) (int64, error) {
	for _, op := range ops {
		s.bytes.Add(int64(len(op.Key) + len(op.Value)))
	}
	return s.Store.Txn(ctx, conds, ops)
}

// A node that reports something else all the time fills neither the store nor the
// server's time; others are heard meanwhile, and so is it when it has calmed down.
func TestNodeReportsWithinBounds(t *testing.T) {
	st := &countingStore{Store: mem.New()}
	r := start(t, st, t.TempDir())
	loud, calm := r.join(t, "loud"), r.join(t, "calm")
	say := func(message string) protocol.Status {
		return protocol.Status{Time: time.Now(), State: protocol.Degraded, Message: message}
	}
	if got := loud.report(t, say(strings.Repeat("x", 5<<20))); got != http.StatusRequestEntityTooLarge {
		t.Errorf("a report that is larger than what is stored of a node: %d", got)
	}
	if got := loud.report(t, say(strings.Repeat("x", 9<<20))); got != http.StatusRequestEntityTooLarge {
		t.Errorf("a report that is larger than what is read: %d", got)
	}
	before, refused := st.bytes.Load(), 0
	begun := time.Now()
	for i := range 60 {
		switch got := loud.report(t, say(fmt.Sprint(i)+strings.Repeat("x", 1<<20))); got {
		case http.StatusNoContent:
		case http.StatusTooManyRequests:
			refused++
		default:
			t.Fatalf("report %d: %d", i, got)
		}
		if i%20 == 10 {
			if got := calm.report(t, say(fmt.Sprint(i))); got != http.StatusNoContent {
				t.Errorf("meanwhile another node: %d", got)
			}
		}
	}
	if most := int64(14<<20) + int64(time.Since(begun).Seconds()+1)*64<<10; st.bytes.Load()-before > most {
		t.Errorf("%d bytes were written for one node", st.bytes.Load()-before)
	}
	if refused == 0 && time.Since(begun) < 10*time.Second {
		t.Errorf("60 MiB in %s were all listened to", time.Since(begun))
	}
	for until := time.Now().Add(patience); loud.report(t, say("calm again")) != http.StatusNoContent; <-time.After(100 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("a node that has calmed down is not heard")
		}
	}
	for _, name := range []string{"calm", "loud"} {
		if rec, err := st.Get(t.Context(), "status/"+name); err != nil || name == "loud" && !strings.Contains(string(rec.Value), "calm again") {
			t.Errorf("what is stored of %s: %.100s, %v", name, rec.Value, err)
		}
	}
	if got := loud.post(t, "/agent/v1/answers/1", strings.Repeat("x", 2<<20)); got != http.StatusRequestEntityTooLarge {
		t.Errorf("a large answer that nobody asked for: %d", got)
	}
}

// A form in the body of a question is not looked at: it could be of any size.
func TestAgentsFormsAreNotRead(t *testing.T) {
	r := start(t, mem.New(), t.TempDir())
	n := r.join(t, "n1")
	body := "--x\r\nContent-Disposition: form-data; name=\"since\"\r\n\r\n0\r\n--x--\r\n"
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+"/agent/v1/bindings?epoch=e", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	resp, err := n.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest { // since is missing in the query
		t.Errorf("status %d", resp.StatusCode)
	}
}
