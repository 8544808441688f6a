package sleep

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		if !Context(ctx, 40*time.Second) || time.Since(began) != 40*time.Second {
			t.Errorf("waited %s of 40 s", time.Since(began))
		}
		if Context(ctx, 40*time.Second) || time.Since(began) != time.Minute {
			t.Errorf("waited until %s, though the context ended after a minute", time.Since(began))
		}
	})
}
