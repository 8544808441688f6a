package agent

import (
	"context"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
)

const (
	// renewRetry is the wait after a renewal that failed.
	renewRetry = 10 * time.Minute
	// renewLook is the longest time between two looks at the clock.
	renewLook = time.Hour
)

// renew replaces the certificate when two thirds of its life are over.
func (a *Agent) renew(ctx context.Context, link *serverLink) {
	for {
		pair, err := a.identity.keyPair()
		if err != nil {
			a.complain("the node's certificate cannot be read: " + err.Error())
			return
		}
		// The clock may be set while this waits, so it looks again and again.
		if at := pki.RenewAt(pair.Leaf); time.Now().Before(at) {
			if !sleep.Context(ctx, time.Until(earlier(at, time.Now().Add(renewLook)))) {
				return
			}
			continue
		}
		if err := a.renewOnce(ctx, link); err != nil {
			a.Log.Warn("cannot renew the node's certificate; trying again", "error", err, "in", renewRetry)
			if !sleep.Context(ctx, renewRetry) {
				return
			}
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (a *Agent) renewOnce(ctx context.Context, link *serverLink) error {
	cfg, err := a.identity.tls()
	if err != nil {
		return err
	}
	cert, key, err := pki.Renew(ctx, link.server(), a.identity.Node, cfg)
	if err != nil {
		return err
	}
	if err := a.identity.replace(cert, key); err != nil {
		return err
	}
	// The server lets the old one go when it has seen the new one.
	link.reconnect(cfg)
	a.Log.Info("the node's certificate was renewed")
	return nil
}
