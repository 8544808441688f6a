package task

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	mrand "math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mirror"
)

// Limits.
const (
	// Keep is how many tasks are kept; older ones are removed after their end.
	Keep = 1000
	// keepLogs limits the logs of all tasks together, in bytes: the oldest tasks are
	// removed first.
	keepLogs = 64 << 20
	// maxRunning is how many tasks one server runs at a time.
	maxRunning = 100
	// maxExit limits the text of a result, in bytes.
	maxExit = 1 << 10
)

// Times.
const (
	beatEvery  = 5 * time.Second
	deadAfter  = 30 * time.Second // without a beat
	flushEvery = time.Second
	endTimeout = 5 * time.Second // for tasks to end, and be stored, when the server stops
)

// Func is the work of a task. It ends early when ctx does. It logs lines for the
// operator who started it.
type Func func(ctx context.Context, log func(format string, args ...any)) error

// Options are what a Service needs in addition to a store.
type Options struct {
	// Node is the name of the host in the tasks' names.
	Node   string
	Logger *slog.Logger
}

// Service runs and keeps tasks. Any number of Services may share one store. Open
// creates one.
type Service struct {
	store   store.Store
	node    string
	log     *slog.Logger
	owner   string
	records *mirror.Mirror[*Task]

	base   context.Context // ends the tasks
	cancel context.CancelCauseFunc
	tasks  sync.WaitGroup

	// starting is held while the set of running tasks changes together with the
	// heartbeat record of this server.
	starting sync.Mutex
	stopped  bool
	count    uint32
	beating  bool

	mu   sync.Mutex
	mine map[string]*running

	watched map[string]watch // owners by name; used by Run only
}

// running is a task of this server.
type running struct {
	task   Task
	log    lines
	cancel context.CancelCauseFunc
}

// watch is the last known heartbeat of another server.
type watch struct {
	beat  int64 // revision of its record
	since time.Time
}

// Open reads the stored tasks. Run must be running to end the tasks of dead servers,
// and to keep those of others current.
func Open(ctx context.Context, st store.Store, o Options) (*Service, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		store: st, node: o.Node, log: o.Logger, owner: rand.Text(), count: mrand.Uint32(),
		mine: make(map[string]*running), watched: make(map[string]watch),
	}
	s.base, s.cancel = context.WithCancelCause(context.Background())
	var err error
	if s.records, err = mirror.Open(ctx, st, prefixTask, o.Logger, parse); err != nil {
		return nil, fmt.Errorf("reading the tasks: %w", err)
	}
	return s, nil
}

// Start starts a task of the user who, and returns its name. ctx covers only the start.
func (s *Service) Start(ctx context.Context, typ, id, who string, run Func) (upid string, err error) {
	s.starting.Lock()
	defer s.starting.Unlock()
	if s.stopped {
		return "", ErrStopped
	}
	s.mu.Lock()
	busy := len(s.mine) >= maxRunning
	s.mu.Unlock()
	if busy {
		return "", fmt.Errorf("%w: wait until some of the %d have ended, or stop one", ErrBusy, maxRunning)
	}
	r, err := s.create(ctx, UPID{Type: word(typ, 64), ID: word(id, 64), User: word(who, 160)})
	if err != nil {
		return "", fmt.Errorf("starting a task: %w", err)
	}
	s.beating = true
	taskCtx, cancel := context.WithCancelCause(s.base)
	r.cancel = cancel
	s.mu.Lock()
	s.mine[r.task.Name] = r
	s.mu.Unlock()
	s.tasks.Go(func() { s.run(taskCtx, r, run) })
	s.tidy(ctx)
	return r.task.Name, nil
}

// create stores a new task under a unique name.
func (s *Service) create(ctx context.Context, u UPID) (*running, error) {
	u.Node, u.PID = s.node, uint32(os.Getpid()) // Linux has no larger ones
	for {
		s.count++
		u.Count, u.Start = s.count, time.Now().Unix()
		t := Task{Name: u.String(), UPID: u, Owner: s.owner}
		if _, ok := ParseUPID(t.Name); !ok {
			return nil, fmt.Errorf("the server's name %q cannot be part of a task's name", s.node)
		}
		b, err := json.Marshal(t)
		if err != nil {
			return nil, err
		}
		_, err = s.store.Txn(ctx, []store.Cond{{Key: prefixTask + u.suffix()}},
			[]store.Op{store.Put(prefixTask+u.suffix(), b), store.Put(prefixBeat+s.owner, []byte(s.node))})
		if !errors.Is(err, store.ErrConflict) {
			return &running{task: t}, err
		}
	}
}

// run runs a task to its end.
func (s *Service) run(ctx context.Context, r *running, do Func) {
	err := func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				s.log.Error("a task panicked", "task", r.task.Name, "panic", p, "stack", stack())
				err = errors.New("internal error: the server's log says more")
			}
		}()
		return do(ctx, r.log.printf)
	}()
	exit := OK
	var why ended
	switch {
	case err != nil && errors.As(context.Cause(ctx), &why):
		exit = string(why)
	case err != nil:
		exit = oneLine(err.Error())
	}
	r.cancel(nil)
	if exit == OK {
		r.log.last("TASK OK")
	} else {
		r.log.last("TASK ERROR: " + exit)
	}
	s.finish(r, exit)
}

// ended is the reason why a task's context was ended.
type ended string

// Error implements error.
func (e ended) Error() string { return string(e) }

