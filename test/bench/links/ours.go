package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver/link"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
)

// maxWrites is how many requests the change of one network may take.
const maxWrites = 9

// runOurs measures the driver in a fresh namespace.
func runOurs(ctx context.Context, n int) (map[string]float64, error) {
	ns, err := netns.New()
	if err != nil {
		return nil, err
	}
	defer closeEmpty(ns)
	d, err := link.New(link.Options{Namespace: ns})
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	out := map[string]float64{}
	for _, p := range []struct {
		name      string
		want      *desired.Space
		maxWrites int
	}{
		{"cold", networks(n, mtu), 10 * n},
		{"noop", networks(n, mtu), 0},
		{"add1", networks(n+1, mtu), maxWrites},
		{"change1", networks(n+1, changedMTU), maxWrites},
		{"remove1", networks(n, changedMTU), maxWrites},
		{"teardown", &desired.Space{}, 10 * n},
	} {
		start := time.Now()
		r, err := d.Reconcile(ctx, p.want, false)
		out[p.name] = time.Since(start).Seconds()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		if r.Writes > p.maxWrites {
			return nil, fmt.Errorf("%s took %d writes, at most %d are allowed", p.name, r.Writes, p.maxWrites)
		}
	}
	return out, nil
}

// runFloor measures ip -batch and bridge -batch in a fresh namespace.
func runFloor(ctx context.Context, n int) (map[string]float64, error) {
	ns, err := netns.New()
	if err != nil {
		return nil, err
	}
	defer closeEmpty(ns)
	var cold, add, change, remove batch
	for i := 1; i <= n; i++ {
		cold.add(i)
	}
	add.add(n + 1)
	change.setMTU(changed, changedMTU)
	remove.remove(n + 1)
	out := map[string]float64{}
	timed := func(name string, f func() error) error {
		start := time.Now()
		err := f()
		out[name] = time.Since(start).Seconds()
		return err
	}
	if err := timed("cold", func() error { return cold.run(ctx, ns) }); err != nil {
		return nil, err
	}
	if err := sameObjects(ctx, ns, n); err != nil {
		return nil, err
	}
	if err := timed("noop", func() error { return command(ctx, ns, "", "ip", "-d", "link", "show") }); err != nil {
		return nil, err
	}
	for _, p := range []struct {
		name string
		b    *batch
	}{{"add1", &add}, {"change1", &change}, {"remove1", &remove}} {
		if err := timed(p.name, func() error { return p.b.run(ctx, ns) }); err != nil {
			return nil, err
		}
	}
	err = timed("teardown", func() error { return deleteGroup(ctx, ns) })
	return out, err
}

// sameObjects checks that the floor made what the driver would have made: the
// driver must find nothing to do.
func sameObjects(ctx context.Context, ns *netns.NS, n int) error {
	d, err := link.New(link.Options{Namespace: ns})
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	r, err := d.Reconcile(ctx, networks(n, mtu), true)
	if err == nil && len(r.Changes) > 0 {
		err = fmt.Errorf("ip -batch made something else than the driver does: %s", r.Changes[0])
	}
	return err
}

// run feeds the commands to ip and bridge.
func (b *batch) run(ctx context.Context, ns *netns.NS) error {
	if b.ip.Len() > 0 {
		if err := command(ctx, ns, b.ip.String(), "ip", "-batch", "-"); err != nil {
			return err
		}
	}
	if b.bridge.Len() > 0 {
		return command(ctx, ns, b.bridge.String(), "bridge", "-batch", "-")
	}
	return nil
}

// command runs a program in the namespace; what it prints is thrown away.
func command(ctx context.Context, ns *netns.NS, input string, args ...string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout = strings.NewReader(input), io.Discard
	var complaint strings.Builder
	cmd.Stderr = &complaint
	if err := ns.Run(cmd.Run); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, complaint.String())
	}
	return nil
}

// deleteGroup deletes all networks at once.
func deleteGroup(ctx context.Context, ns *netns.NS) error {
	return command(ctx, ns, "", "ip", "link", "del", "group", strconv.Itoa(link.Group))
}

// closeEmpty gives a namespace up. Links left in it by a failure are deleted
// first: the kernel would do so later, while the next measurement runs.
func closeEmpty(ns *netns.NS) {
	_ = deleteGroup(context.Background(), ns) // complains if there is none
	_ = ns.Close()
}
