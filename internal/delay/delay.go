// Package delay lets a loop rest between two tries. Every stage may use it; it knows
// none of them.
package delay

import (
	"context"
	"time"
)

// For waits for d; it reports false if ctx ended first.
func For(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
