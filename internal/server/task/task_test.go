package task_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/server/task"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// server is a service that runs, and what stops it.
type server struct {
	*task.Service
	stop func()
}

func open(t *testing.T, st store.Store, node string) *server {
	t.Helper()
	s, err := task.Open(t.Context(), st, task.Options{Node: node})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx) })
	stop := func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return &server{s, stop}
}

type logf = func(string, ...any)

func start(t *testing.T, s *server, run task.Func) string {
	t.Helper()
	upid, err := s.Start(t.Context(), "test", "id", "root@pam", run)
	if err != nil {
		t.Fatal(err)
	}
	return upid
}

func get(t *testing.T, s *server, upid string) *task.Task {
	t.Helper()
	got, err := s.Get(t.Context(), upid)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func logOf(t *testing.T, s *server, upid string) []string {
	t.Helper()
	lines, total, err := s.Log(t.Context(), upid, 0, 1<<30)
	if err != nil || total != len(lines) {
		t.Fatalf("%d of %d lines: %v", len(lines), total, err)
	}
	return lines
}

func TestResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, mem.New(), "node1")
		for want, run := range map[string]task.Func{
			"OK":                func(_ context.Context, log logf) error { log("done %d", 1); return nil },
			"it did not work":   func(context.Context, logf) error { return errors.New("it did\nnot  work\x00") },
			"internal error: ":  func(context.Context, logf) error { panic("at the disco") },
			"failed":            func(context.Context, logf) error { return errors.New("OK") },
			"context cancelled": func(context.Context, logf) error { return errors.New("context cancelled") },
		} {
			upid := start(t, s, run)
			synctest.Wait()
			got := get(t, s, upid)
			if got.Running() || !strings.HasPrefix(got.Exit, want) || got.End.IsZero() || got.Name != upid {
				t.Errorf("%s: %+v", want, got)
			}
			lines := logOf(t, s, upid)
			if last := lines[len(lines)-1]; last != "TASK OK" && !strings.HasPrefix(last, "TASK ERROR: ") {
				t.Errorf("%s: the log ends with %q", want, last)
			}
		}
	})
}

// TestOutlivesRequest starts a task under a context that ends.
func TestOutlivesRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, mem.New(), "node1")
		ctx, cancel := context.WithCancel(t.Context())
		upid, err := s.Start(ctx, "test", "", "root@pam", func(ctx context.Context, log logf) error {
			log("begun")
			select {
			case <-time.After(time.Minute):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		if got := get(t, s, upid); !got.Running() || !slices.Equal(logOf(t, s, upid), []string{"begun"}) {
			t.Errorf("before: %+v", got)
		}
		time.Sleep(2 * time.Minute)
		if got := get(t, s, upid); got.Exit != task.OK {
			t.Errorf("after: %+v", got)
		}
	})
}

func wait(ctx context.Context, log logf) error {
	log("waiting")
	<-ctx.Done()
	return ctx.Err()
}

// TestServerDies has another server end the tasks of one whose beats stop, and
// leave those of one that lives.
func TestServerDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &cuttable{Store: mem.New()}
		dying, living := open(t, st, "node1"), open(t, st.Store, "node2")
		lost, kept := start(t, dying, wait), start(t, living, wait)
		time.Sleep(2 * time.Minute)
		for _, upid := range []string{lost, kept} {
			if got := get(t, living, upid); !got.Running() {
				t.Fatalf("ended while its server lives: %+v", got)
			}
		}
		if !slices.Equal(logOf(t, living, lost), []string{"waiting"}) {
			t.Errorf("the log of another server's task: %q", logOf(t, living, lost))
		}
		st.cut(true)
		time.Sleep(20 * time.Second)
		if got := get(t, living, lost); !got.Running() {
			t.Fatalf("ended too early: %+v", got)
		}
		time.Sleep(time.Minute)
		if got := get(t, living, lost); got.Exit != task.Died {
			t.Errorf("of the dead server: %+v", got)
		}
		if got := get(t, living, kept); !got.Running() {
			t.Errorf("of the living server: %+v", got)
		}
		// If it was only away, the result stays what others have seen.
		st.cut(false)
		dying.stop()
		if got := get(t, living, lost); got.Exit != task.Died {
			t.Errorf("after its server came back: %+v", got)
		}
	})
}

