// Package conformance holds the tests that every store must pass. A store's own
// test calls Run with a function that opens an empty store.
package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// deadline bounds every wait of the suite.
const deadline = 20 * time.Second

// Run runs the suite. Open returns an empty store, which Run uses one at a time
// and closes through t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(t *testing.T, s store.Store)
	}{
		{"read", testRead},
		{"list", testList},
		{"conditions", testConditions},
		{"atomic", testAtomic},
		{"delete", testDelete},
		{"refused", testRefused},
		{"concurrent writers", testConcurrent},
		{"watch", testWatch},
		{"watch prefix", testWatchPrefix},
		{"watch ends", testWatchEnds},
		{"context", testContext},
		{"close", testClose},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("closing: %v", err)
				}
			})
			c.test(t, s)
		})
	}
}

func testContextFor(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	t.Cleanup(cancel)
	return ctx
}

// txn writes and requires success.
func txn(t *testing.T, s store.Store, conds []store.Cond, ops ...store.Op) int64 {
	t.Helper()
	rev, err := s.Txn(testContextFor(t), conds, ops)
	if err != nil {
		t.Fatalf("transaction %v: %v", ops, err)
	}
	return rev
}

// dump is everything below a prefix, as "key=value".
func dump(t *testing.T, s store.Store, prefix, from string) []string {
	t.Helper()
	records, _, err := s.List(testContextFor(t), prefix, from)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, r := range records {
		out = append(out, r.Key+"="+string(r.Value))
	}
	return out
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func testRead(t *testing.T, s store.Store) {
	ctx := testContextFor(t)
	if _, err := s.Get(ctx, "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("missing key: got %v", err)
	}
	rev := txn(t, s, nil, store.Put("a", []byte("1")), store.Put("b", nil))
	got, err := s.Get(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "record", got, store.Record{Key: "a", Value: []byte("1"), Revision: rev})
	if b, err := s.Get(ctx, "b"); err != nil || len(b.Value) != 0 || b.Revision != rev {
		t.Errorf("empty value: got %+v, %v", b, err)
	}
	next := txn(t, s, nil, store.Put("b", []byte("2")))
	if next <= rev {
		t.Errorf("revision went from %d to %d", rev, next)
	}
	if a, _ := s.Get(ctx, "a"); a.Revision != rev {
		t.Errorf("revision of an untouched key: got %d, want %d", a.Revision, rev)
	}
}

func testList(t *testing.T, s store.Store) {
	txn(t, s, nil, store.Put("x/2", []byte("b")), store.Put("x/1", []byte("a")), store.Put("x0", nil), store.Put("w", nil), store.Put("x/10", []byte("c")))
	same(t, "prefix", dump(t, s, "x/", ""), []string{"x/1=a", "x/10=c", "x/2=b"})
	same(t, "from", dump(t, s, "x/", "x/10"), []string{"x/10=c", "x/2=b"})
	same(t, "from between", dump(t, s, "x/", "x/11"), []string{"x/2=b"})
	same(t, "from before the prefix", dump(t, s, "x/", "a"), []string{"x/1=a", "x/10=c", "x/2=b"})
	same(t, "from behind the prefix", dump(t, s, "x/", "y"), []string{})
	same(t, "nothing", dump(t, s, "nothing/", ""), []string{})
	rev := txn(t, s, nil, store.Put("elsewhere", nil))
	_, got, err := s.List(testContextFor(t), "x/", "")
	if err != nil || got != rev {
		t.Errorf("revision of a list: got %d, %v, want %d", got, err, rev)
	}
}

func testConditions(t *testing.T, s store.Store) {
	ctx := testContextFor(t)
	absent := []store.Cond{{Key: "a"}}
	rev := txn(t, s, absent, store.Put("a", []byte("1")))
	if _, err := s.Txn(ctx, absent, []store.Op{store.Put("a", []byte("2"))}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("key that must not exist: got %v", err)
	}
	at := []store.Cond{{Key: "a", Revision: rev}}
	txn(t, s, at, store.Put("a", []byte("3")))
	if _, err := s.Txn(ctx, at, []store.Op{store.Put("a", []byte("4"))}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("stale condition: got %v", err)
	}
	if _, err := s.Txn(ctx, []store.Cond{{Key: "gone", Revision: rev}}, []store.Op{store.Put("a", []byte("5"))}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("condition on a missing key: got %v", err)
	}
	same(t, "content", dump(t, s, "a", ""), []string{"a=3"})
}

func testAtomic(t *testing.T, s store.Store) {
	rev := txn(t, s, nil, store.Put("a", []byte("1")))
	conds := []store.Cond{{Key: "a", Revision: rev}, {Key: "b", Revision: 77}}
	_, err := s.Txn(testContextFor(t), conds, []store.Op{store.Put("c", nil), store.Delete("a")})
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("got %v", err)
	}
	same(t, "after a refused transaction", dump(t, s, "", "a"), []string{"a=1"})
}

