package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/sleep"
)

// maxTries is how often Retry tries: conflicting writers succeed long before, so that
// reaching it indicates an error.
const maxTries = 100

// maxRest bounds the pause between two tries, in milliseconds.
const maxRest = 20

// Retry calls try until it does not conflict with another writer (ErrConflict), and
// returns its last result: ErrConflict after a hundred conflicts. From the second try on
// it pauses for a random moment in between, since writers that failed together should not
// return together. It returns the context's error if that ends in the meantime.
func Retry(ctx context.Context, try func() error) error {
	var err error
	for i := range maxTries {
		if i > 1 && !sleep.Context(ctx, rand.N(time.Duration(min(i, maxRest))*time.Millisecond)) {
			return ctx.Err()
		}
		if err = try(); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return err
}
