package revision_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// faulty is a store whose transactions fail now and then, before or after they
// were committed, as they seem to a process that is killed or loses its network.
type faulty struct {
	store.Store
	mu     sync.Mutex
	random *rand.Rand
	// chance is that of a failure, in percent.
	chance int
}

func (f *faulty) Txn(ctx context.Context, conds []store.Cond, ops []store.Op) (int64, error) {
	f.mu.Lock()
	fail, after := f.random.IntN(100) < f.chance, f.random.IntN(2) == 0
	f.mu.Unlock()
	if fail && !after {
		return 0, fmt.Errorf("before the commit: %w", store.ErrUnavailable)
	}
	rev, err := f.Store.Txn(ctx, conds, ops)
	if fail && err == nil {
		return 0, fmt.Errorf("after the commit: %w", store.ErrUnavailable)
	}
	return rev, err
}