// TestRestart ends tasks with their server, and lets the next one show them.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := mem.New()
		s := open(t, st, "node1")
		upid := start(t, s, wait)
		s.stop()
		if _, err := s.Start(t.Context(), "test", "", "root@pam", wait); !errors.Is(err, task.ErrStopped) {
			t.Errorf("a start after the end: %v", err)
		}
		next := open(t, st, "node1")
		if got := get(t, next, upid); got.Exit != task.Interrupted {
			t.Errorf("%+v", got)
		}
		if lines := logOf(t, next, upid); !slices.Equal(lines, []string{"waiting", "TASK ERROR: " + task.Interrupted}) {
			t.Errorf("log %q", lines)
		}
		if rest, _, err := st.List(t.Context(), "taskbeat/", ""); err != nil || len(rest) > 0 {
			t.Errorf("left behind: %v, %v", rest, err)
		}
	})
}

func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := mem.New()
		a, b := open(t, st, "node1"), open(t, st, "node2")
		for _, through := range []*server{a, b} {
			upid := start(t, a, wait)
			synctest.Wait()
			if err := through.Stop(t.Context(), upid); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if got := get(t, b, upid); got.Exit != task.Requested {
				t.Errorf("%+v", got)
			}
			if err := through.Stop(t.Context(), upid); err != nil {
				t.Errorf("stopping it again: %v", err)
			}
		}
		if err := a.Stop(t.Context(), "UPID:x"); !errors.Is(err, task.ErrUnknown) {
			t.Errorf("no name: %v", err)
		}
		unknown := task.UPID{Node: "n", Type: "t", User: "u"}.String()
		if err := a.Stop(t.Context(), unknown); !errors.Is(err, task.ErrUnknown) {
			t.Errorf("unknown: %v", err)
		}
	})
}

// TestConcurrent starts tasks on two servers at once: all have names of their own.
func TestConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := mem.New()
		servers := []*server{open(t, st, "node1"), open(t, st, "node1")}
		var mu sync.Mutex
		names := map[string]bool{}
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				upid := start(t, servers[i%2], func(_ context.Context, log logf) error { log("hello"); return nil })
				mu.Lock()
				defer mu.Unlock()
				names[upid] = true
			})
		}
		all.Wait()
		time.Sleep(10 * time.Second)
		if len(names) != 40 {
			t.Errorf("%d names", len(names))
		}
		for _, s := range servers {
			list := s.List()
			if len(list) != 40 {
				t.Errorf("%d tasks", len(list))
			}
			for _, got := range list {
				if !names[got.Name] || got.Exit != task.OK {
					t.Errorf("%+v", got)
				}
			}
		}
	})
}

func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := mem.New()
		s := open(t, st, "node1")
		var running []string
		for range 100 {
			running = append(running, start(t, s, wait))
		}
		if _, err := s.Start(t.Context(), "test", "", "root@pam", wait); !errors.Is(err, task.ErrBusy) {
			t.Errorf("the 101st: %v", err)
		}
		for _, upid := range running {
			if err := s.Stop(t.Context(), upid); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		var first, last string
		for i := range task.Keep + 50 {
			last = start(t, s, func(context.Context, logf) error { return nil })
			if i == 0 {
				first = last
			}
			time.Sleep(time.Second) // so that their order is that of their start
		}
		if _, err := s.Get(t.Context(), first); !errors.Is(err, task.ErrUnknown) {
			t.Errorf("the oldest: %v", err)
		}
		for _, prefix := range []string{"task/", "tasklog/"} {
			records, _, err := st.List(t.Context(), prefix, "")
			if err != nil || len(records) != task.Keep {
				t.Errorf("%d records below %s, %v", len(records), prefix, err)
			}
		}
		if list := s.List(); len(list) != task.Keep || list[0].Name != last {
			t.Errorf("%d tasks, the first %s", len(list), list[0].Name)
		}
	})
}

func TestLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := mem.New()
		s := open(t, st, "node1")
		line := strings.Repeat("x", 1000)
		upid := start(t, s, func(_ context.Context, log logf) error {
			log("first\x1b[31m\xff\nsecond\r\n")
			for range 3000 {
				log("%s", line)
			}
			return errors.New("the end")
		})
		synctest.Wait()
		lines, total, err := s.Log(t.Context(), upid, 0, 3)
		if err != nil || !slices.Equal(lines, []string{"first[31m\uFFFD", "second", line}) {
			t.Errorf("%q, %v", lines, err)
		}
		lines, _, err = s.Log(t.Context(), upid, total-2, 100)
		if err != nil || len(lines) != 2 || !strings.Contains(lines[0], "left out") || lines[1] != "TASK ERROR: the end" {
			t.Errorf("%q, %v", lines, err)
		}
		if lines, _, err = s.Log(t.Context(), upid, total+5, 100); err != nil || len(lines) != 0 {
			t.Errorf("%q, %v", lines, err)
		}
		if got := get(t, s, upid); got.LogSize > task.MaxLog || got.LogSize < task.MaxLog/2 {
			t.Errorf("the log has %d bytes", got.LogSize)
		}
		for i := range 80 { // together more than all logs may have
			start(t, s, func(_ context.Context, log logf) error {
				log("%d%s", i, strings.Repeat(line, 1000))
				return nil
			})
			time.Sleep(time.Second)
		}
		records, _, err := st.List(t.Context(), "tasklog/", "")
		sum := 0
		for _, r := range records {
			sum += len(r.Value)
		}
		if err != nil || sum > 65<<20 || len(records) < 60 {
			t.Errorf("%d logs with %d bytes, %v", len(records), sum, err)
		}
	})
}

