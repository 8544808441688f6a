// Package link is the driver of network interfaces: bridges, VXLAN and VLAN
// devices, veth pairs, VRFs and dummies, their addresses and static forwarding
// entries, and the ports of guests. They are one driver because they are sent to
// the kernel in one pipelined batch, so that a thousand networks need only a few
// system calls.
//
// It is a last stage of the one-way flow. It has internal stages, all but the outer
// two pure:
//
//	read (state.go) -> choose what is feasible (choose.go, check.go), in creation order (order.go)
//	-> plan (plan.go): changes and typed steps -> encode (encode.go) and send
//
// # Ownership
//
// Viaduct owns a link if its group is Group and its kind is one that Viaduct
// creates. The message that creates the link sets the group, for both ends of a
// veth pair, so that a kill at any moment leaves no link without a mark of its
// owner. Addresses and static forwarding entries are owned if they are on an owned
// link, except for those that the kernel creates, and for those of a VXLAN device
// that a control plane such as FRR fills (see controlled). Ports belong to the
// program that created them: they are joined and configured, never created or
// deleted; the MACs bound to one are owned if it does not learn.
//
// Bridges that Viaduct does not own get owned ports and are not changed, with one
// exception: a VLAN-aware bridge becomes a member of the VLANs that owned devices
// carry on it. Nothing marks such a membership, so it ends with the device, and
// remains if somebody deletes the device by hand.
//
// # Links that vanish together
//
// A VLAN device is deleted with its parent and a veth end with its peer, so
// replacing a link deletes them too, and they are recreated with it (see
// findReplaced). Joining or leaving a VRF flushes a link's IPv6 addresses: they are
// added again afterwards (see flushed).
//
// # Deletion
//
// Removing a link makes the kernel wait for RCU, some 30 ms each; links removed in
// one request share that wait. So links to remove are moved to the group Doomed and
// deleted by that group. Links found in it at the next start, after a kill in
// between, are deleted too.
package link

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

// The marks of ownership.
const (
	// Group is the link group (ip link: group) of every owned link: "viad".
	Group = desired.LinkGroup
	// Doomed is the link group of owned links that are about to be deleted.
	Doomed = desired.DoomedGroup
	// AddressProtocol is the protocol (ip address: proto) of owned addresses, on
	// kernels that record one (5.18 and later).
	AddressProtocol = 183
)

// maxAttempts bounds how often a pass restarts because the kernel's state changed
// between reading and writing.
const maxAttempts = 3

// Options configure a Driver.
type Options struct {
	// Namespace is the namespace to work in; nil is the process's own.
	Namespace *netns.NS
	// Outer is the namespace to which the pairs lead that have one end in Namespace
	// (desired.Veth.Elsewhere); nil if others make them.
	Outer *netns.NS
	// Reserved reports names that must never be touched; nil reserves none.
	Reserved func(name string) bool
}

// Driver implements driver.Driver for links, addresses, neighbours and ports.
type Driver struct {
	ns       *netns.NS
	outer    *netns.NS
	conn     *rtnl.Conn
	reserved func(string) bool

	mu     sync.Mutex
	joined []string
}

var _ driver.Driver = (*Driver)(nil)

// New opens the driver's connection to the kernel.
func New(o Options) (*Driver, error) {
	conn, err := rtnl.Open(o.Namespace)
	if err != nil {
		return nil, fmt.Errorf("link driver: %w", err)
	}
	d := &Driver{ns: o.Namespace, outer: o.Outer, conn: conn, reserved: o.Reserved}
	if d.reserved == nil {
		d.reserved = func(string) bool { return false }
	}
	return d, nil
}

// Name implements driver.Driver.
func (*Driver) Name() string { return "link" }

// Close closes the connection to the kernel. It removes nothing from the node.
func (d *Driver) Close() error { return d.conn.Close() }

// Events implements driver.Eventful, for routes too: the kernel notifies of both together.
func (d *Driver) Events(ctx context.Context) (<-chan struct{}, error) {
	return rtnl.Subscribe(ctx, d.ns)
}

// Joined returns the names of the interfaces that, after the last Reconcile, were
// joined to their bridge as a desired.Port requires; sorted.
func (d *Driver) Joined() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.joined)
}

