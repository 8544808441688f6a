package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/agent"
	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/test/bench/report"
	"github.com/viaduct-sdn/viaduct/test/bench/workload"
)

// host is the node as its agent drives it.
type host struct {
	*agent.Host
	documents map[bool]*document.Document // with the VNet, and without
	flat      bool                        // without the devices of VRFs
}

func newHost(ctx context.Context, n *node) (*host, error) {
	h := &host{documents: map[bool]*document.Document{}, flat: n.flat}
	for with, w := range map[bool]*workload.EVPN{false: &n.without, true: &n.with} {
		cfg, err := w.Config()
		if err != nil {
			return nil, err
		}
		h.documents[with] = compile.Project(cfg, nil, 1, workload.Node(0))
	}
	var err error
	h.Host, err = agent.NewHost(ctx, agent.HostOptions{Version: "bench", Data: "/run/viaduct"})
	return h, err
}

// want is the desired state of the node, computed as the agent does.
func (h *host) want(ctx context.Context, with bool) (*desired.Space, error) {
	facts, err := h.Facts(ctx)
	if err != nil {
		return nil, err
	}
	facts.Node = workload.Node(0)
	if h.flat {
		facts.Features = maps.Clone(facts.Features)
		facts.Features[model.FeatureVRF] = true
	}
	want, notes := compile.Node(h.documents[with], facts)
	for _, n := range notes {
		if n.Level == compile.LevelError {
			return nil, fmt.Errorf("%s: %s", n.Object, n.Message)
		}
	}
	if h.flat {
		flat(&want.Space)
	}
	return &want.Space, nil
}

// pass is what the agent does when its document has changed.
func (h *host) pass(ctx context.Context, with bool) (writes int, took time.Duration, err error) {
	start := time.Now()
	want, err := h.want(ctx, with)
	if err != nil {
		return 0, 0, err
	}
	parts := fmt.Sprintf("facts and compile %.3f s", time.Since(start).Seconds())
	var errs []error
	for _, stage := range h.Stages() {
		d, ok := stage.Driver.(driver.OnHost)
		if !ok {
			continue // of named spaces, which there are none of here
		}
		began := time.Now()
		r, err := d.Driver.Reconcile(ctx, want, false)
		parts += fmt.Sprintf(", %s %.3f s", d.Name(), time.Since(began).Seconds())
		writes += r.Writes
		errs = append(errs, err)
	}
	took = time.Since(start)
	fmt.Fprintln(os.Stderr, "  pass:", parts)
	return writes, took, errors.Join(errs...)
}

// runOurs measures the drivers.
func runOurs(ctx context.Context, n *node) (f figures, err error) {
	h, err := newHost(ctx, n)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stopFRR(""), h.Close()) }()
	if err := h.prepare(ctx); err != nil {
		return nil, err
	}
	if _, err := n.settle(ctx, n.without.VNets); err != nil {
		return nil, err
	}
	writes, noop, err := h.pass(ctx, false)
	if err == nil && writes != 0 {
		err = fmt.Errorf("a pass with nothing to do took %d writes", writes)
	}
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "nothing to do: %.3f s\n", noop.Seconds())
	times, updates, err := n.measureAdds(ctx, adds, func(with bool) (time.Duration, error) {
		_, took, err := h.pass(ctx, with)
		return took, errors.Join(err, n.checkFRR(ctx, with))
	})
	if err != nil {
		return nil, err
	}
	if updates > maxUpdates {
		return nil, fmt.Errorf("the neighbour got %v BGP updates for one VNet", updates)
	}
	return figures{"add1": report.Median(times), "noop": noop.Seconds(), "updates": updates}, nil
}

// maxUpdates is how many the one VNet can cause: its multicast and its prefix route,
// each perhaps with the route target that FRR chose and then with Viaduct's.
const maxUpdates = 4

// prepare makes the state before the change.
func (h *host) prepare(ctx context.Context) error {
	_, took, err := h.pass(ctx, false)
	fmt.Fprintf(os.Stderr, "first pass: %.1f s\n", took.Seconds())
	return err
}

// checkFRR checks that FRR knows the VNet, and its route target, or neither.
func (n *node) checkFRR(ctx context.Context, with bool) error {
	target := fmt.Sprintf("%d:%d", workload.ASN, n.vni())
	for deadline := time.Now().Add(time.Minute); ; {
		out, err := n.vtysh(ctx, false, fmt.Sprintf("show bgp l2vpn evpn vni %d", n.vni()))
		knows := err == nil && strings.Contains(out, "VNI: "+fmt.Sprint(n.vni())) && strings.Contains(out, target)
		if knows == with {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("FRR knows of VNI %d: %v instead of %v\n%s", n.vni(), knows, with, out), err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
