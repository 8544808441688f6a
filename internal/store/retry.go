package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/sleep"
)

// maxTries is how often Retry tries: writers that are in each other's way get on long
// before, so that more means that something is wrong.
const maxTries = 100

// maxRest bounds the rest between two tries, in milliseconds.
const maxRest = 20

// Retry calls try until it does not meet another writer (ErrConflict), and returns what
// it returned last: ErrConflict if it met others a hundred times. From the second try on
// it rests for a random moment in between, since writers that failed together should not
// come back together. It returns the context's error if that ends meanwhile.
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
