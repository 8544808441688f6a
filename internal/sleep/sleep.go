// Package sleep makes a loop pause between two tries. Every stage may use it; it depends
// on none of them.
package sleep

import (
	"context"
	"time"
)

// Context waits for d; it reports false if ctx ended first.
func Context(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
