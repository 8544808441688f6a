package agent

import (
	"context"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/pki"
)

// renewRetry is the wait after a renewal that failed.
const renewRetry = 10 * time.Minute

// renew replaces the certificate when two thirds of its life are over.
func (a *Agent) renew(ctx context.Context, link *serverLink) {
	for {
		pair, err := a.identity.keyPair()
		if err != nil {
			a.complain("the node's certificate cannot be read: " + err.Error())
			return
		}
		if !sleepUntil(ctx, pki.RenewAt(pair.Leaf)) {
			return
		}
		if err := a.renewOnce(ctx, link); err != nil {
			a.Log.Warn("cannot renew the node's certificate; trying again", "error", err, "in", renewRetry)
			if !sleepUntil(ctx, time.Now().Add(renewRetry)) {
				return
			}
		}
	}
}

func sleepUntil(ctx context.Context, at time.Time) bool {
	t := time.NewTimer(time.Until(at))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
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
	a.Log.Info("the node's certificate was renewed")
	return nil
}