func testDelete(t *testing.T, s store.Store) {
	txn(t, s, nil, store.Put("p/1", nil), store.Put("p/2", nil), store.Put("q", nil), store.Put("r", nil))
	txn(t, s, nil, store.DeletePrefix("p/"), store.Delete("q"), store.Put("s", nil))
	same(t, "rest", dump(t, s, "", "a"), []string{"r=", "s="})
	txn(t, s, nil, store.DeletePrefix("p/"), store.Delete("q"))
	rev := txn(t, s, []store.Cond{{Key: "q"}}, store.Put("q", nil))
	if r, err := s.Get(testContextFor(t), "q"); err != nil || r.Revision != rev {
		t.Errorf("recreated key: got %+v, %v, want revision %d", r, err, rev)
	}
}

func testRefused(t *testing.T, s store.Store) {
	ctx := testContextFor(t)
	big := []store.Op{store.Put("big", bytes.Repeat([]byte("x"), 64<<20))}
	if _, err := s.Txn(ctx, nil, big); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("64 MiB: got %v", err)
	}
	var many []store.Op
	for i := range 2000 {
		many = append(many, store.Put(fmt.Sprintf("many/%d", i), nil))
	}
	if _, err := s.Txn(ctx, nil, many); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("%d writes: got %v", len(many), err)
	}
	for _, ops := range [][]store.Op{
		{store.Put("a", nil), store.Put("a", nil)},
		{store.DeletePrefix("a"), store.Put("ab", nil)},
		{store.Put("", nil)},
	} {
		if _, err := s.Txn(ctx, nil, ops); err == nil {
			t.Errorf("%v was accepted", ops)
		}
	}
	same(t, "content", dump(t, s, "", "a"), []string{})
	txn(t, s, nil, store.Put("fits", bytes.Repeat([]byte("x"), 1<<20)))
}

