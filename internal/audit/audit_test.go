package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/viaduct-sdn/viaduct/internal/audit"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// open runs a log until the test ends or stop is called.
func open(t *testing.T, st store.Store, o audit.Options) (l *audit.Log, stop func()) {
	t.Helper()
	l = audit.Open(st, o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(stop)
	return l, stop
}

func list(t *testing.T, l audit.Trail, q audit.Query) []audit.Entry {
	t.Helper()
	out, err := l.List(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func targets(entries []audit.Entry) []string {
	out := []string{}
	for _, e := range entries {
		out = append(out, e.Target)
	}
	return out
}

func TestEntriesAreKept(t *testing.T) {
	st := mem.New()
	var log bytes.Buffer
	l, stop := open(t, st, audit.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	first := audit.Entry{Author: "bob@pve!ci", From: "192.0.2.1", Operation: "putVnet", Target: "/1", Objects: []string{"vnet/v1"}, Status: 200}
	l.Record(first)
	l.Record(audit.Entry{Author: "root@local", Target: "/2", Status: 403, Error: "forbidden"})
	l.Record(audit.Entry{Author: "bob@pve!ci", Target: "/3"})
	all := list(t, l, audit.Query{Limit: 10})
	if d := cmp.Diff([]string{"/3", "/2", "/1"}, targets(all)); d != "" {
		t.Fatal(d)
	}
	if d := cmp.Diff(first, all[2], cmpopts.IgnoreFields(audit.Entry{}, "ID", "Time")); d != "" {
		t.Error(d)
	}
	for what, c := range map[string]struct {
		query audit.Query
		want  []string
	}{
		"one's own":    {audit.Query{Limit: 10, Author: "bob@pve!ci"}, []string{"/3", "/1"}},
		"few":          {audit.Query{Limit: 1}, []string{"/3"}},
		"older ones":   {audit.Query{Limit: 10, After: all[0].ID}, []string{"/2", "/1"}},
		"none":         {audit.Query{Limit: 10, After: all[2].ID}, []string{}},
		"nobody's":     {audit.Query{Limit: 10, Author: "nil@pve"}, []string{}},
		"a wrong ID":   {audit.Query{Limit: 10, After: "0"}, []string{}},
		"few of one's": {audit.Query{Limit: 1, Author: "bob@pve!ci", After: all[0].ID}, []string{"/1"}},
	} {
		if d := cmp.Diff(c.want, targets(list(t, l, c.query))); d != "" {
			t.Errorf("%s: %s", what, d)
		}
	}
	stop()
	if want := `msg=audit author=bob@pve!ci from=192.0.2.1 operation=putVnet target=/1 status=200 objects=vnet/v1`; !strings.Contains(log.String(), want) {
		t.Errorf("the log lacks %s:\n%s", want, log.String())
	}
}

// What was recorded before the end is stored at the end.
func TestNothingIsLostAtTheEnd(t *testing.T) {
	st := mem.New()
	l, stop := open(t, st, audit.Options{})
	for i := range 300 {
		l.Record(audit.Entry{Target: fmt.Sprint(i)})
	}
	stop()
	if n := stored(t, st); n != 300 {
		t.Errorf("%d entries", n)
	}
}

// stored counts the entries in a store.
func stored(t *testing.T, st store.Store) int {
	t.Helper()
	records, _, err := st.List(t.Context(), "audit/", "")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, r := range records {
		if n += 1 + strings.Count(string(r.Value), "\n"); len(r.Value) > 1<<20 {
			t.Errorf("a record has %d bytes, which etcd does not take", len(r.Value))
		}
	}
	return n
}

// Entries of servers that write side by side come in the order of their times, whatever
// they are stored with.
func TestServersSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := mem.New()
		// What earlier releases stored: an entry under its own key.
		old := `{"time":"1999-12-31T23:59:59Z","author":"a","operation":"o","target":"0","status":200}`
		if _, err := st.Txn(t.Context(), nil, []store.Op{store.Put("audit/00946684799000000000-old", []byte(old))}); err != nil {
			t.Fatal(err)
		}
		one, stop1 := open(t, st, audit.Options{})
		two, stop2 := open(t, st, audit.Options{})
		defer stop1()
		defer stop2()
		const n = 240
		want := make([]string, n+1)
		want[n] = "0"
		for i := range n {
			[]audit.Trail{one, two}[i/3%2].Record(audit.Entry{Target: fmt.Sprint(i + 1)})
			want[n-1-i] = fmt.Sprint(i + 1)
			time.Sleep(time.Millisecond)
		}
		list(t, two, audit.Query{})
		if d := cmp.Diff(want, targets(list(t, one, audit.Query{Limit: 1000}))); d != "" {
			t.Error(d)
		}
		var paged []string
		for q := (audit.Query{Limit: 7}); ; {
			some := list(t, one, q)
			if len(some) == 0 {
				break
			}
			q.After = some[len(some)-1].ID
			paged = append(paged, targets(some)...)
		}
		if d := cmp.Diff(want, paged); d != "" {
			t.Error(d)
		}
		records, _, err := st.List(t.Context(), "audit/", "")
		if err != nil || len(records) > n/3 {
			t.Errorf("%d entries make %d records, %v", n, len(records), err)
		}
	})
}

func TestBounded(t *testing.T) {
	st := mem.New()
	const most = 50
	l, stop := open(t, st, audit.Options{Most: most, Now: func() time.Time { return time.Unix(1, 0) }}) // a clock that stands
	for i := range 1000 {
		l.Record(audit.Entry{Target: fmt.Sprint(i)})
		if i%100 == 0 {
			list(t, l, audit.Query{Limit: 1})
		}
	}
	got := list(t, l, audit.Query{Limit: 1000})
	if len(got) != most || got[0].Target != "999" || got[most-1].Target != "950" {
		t.Errorf("%d entries: %v", len(got), targets(got))
	}
	stop()
	if n := stored(t, st); n > most+300 {
		t.Errorf("%d entries stored", n)
	}
	// The next server begins by tidying up.
	l, _ = open(t, st, audit.Options{Most: most})
	list(t, l, audit.Query{Limit: 1})
	if n := stored(t, st); n < most || n > most+100 { // pages go as a whole
		t.Errorf("%d entries stored", n)
	}
}

func TestLongTexts(t *testing.T) {
	st := mem.New()
	l, _ := open(t, st, audit.Options{})
	objects := make([]string, 1000)
	for i := range objects {
		objects[i] = strings.Repeat("o", 10_000)
	}
	l.Record(audit.Entry{Author: strings.Repeat("a", 1<<20), Target: "\xff", Objects: objects})
	e := list(t, l, audit.Query{Limit: 1})[0]
	if len(e.Author) > 600 || len(e.Objects) != 51 || e.Objects[50] != "and 950 more" || e.Target != "\uFFFD" {
		t.Errorf("%d bytes, %d objects, %q", len(e.Author), len(e.Objects), e.Target)
	}
	for range 200 {
		l.Record(audit.Entry{Objects: objects})
	}
	list(t, l, audit.Query{Limit: 1})
	if n := stored(t, st); n != 201 {
		t.Errorf("%d of 201 entries are stored", n)
	}
}

// broken is a store that does not write for a while.
type broken struct {
	store.Store
	mu    sync.Mutex
	fails int
}

func (b *broken) Txn(ctx context.Context, c []store.Cond, o []store.Op) (int64, error) {
	b.mu.Lock()
	b.fails--
	fail := b.fails >= 0
	b.mu.Unlock()
	if fail {
		return 0, store.ErrUnavailable
	}
	return b.Store.Txn(ctx, c, o)
}

func TestABrokenStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l, stop := open(t, &broken{Store: mem.New(), fails: 2}, audit.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		l.Record(audit.Entry{Target: "kept"})
		if got := list(t, l, audit.Query{Limit: 10}); len(got) != 1 {
			t.Errorf("after two failures: %v", got)
		}
		stop()

		l, stop = open(t, &broken{Store: mem.New(), fails: 100}, audit.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		l.Record(audit.Entry{Target: "lost"})
		if got := list(t, l, audit.Query{Limit: 10}); len(got) != 0 {
			t.Errorf("a store that fails: %v", got)
		}
		stop()
		if !strings.Contains(log.String(), "they could not be stored") || !strings.Contains(log.String(), "target=lost") {
			t.Errorf("the log does not say it:\n%s", log.String())
		}

		l = audit.Open(mem.New(), audit.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}) // nobody stores
		for range 2000 {
			l.Record(audit.Entry{})
		}
		if _, err := l.List(t.Context(), audit.Query{}); err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("a queue that is full: %v", err)
		}
		if !strings.Contains(log.String(), "is in this log only") {
			t.Error("the log does not say that the queue is full")
		}
	})
}
