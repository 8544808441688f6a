package revision

import (
	"errors"
	"fmt"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Errors of the Service, to be tested with errors.Is. An edit that breaks a
// rule of the model gives model.Problems; errors of the store pass through.
var (
	// ErrNotFound: the object or revision does not exist.
	ErrNotFound = errors.New("not found")
	// ErrPrecondition: an ETag given as condition does not hold.
	ErrPrecondition = errors.New("precondition failed")
	// ErrStalePlan: the plan does not match what the call would do any more.
	ErrStalePlan = errors.New("the plan is out of date")
	// ErrPendingEdits: a rollback would drop pending edits.
	ErrPendingEdits = errors.New("there are pending edits")
	// ErrGuard: a further condition of an edit does not hold.
	ErrGuard = errors.New("a condition of the edit does not hold any more")
	// ErrTooMany: one call requests, or leaves pending, more than the limit.
	ErrTooMany = errors.New("too much at once")
	// ErrBusy: other writers won every time.
	ErrBusy = errors.New("too many concurrent changes")
)

// notFound is the error for an object that does not exist.
func notFound(k model.Kind, id string) error {
	return fmt.Errorf("%s %s: %w: check the spelling, or list what exists with: viaduct get %s", k, id, ErrNotFound, k.Plural())
}
