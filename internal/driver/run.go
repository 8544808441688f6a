package driver

import (
	"context"
	"errors"
	"fmt"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// Guard is a Driver that others depend on: without its work, parts of a space must
// not be applied.
type Guard interface {
	// Withhold returns the part of the space that may be applied after the driver
	// has failed.
	Withhold(want *desired.Space) *desired.Space
}

// Eventful is a Driver that detects changes of its own state.
type Eventful interface {
	// Events returns a channel that receives a value after a change, whatever its
	// cause. It holds at most one, and is closed when ctx ends.
	Events(ctx context.Context) (<-chan struct{}, error)
}

// Run runs the drivers of a space in order. Each gets the whole space; the failure of one does
// not keep the next from its work, except for the part that a Guard withholds.
func Run(ctx context.Context, drivers []Driver, want *desired.Space, dryRun bool) (Result, error) {
	var total Result
	var errs []error
	for _, d := range drivers {
		r, err := d.Reconcile(ctx, want, dryRun)
		total.Changes = append(total.Changes, r.Changes...)
		total.Writes += r.Writes
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", d.Name(), err))
			if g, ok := d.(Guard); ok {
				want = g.Withhold(want)
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	return total, errors.Join(errs...)
}
