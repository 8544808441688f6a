package groupcommit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/store/groupcommit"
)

type write struct {
	groupcommit.Outcome
	n int
}

func newWrite(n int) *write { return &write{groupcommit.NewOutcome(), n} }

// Writes that come while one is stored go together, in their order, and each has its
// own outcome.
func TestThoseThatWaitGoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var groups [][]int
		store := func(_ context.Context, now []*write) {
			time.Sleep(time.Second)
			var group []int
			for _, w := range now {
				group = append(group, w.n)
				var err error
				if w.n%2 == 1 {
					err = fmt.Errorf("write %d is odd", w.n)
				}
				w.End(err)
			}
			groups = append(groups, group)
		}
		q := groupcommit.New(groupcommit.First[*write](3), store, 0)
		var wg sync.WaitGroup
		for n := range 6 {
			wg.Go(func() {
				time.Sleep(time.Duration(n) * time.Millisecond)
				if err := q.Do(t.Context(), newWrite(n)); (err != nil) != (n%2 == 1) {
					t.Errorf("write %d: %v", n, err)
				}
			})
		}
		wg.Wait()
		if got := fmt.Sprint(groups); got != "[[0] [1 2 3] [4 5]]" {
			t.Errorf("stored %s", got)
		}
	})
}

// Who does not wait any more takes a write back that nobody has begun to store; of one
// that is being stored they learn the outcome.
func TestWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stored := 0
		q := groupcommit.New(groupcommit.First[*write](9), func(ctx context.Context, now []*write) {
			time.Sleep(time.Second)
			if ctx.Err() != nil {
				t.Error("the context of one caller ended the writes of all")
			}
			for _, w := range now {
				stored++
				w.End(nil)
			}
		}, 0)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		var first, second error
		var wg sync.WaitGroup
		wg.Go(func() { first = q.Do(ctx, newWrite(1)) })
		synctest.Wait()
		wg.Go(func() { second = q.Do(ctx, newWrite(2)) })
		wg.Wait()
		if first != nil || !errors.Is(second, context.DeadlineExceeded) || stored != 1 {
			t.Errorf("first %v, second %v, %d stored", first, second, stored)
		}
	})
}

// With a window, whoever stores waits for as many writes as there were lately, and no
// longer than that.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		q := groupcommit.New(groupcommit.First[*write](9), func(_ context.Context, now []*write) {
			sizes = append(sizes, len(now))
			time.Sleep(10 * time.Millisecond)
			for _, w := range now {
				w.End(nil)
			}
		}, 2*time.Millisecond)
		round := func(writers int) {
			var wg sync.WaitGroup
			for n := range writers {
				wg.Go(func() {
					time.Sleep(time.Duration(n) * 100 * time.Microsecond)
					_ = q.Do(t.Context(), newWrite(n))
				})
			}
			wg.Wait()
		}
		round(4) // one goes at once, then the three that came meanwhile
		round(3) // expected now: they go together
		start := time.Now()
		round(1) // waits in vain, for the window
		if waited := time.Since(start); waited != 12*time.Millisecond {
			t.Errorf("a write alone took %v", waited)
		}
		if got := fmt.Sprint(sizes); got != "[1 3 3 1]" {
			t.Errorf("stored %s together", got)
		}
	})
}