// TestStoreFails keeps the end of a task until the store takes it.
func TestStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &cuttable{Store: mem.New()}
		s := open(t, st, "node1")
		upid := start(t, s, func(context.Context, logf) error { time.Sleep(time.Second); return nil })
		st.cut(true)
		if _, err := s.Start(t.Context(), "test", "", "root@pam", wait); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("a start without the store: %v", err)
		}
		time.Sleep(10 * time.Second)
		st.cut(false)
		time.Sleep(time.Minute)
		if got := get(t, s, upid); got.Exit != task.OK {
			t.Errorf("%+v", got)
		}
	})
}

// TestDamaged leaves out what cannot be read.
func TestDamaged(t *testing.T) {
	st := mem.New()
	u := task.UPID{Node: "n", Type: "t", User: "u"}
	for key, value := range map[string]string{
		"task/00000000000/" + u.String(): `{"name":`,
		"task/00000000001/x":             fmt.Sprintf(`{"name":%q}`, u),
		"task/00000000002/x":             `{"name":"x"}`,
	} {
		if _, err := st.Txn(t.Context(), nil, []store.Op{store.Put(key, []byte(value))}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := task.Open(t.Context(), st, task.Options{Node: "node1"})
	if err != nil || len(s.List()) != 0 {
		t.Errorf("%v, %v", s.List(), err)
	}
	if _, err := s.Get(t.Context(), u.String()); err == nil {
		t.Error("a damaged task was read")
	}
}

func TestUPID(t *testing.T) {
	u := task.UPID{Node: "pve-1", PID: 0xABC, Count: 1, Start: 0x65000000, Type: "reloadnetworkall", User: "a@pam!t"}
	const text = "UPID:pve-1:00000ABC:00000001:65000000:reloadnetworkall::a@pam!t:"
	if u.String() != text {
		t.Errorf("written: %s", u)
	}
	if got, ok := task.ParseUPID(text); !ok || got != u {
		t.Errorf("read: %+v, %v", got, ok)
	}
	for _, bad := range []string{
		"", "UPID:", text + "x", strings.TrimSuffix(text, ":"), strings.Replace(text, "pve-1", "../x", 1),
		strings.Replace(text, "00000ABC", "ABC", 1), strings.Replace(text, "a@pam", "a b", 1), strings.Replace(text, "reload", strings.Repeat("x", 600), 1),
	} {
		if got, ok := task.ParseUPID(bad); ok {
			t.Errorf("%q was taken for %+v", bad, got)
		}
	}
}

// TestOddNames has no task whose name cannot be read back.
func TestOddNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, mem.New(), "node1")
		upid, err := s.Start(t.Context(), "a:b c", "2001:db8::/64\n\xff"+strings.Repeat("ä", 100), "u@pam!t", func(context.Context, logf) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if got := get(t, s, upid); got.Type != "a-b-c" || !strings.HasPrefix(got.ID, "2001-db8--/64--") || got.User != "u@pam!t" {
			t.Errorf("%+v", got)
		}
	})
}

// cuttable is a store that can be away.
type cuttable struct {
	store.Store
	mu   sync.Mutex
	away bool
}

func (c *cuttable) cut(away bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = away
}

func (c *cuttable) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		return store.ErrUnavailable
	}
	return nil
}

func (c *cuttable) Get(ctx context.Context, key string) (store.Record, error) {
	if err := c.err(); err != nil {
		return store.Record{}, err
	}
	return c.Store.Get(ctx, key)
}

func (c *cuttable) List(ctx context.Context, prefix, from string) ([]store.Record, int64, error) {
	if err := c.err(); err != nil {
		return nil, 0, err
	}
	return c.Store.List(ctx, prefix, from)
}

func (c *cuttable) Txn(ctx context.Context, conds []store.Cond, ops []store.Op) (int64, error) {
	if err := c.err(); err != nil {
		return 0, err
	}
	return c.Store.Txn(ctx, conds, ops)
}
