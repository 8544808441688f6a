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

// Reconciler is what Run runs: the drivers of a space, or the stages of a node.
type Reconciler[S any] interface {
	Name() string
	Reconcile(ctx context.Context, want *S, dryRun bool) (Result, error)
}

// Run runs reconcilers in order. Each gets the whole state; the failure of one does not keep
// the next from its work, except for the part that it withholds: see Guard.
func Run[R Reconciler[S], S any](ctx context.Context, list []R, want *S, dryRun bool) (Result, error) {
	var total Result
	var errs []error
	for _, d := range list {
		r, err := d.Reconcile(ctx, want, dryRun)
		total.Changes = append(total.Changes, r.Changes...)
		total.Writes += r.Writes
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", d.Name(), err))
			if g, ok := any(d).(interface{ Withhold(*S) *S }); ok {
				want = g.Withhold(want)
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	return total, errors.Join(errs...)
}

// OnHost is a stage of a node: a driver of the host's space.
type OnHost struct{ Driver }

// Reconcile reconciles the host's space.
func (h OnHost) Reconcile(ctx context.Context, want *desired.Node, dryRun bool) (Result, error) {
	return h.Driver.Reconcile(ctx, &want.Space, dryRun)
}

// Withhold withholds parts of the host's space if the driver is a Guard.
func (h OnHost) Withhold(want *desired.Node) *desired.Node {
	g, ok := h.Driver.(Guard)
	if !ok {
		return want
	}
	left := *want
	left.Space = *g.Withhold(&want.Space)
	return &left
}