// finish stores the end of a task. It retries until the store accepts it, or the
// server ends.
func (s *Service) finish(r *running, exit string) {
	for wait := flushEvery; ; wait = min(2*wait, deadAfter) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.base), endTimeout)
		err := s.end(ctx, r, exit)
		if err == nil {
			s.tidy(ctx)
		}
		cancel()
		if err == nil || s.base.Err() != nil {
			if err != nil {
				s.log.Error("the end of a task could not be stored", "task", r.task.Name, "result", exit, "error", err)
			}
			break
		}
		s.log.Warn("the end of a task could not be stored, trying again", "task", r.task.Name, "error", err, "in", wait)
		sleep.Context(s.base, wait)
	}
	s.mu.Lock()
	delete(s.mine, r.task.Name)
	s.mu.Unlock()
}

func (s *Service) end(ctx context.Context, r *running, exit string) error {
	text := r.log.read()
	err := s.update(ctx, r.task.suffix(), func(t *Task) []store.Op {
		if !t.Running() {
			s.log.Warn("a task ended that others took for dead", "task", t.Name, "result", exit)
			return nil
		}
		t.End, t.Exit, t.LogSize = time.Now().UTC(), exit, len(text)
		return []store.Op{store.Put(prefixLog+t.suffix(), []byte(text))}
	})
	if errors.Is(err, ErrUnknown) {
		return nil // removed concurrently
	}
	return err
}

// update changes a stored task together with other records. A change that returns
// no ops changes nothing.
func (s *Service) update(ctx context.Context, suffix string, change func(*Task) []store.Op) error {
	return store.Retry(ctx, func() error {
		old, err := s.store.Get(ctx, prefixTask+suffix)
		if errors.Is(err, store.ErrNotFound) {
			return ErrUnknown
		}
		if err != nil {
			return err
		}
		t, err := parse(old)
		if err != nil {
			return fmt.Errorf("the stored task %s: %w", suffix, err)
		}
		ops := change(t)
		if ops == nil {
			return nil
		}
		b, err := json.Marshal(t)
		if err != nil {
			return err
		}
		_, err = s.store.Txn(ctx, []store.Cond{{Key: old.Key, Revision: old.Revision}}, append(ops, store.Put(old.Key, b)))
		return err
	})
}

// List returns all tasks, newest first.
func (s *Service) List() []*Task {
	all, _ := s.records.All()
	out := make([]*Task, 0, len(all))
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(all))) {
		out = append(out, all[name].Value)
	}
	return out
}

// Get returns a task, or ErrUnknown.
func (s *Service) Get(ctx context.Context, upid string) (*Task, error) {
	u, ok := ParseUPID(upid)
	if !ok {
		return nil, fmt.Errorf("%w: %q is not the name of one", ErrUnknown, upid)
	}
	r, err := s.store.Get(ctx, prefixTask+u.suffix())
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, upid)
	}
	if err != nil {
		return nil, err
	}
	return parse(r)
}

// Log returns lines of a task's log, from the line start (counted from 0), and their
// total number. The log of a task on another server is up to a second old.
func (s *Service) Log(ctx context.Context, upid string, start, limit int) (lines []string, total int, err error) {
	t, err := s.Get(ctx, upid)
	if err != nil {
		return nil, 0, err
	}
	s.mu.Lock()
	r := s.mine[t.Name]
	s.mu.Unlock()
	if r != nil {
		lines, total = page(r.log.read(), start, limit)
		return lines, total, nil
	}
	rec, err := s.store.Get(ctx, prefixLog+t.suffix())
	if err != nil && !errors.Is(err, store.ErrNotFound) { // a task without output has no log
		return nil, 0, err
	}
	lines, total = page(string(rec.Value), start, limit)
	return lines, total, nil
}

// Stop requests the end of a task at any server. It does not wait for it.
func (s *Service) Stop(ctx context.Context, upid string) error {
	t, err := s.Get(ctx, upid)
	if err != nil || !t.Running() {
		return err
	}
	s.mu.Lock()
	r := s.mine[t.Name]
	s.mu.Unlock()
	if r != nil {
		r.cancel(ended(Requested))
		return nil
	}
	return s.update(ctx, t.suffix(), func(t *Task) []store.Op {
		if !t.Running() || t.Stop {
			return nil
		}
		t.Stop = true
		return []store.Op{}
	})
}

// tidy makes the last writes visible to List, and removes the tasks that are too old.
// The next call retries what fails.
func (s *Service) tidy(ctx context.Context) {
	err := s.records.Sync(ctx)
	var ops []store.Op
	size := 0
	for n, t := range s.List() {
		size += t.LogSize
		if t.Running() || n < Keep && size <= keepLogs {
			continue
		}
		ops = append(ops, store.Delete(prefixTask+t.suffix()), store.Delete(prefixLog+t.suffix()))
	}
	for chunk := range slices.Chunk(ops, 100) {
		if err == nil {
			_, err = s.store.Txn(ctx, nil, chunk)
		}
	}
	if err == nil && len(ops) > 0 {
		err = s.records.Sync(ctx)
	}
	if err != nil {
		s.log.Warn("old tasks could not be removed", "error", err)
	}
}

// oneLine converts the text of an error to that of a result.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxExit {
		text = strings.ToValidUTF8(text[:maxExit], "")
	}
	if text == "" || text == OK {
		text = "failed"
	}
	return text
}