// Reconcile implements driver.Driver. An error without an *ObjectError in its tree
// concerns the node as a whole: its state could not be read, or an unwanted link
// could not be removed.
func (d *Driver) Reconcile(ctx context.Context, want *desired.Space, dryRun bool) (driver.Result, error) {
	var total driver.Result
	for attempt := range maxAttempts {
		p, err := d.plan(ctx, want, attempt)
		if err != nil {
			return total, err
		}
		if dryRun {
			return driver.Result{Changes: p.changes, Writes: len(p.steps)}, errors.Join(p.errs...)
		}
		result, stale, err := d.execute(ctx, p)
		total.Changes = append(total.Changes, result.Changes...)
		total.Writes += result.Writes
		if !stale || attempt == maxAttempts-1 {
			return total, errors.Join(append(p.errs, err)...)
		}
	}
	return total, nil // not reached: the last attempt returns
}

// plan reads the actual state and computes the work. Each attempt numbers new links
// from another start, in case another program has used the numbers.
func (d *Driver) plan(ctx context.Context, want *desired.Space, attempt int) (*plan, error) {
	st, err := d.read(ctx, want)
	if err != nil {
		return nil, fmt.Errorf("read the node's interfaces: %w", err)
	}
	w := choose(st, want, d.reserved)
	return makePlan(st, w, d.reserved, st.freeIndex(attempt, len(w.links))), nil
}

// execute carries a plan out. stale is set if it failed because the state that the
// plan is based on is outdated, so that a retry makes sense.
func (d *Driver) execute(ctx context.Context, p *plan) (result driver.Result, stale bool, err error) {
	if len(p.steps) > 0 {
		msgs := make([]*rtnl.Message, len(p.steps))
		for i := range p.steps {
			msgs[i] = p.steps[i].encode()
		}
		before := d.conn.Writes()
		outcome := d.conn.Do(ctx, msgs)
		result.Writes = int(d.conn.Writes() - before)
		stale, err = p.recordFailures(outcome)
	}
	result.Changes = p.done()
	d.mu.Lock()
	d.joined = p.joinedPorts()
	d.mu.Unlock()
	return result, stale, err
}

// recordFailures marks the failed steps. Of several failures of one object only the
// first is reported: the others follow from it.
func (p *plan) recordFailures(outcome []error) (stale bool, err error) {
	var errs []error
	reported := map[string]bool{}
	for i, e := range outcome {
		s := &p.steps[i]
		if e == nil || s.alreadyDone(e) {
			continue
		}
		s.failed = true
		// A creation: the index or the name is in use by now. ErrUnknown: read the
		// state again.
		taken := errors.Is(e, unix.EBUSY) || errors.Is(e, unix.EEXIST)
		if (s.op == opCreate && taken) || errors.Is(e, rtnl.ErrUnknown) {
			stale = true
		}
		if errors.Is(e, context.Canceled) || errors.Is(e, context.DeadlineExceeded) {
			// Not sent, and neither are the steps after it: not an object's error.
			p.failFrom(i)
			return false, errors.Join(append(errs, fmt.Errorf("stopped before all was done: %w", e))...)
		}
		if reported[s.owner] {
			continue
		}
		reported[s.owner] = true
		err := s.explain(e)
		if s.owner != "" {
			err = &driver.ObjectError{Owner: s.owner, Err: err}
		}
		errs = append(errs, err)
	}
	return stale, errors.Join(errs...)
}

// failFrom marks the steps from i on as not carried out.
func (p *plan) failFrom(i int) {
	for ; i < len(p.steps); i++ {
		p.steps[i].failed = true
	}
}

// done returns the changes without a failed step.
func (p *plan) done() []diff.Change {
	failed := map[int]bool{}
	for i := range p.steps {
		if p.steps[i].failed {
			failed[p.steps[i].change] = true
		}
	}
	var out []diff.Change
	for i, c := range p.changes {
		if !failed[i] {
			out = append(out, c)
		}
	}
	return out
}

// joinedPorts returns the ports that are joined now, sorted.
func (p *plan) joinedPorts() []string {
	failed := map[string]bool{}
	for i := range p.steps {
		if s := &p.steps[i]; s.failed && (s.op == opPort || s.op == opBridgePort) {
			failed[s.link] = true
		}
	}
	var out []string
	for _, name := range p.ports {
		if !failed[name] {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
