package fleet

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// open runs a fleet, a server as far as nodes are concerned, until stop.
func open(t *testing.T, st store.Store) (f *Fleet, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f, err := Open(ctx, Options{Store: st})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { f.Run(ctx); close(done) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	synctest.Wait()
	return f, stop
}

// is checks what a server believes of a node.
func (f *Fleet) is(t *testing.T, when string, lost, suspect bool) {
	t.Helper()
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if got := f.absenceOf("n1"); got.lost != lost || got.suspect != suspect {
		t.Errorf("%s: lost %v, suspect %v; want %v, %v", when, got.lost, got.suspect, lost, suspect)
	}
}

// poll is an agent's connection, which renews its poll until it is cut.
func poll(f *Fleet) (cut func()) {
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		for ctx.Err() == nil {
			done := f.TrackPoll("n1")
			select {
			case <-ctx.Done():
			case <-time.After(55 * time.Second):
			}
			done()
		}
	}()
	return func() { cancel(); <-over }
}

func TestAnAgentThatEndsIsSuspectWithinSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := open(t, mem.New())
		f.is(t, "right after the server's start", false, false)
		cut := poll(f)
		time.Sleep(10 * time.Minute)
		f.is(t, "while it polls", false, false)
		cut()
		time.Sleep(time.Second)
		f.is(t, "while it may start anew", false, false)
		cut = poll(f) // it did
		time.Sleep(time.Minute)
		f.is(t, "after a restart", false, false)

		f.mu.Lock()
		changed := f.changed
		f.mu.Unlock()
		cut()
		time.Sleep(2 * time.Second)
		f.is(t, "two seconds after its end", true, true)
		select {
		case <-changed:
		default:
			t.Error("nobody was told")
		}
		time.Sleep(90 * time.Second)
		f.is(t, "after the time for suspicion", true, false)
		f.mu.Lock()
		changed = f.changed
		f.mu.Unlock()
		defer poll(f)()
		f.is(t, "when it is back", false, false)
		select {
		case <-changed:
		default:
			t.Error("nobody was told that it is back")
		}
	})
}

// A node that has not come after a server's start is lost, but there is time to come.
func TestAServerStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := open(t, mem.New())
		time.Sleep(29 * time.Second)
		f.is(t, "while agents look for the server", false, false)
		time.Sleep(2 * time.Second)
		f.is(t, "afterwards", true, false)
	})
}

func TestAnAgentGoesToAnotherServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := mem.New()
		a, _ := open(t, st)
		b, _ := open(t, st)
		cut := poll(a)
		time.Sleep(5 * time.Minute)
		b.is(t, "at the server that it does not poll", false, false)
		cut()
		time.Sleep(500 * time.Millisecond)
		cut = poll(b)
		for range 20 {
			time.Sleep(time.Second)
			a.is(t, "at the server that it left", false, false)
			b.is(t, "at the server that it went to", false, false)
		}
		time.Sleep(time.Hour)
		a.is(t, "an hour later", false, false)
		cut()
		time.Sleep(10 * time.Second)
		a.is(t, "at the other server, after its end", true, true)
		b.is(t, "at its server, after its end", true, true)
	})
}

// A server that stops takes its agents with it for a while; one that dies without a word
// is noticed by its record.
func TestAServerEnds(t *testing.T) {
	for name, die := range map[string]func(f *Fleet, stop func()){
		"in order": func(_ *Fleet, stop func()) { stop() },
		"killed": func(f *Fleet, stop func()) { // its record comes back as it was
			record, ok := f.presence.Get(f.life)
			stop()
			if ok {
				_, _ = f.store.Txn(context.Background(), nil, []store.Op{store.Put(prefixPresence+f.life, mustJSON(record.Value))})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := mem.New()
				a, stop := open(t, st)
				b, _ := open(t, st)
				cut := poll(a)
				time.Sleep(time.Minute)
				die(a, stop)
				cut()
				for range 25 {
					time.Sleep(time.Second)
					b.is(t, "while its agents look for another server", false, false)
				}
				cut = poll(b)
				time.Sleep(5 * time.Minute)
				b.is(t, "when the agent is at the other server", false, false)
				cut()
				time.Sleep(6 * time.Second)
				b.is(t, "after its end there", true, true)
				if records, _ := b.presence.All(); len(records) != 1 {
					t.Errorf("%d records are left", len(records))
				}
			})
		})
	}
}

// A server that was killed and starts again finds its own record of before, which says
// nothing of a node that ends after that.
func TestAServerStartsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := mem.New()
		if _, err := st.Txn(t.Context(), nil, []store.Op{store.Put(prefixPresence+"before", mustJSON(presenceDoc{7, []string{"n1"}}))}); err != nil {
			t.Fatal(err)
		}
		f, _ := open(t, st)
		time.Sleep(5 * time.Second)
		f.is(t, "while the agent looks for the server", false, false)
		cut := poll(f)
		time.Sleep(5 * time.Second)
		cut()
		for range 60 {
			time.Sleep(time.Second)
			if f.now().Sub(f.started) > 15*time.Second+pollGrace {
				f.is(t, "after its end", true, true)
			}
		}
	})
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