// testConcurrent starts concurrent writers of one counter: as every write is a
// compare-and-swap, none is lost.
func testConcurrent(t *testing.T, s store.Store) {
	const writers, each = 4, 15
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := increment(testContextFor(t), s, fmt.Sprintf("by/%d/%02d", w, i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	r, err := s.Get(testContextFor(t), "counter")
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Value) != writers*each {
		t.Errorf("counter: got %d, want %d", len(r.Value), writers*each)
	}
	if got := dump(t, s, "by/", ""); len(got) != writers*each {
		t.Errorf("marks: got %d, want %d", len(got), writers*each)
	}
}

// increment makes the counter one byte longer and leaves a mark.
func increment(ctx context.Context, s store.Store, mark string) error {
	for {
		r, err := s.Get(ctx, "counter")
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		_, err = s.Txn(ctx, []store.Cond{{Key: "counter", Revision: r.Revision}},
			[]store.Op{store.Put("counter", append(r.Value, 'x')), store.Put(mark, nil)})
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// describe is a batch as text, its events in the order of their keys.
func describe(b store.Batch) string {
	var out []string
	for _, e := range b.Events {
		switch {
		case e.Deleted:
			out = append(out, "-"+e.Key)
		default:
			out = append(out, e.Key+"="+string(e.Value))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// next waits for a batch.
func next(t *testing.T, ch <-chan store.Batch) store.Batch {
	t.Helper()
	select {
	case b, ok := <-ch:
		if !ok {
			t.Fatal("the watch ended")
		}
		if b.Err != nil {
			t.Fatalf("the watch failed: %v", b.Err)
		}
		return b
	case <-time.After(deadline):
		t.Fatal("the watch sent nothing")
	}
	return store.Batch{}
}

func testWatch(t *testing.T, s store.Store) {
	ctx := testContextFor(t)
	start := txn(t, s, nil, store.Put("w/0", nil))
	first := txn(t, s, nil, store.Put("w/1", []byte("a")), store.Put("w/2", []byte("b")))
	ch := s.Watch(ctx, "w/", start)
	got := next(t, ch)
	same(t, "transaction before the watch", describe(got), "w/1=a w/2=b")
	if got.Revision != first {
		t.Errorf("revision: got %d, want %d", got.Revision, first)
	}
	second := txn(t, s, nil, store.Put("w/3", []byte("c")), store.DeletePrefix("w/1"), store.Delete("w/2"))
	got = next(t, ch)
	same(t, "transaction after the watch began", describe(got), "-w/1 -w/2 w/3=c")
	if got.Revision != second || got.Events[0].Revision != second {
		t.Errorf("revision: got %d and %d, want %d", got.Revision, got.Events[0].Revision, second)
	}
	same(t, "watch from the very beginning", describe(next(t, s.Watch(ctx, "w/", 0))), "w/0=")
}

func testWatchPrefix(t *testing.T, s store.Store) {
	ctx := testContextFor(t)
	_, rev, err := s.List(ctx, "", "a")
	if err != nil {
		t.Fatal(err)
	}
	ch := s.Watch(ctx, "mine/", rev)
	const n = 20
	for i := range n {
		txn(t, s, nil, store.Put("other", []byte{byte(i)}))
		txn(t, s, nil, store.Put("mine/x", []byte(fmt.Sprint(i))), store.Put("other2", nil))
	}
	for i := range n {
		same(t, "batch", describe(next(t, ch)), fmt.Sprintf("mine/x=%d", i))
	}
}

func testWatchEnds(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(testContextFor(t))
	rev := txn(t, s, nil, store.Put("a", nil))
	ch := s.Watch(ctx, "a", rev)
	cancel()
	for {
		select {
		case _, ok := <-ch:
			if !ok {
				return
			}
		case <-time.After(deadline):
			t.Fatal("the watch did not end with its context")
		}
	}
}

func testContext(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Get(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("get: %v", err)
	}
	if _, _, err := s.List(ctx, "a", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("list: %v", err)
	}
	if _, err := s.Txn(ctx, nil, []store.Op{store.Put("a", nil)}); !errors.Is(err, context.Canceled) {
		t.Errorf("txn: %v", err)
	}
}

func testClose(t *testing.T, s store.Store) {
	ctx := testContextFor(t)
	ch := s.Watch(ctx, "a", txn(t, s, nil, store.Put("a", nil)))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Txn(ctx, nil, []store.Op{store.Put("b", nil)}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("write after close: %v", err)
	}
	if _, err := s.Get(ctx, "a"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("read after close: %v", err)
	}
	for {
		select {
		case b, ok := <-ch:
			if !ok {
				return
			}
			if b.Err != nil && !errors.Is(b.Err, store.ErrUnavailable) {
				t.Errorf("watch after close: %v", b.Err)
			}
		case <-time.After(deadline):
			t.Fatal("the watch did not end with the store")
		}
	}
}
