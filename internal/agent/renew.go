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
	// maxRenewWait is the longest time between two reads of the clock.
	maxRenewWait = time.Hour
)

// renew replaces the certificate when two thirds of its life are over.
func (a *Agent) renew(ctx context.Context, link *serverLink) {
	for {
		pair, err := a.identity.keyPair()
		if err != nil {
			a.setNodeError(msgCertificateUnreadable.Of(err))
			return
		}
		// The clock may be set during the wait, so it is read repeatedly.
		if at := pki.RenewAt(pair.Leaf); time.Now().Before(at) {
			if !sleep.Context(ctx, time.Until(earlier(at, time.Now().Add(maxRenewWait)))) {
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
	// The server drops the old one when it has seen the new one.
	link.reconnect(cfg)
	a.Log.Info("the node's certificate was renewed")
	return nil
}
