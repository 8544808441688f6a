package task

import (
	"context"
	"errors"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Run follows what other servers store, stores the logs of running tasks, and ends the
// tasks of servers that died, until ctx ends. Then it ends this server's tasks and waits
// a few seconds for them.
func (s *Service) Run(ctx context.Context) {
	var follow sync.WaitGroup
	follow.Go(func() { s.records.Run(ctx) })
	defer follow.Wait()
	beat, flush := time.NewTicker(beatEvery), time.NewTicker(flushEvery)
	defer beat.Stop()
	defer flush.Stop()
	for ctx.Err() == nil {
		all, changed := s.records.All()
		for _, e := range all {
			s.stopIfRequested(e.Value)
		}
		select {
		case <-changed:
		case <-flush.C:
			s.flush(ctx)
		case <-beat.C:
			s.beat(ctx)
			s.endOrphans(ctx)
		case <-ctx.Done():
		}
	}
	s.shutdown(context.WithoutCancel(ctx))
}

// stopIfRequested ends a task of this server that was stopped through another one.
func (s *Service) stopIfRequested(t *Task) {
	if !t.Stop || !t.Running() || t.Owner != s.owner {
		return
	}
	s.mu.Lock()
	r := s.mine[t.Name]
	s.mu.Unlock()
	if r != nil {
		r.cancel(ended(Requested))
	}
}

// flush stores the logs that grew, for other servers to show.
func (s *Service) flush(ctx context.Context) {
	s.mu.Lock()
	mine := slices.Collect(maps.Values(s.mine))
	s.mu.Unlock()
	for _, r := range mine {
		text, dirty := r.log.unsaved()
		if !dirty {
			continue
		}
		err := s.update(ctx, r.task.suffix(), func(t *Task) []store.Op {
			if !t.Running() {
				return nil
			}
			return []store.Op{store.Put(prefixLog+t.suffix(), []byte(text))}
		})
		if err != nil && ctx.Err() == nil {
			r.log.markDirty()
			s.log.Warn("a task's log could not be stored, trying again", "task", r.task.Name, "error", err)
		}
	}
}

// beat writes this server's heartbeat while it has tasks.
func (s *Service) beat(ctx context.Context) {
	s.starting.Lock()
	defer s.starting.Unlock()
	s.mu.Lock()
	busy := len(s.mine) > 0
	s.mu.Unlock()
	op := store.Put(prefixBeat+s.owner, []byte(s.node))
	switch {
	case busy:
	case s.beating:
		op = store.Delete(op.Key)
	default:
		return
	}
	ctx, cancel := context.WithTimeout(ctx, beatEvery)
	defer cancel()
	if _, err := s.store.Txn(ctx, nil, []store.Op{op}); err != nil {
		if ctx.Err() == nil {
			s.log.Warn("the store did not take that this server lives: others may take its tasks for dead", "error", err)
		}
		return
	}
	s.beating = busy
}

// endOrphans ends the tasks of servers without a heartbeat.
func (s *Service) endOrphans(ctx context.Context) {
	byOwner := make(map[string][]*Task)
	for _, t := range s.List() {
		if t.Running() && t.Owner != s.owner {
			byOwner[t.Owner] = append(byOwner[t.Owner], t)
		}
	}
	maps.DeleteFunc(s.watched, func(owner string, _ watch) bool { return byOwner[owner] == nil })
	for _, owner := range slices.Sorted(maps.Keys(byOwner)) {
		beat, err := s.store.Get(ctx, prefixBeat+owner)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return // without the store the state of others is unknown
		}
		seen, ok := s.watched[owner]
		if !ok || seen.beat != beat.Revision {
			s.watched[owner] = watch{beat.Revision, time.Now()}
			continue
		}
		if time.Since(seen.since) >= deadAfter {
			s.endTasksOf(ctx, owner, byOwner[owner])
		}
	}
}

// endTasksOf ends the tasks of one server.
func (s *Service) endTasksOf(ctx context.Context, owner string, tasks []*Task) {
	for _, dead := range tasks {
		err := s.update(ctx, dead.suffix(), func(t *Task) []store.Op {
			if !t.Running() {
				return nil
			}
			t.End, t.Exit, t.LogSize = time.Now().UTC(), Died, MaxLog
			return []store.Op{}
		})
		if err != nil && !errors.Is(err, ErrUnknown) {
			s.log.Warn("a task of a server that died could not be ended", "task", dead.Name, "error", err)
			return
		}
		s.log.Warn("a task was ended because its server died", "task", dead.Name, "server", dead.Node)
	}
	if _, err := s.store.Txn(ctx, nil, []store.Op{store.Delete(prefixBeat + owner)}); err != nil {
		s.log.Warn("the record of a server that died could not be removed", "server", owner, "error", err)
	}
}

// shutdown ends this server's tasks and removes its heartbeat record.
func (s *Service) shutdown(ctx context.Context) {
	s.starting.Lock()
	s.stopped = true
	s.starting.Unlock()
	s.cancel(ended(Interrupted))
	done := make(chan struct{})
	go func() { s.tasks.Wait(); close(done) }()
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	select {
	case <-done:
	case <-ctx.Done():
		s.log.Error("tasks did not end with the server", "after", endTimeout)
		return // other servers will find that the heartbeat has stopped
	}
	if _, err := s.store.Txn(ctx, nil, []store.Op{store.Delete(prefixBeat + s.owner)}); err != nil {
		s.log.Warn("the record that this server lives could not be removed", "error", err)
	}
}

func stack() string { return string(debug.Stack()) }
