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
	// ErrStalePlan: the plan is no longer what the call would carry out.
	ErrStalePlan = errors.New("the plan is out of date")
	// ErrPendingEdits: a rollback would drop pending edits.
	ErrPendingEdits = errors.New("there are pending edits")
	// ErrGuard: a further condition of an edit does not hold.
	ErrGuard = errors.New("a condition of the edit does not hold any more")
	// ErrTooMany: more was asked for at once, or left pending, than is taken.
	ErrTooMany = errors.New("too much at once")
	// ErrBusy: other writers won every time.
	ErrBusy = errors.New("too many concurrent changes")
)

// notFound says that an object does not exist.
func notFound(k model.Kind, id string) error {
	return fmt.Errorf("%s %s: %w: check the spelling, or list what exists with: viaduct get %s", k, id, ErrNotFound, k.Plural())
}
