package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

func TestRetry(t *testing.T) {
	other := errors.New("another fault")
	for name, c := range map[string]struct {
		conflicts int
		then      error
		want      error
		tries     int
	}{
		"at once":         {0, nil, nil, 1},
		"another fault":   {0, other, other, 1},
		"after conflicts": {5, nil, nil, 6},
		"then a fault":    {2, other, other, 3},
		"in vain":         {1000, nil, store.ErrConflict, 100},
	} {
		t.Run(name, func(t *testing.T) {
			tries := 0
			err := store.Retry(t.Context(), func() error {
				if tries++; tries <= c.conflicts {
					return fmt.Errorf("try %d: %w", tries, store.ErrConflict)
				}
				return c.then
			})
			if !errors.Is(err, c.want) || tries != c.tries {
				t.Errorf("%v after %d tries, want %v after %d", err, tries, c.want, c.tries)
			}
		})
	}
}

func TestRetryEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	err := store.Retry(ctx, func() error {
		if tries++; tries == 3 {
			cancel()
		}
		return store.ErrConflict
	})
	if !errors.Is(err, context.Canceled) || tries != 3 {
		t.Errorf("%v after %d tries", err, tries)
	}
}
