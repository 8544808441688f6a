// Package link is the driver of network interfaces: bridges, VXLAN and VLAN
// devices, veth pairs, VRFs and dummies, their addresses and static forwarding
// entries, and the ports that guests bring. They are one driver because they go
// to the kernel in one pipelined batch, so that a thousand networks cost a few
// system calls.
//
// It is a last stage of the one-way flow. Inside, it has stages of its own,
// all but the outer two pure:
//
//	read (state.go) -> choose what can be had (choose.go, fault.go) in the order of making (order.go)
//	-> plan (plan.go): changes and typed steps -> encode (encode.go) and send
//
// # Ownership
//
// A link is ours if its group is Group and its kind is one that we make. The
// group goes in the very message that creates the link, both ends of a veth pair
// included, so that a kill at any moment leaves no link whose maker cannot be
// told. Addresses and static forwarding entries are ours if they are on a link of
// ours, but for those the kernel makes, and for those of a VXLAN device that a
// control plane such as FRR fills (see controlled). Ports belong to whoever made
// them: they are joined and configured, never created or deleted; the MACs bound
// to one are ours if it does not learn.
//
// Bridges that something else made get ports of ours and are not changed, with
// one exception: a VLAN-aware one becomes a member of the VLANs that devices of
// ours carry on it. Nothing marks such a membership, so it ends with the device,
// and stays if somebody deletes the device by hand.
//
// # What vanishes together
//
// A VLAN device goes with its parent and an end of a veth pair with the other, so
// a link that is replaced takes them along and they are made anew with it (see
// findGone). Joining or leaving a VRF flushes a link's IPv6 addresses: they are
// added again after it (see flushed).
//
// # Deletion
//
// Removing a link makes the kernel wait for RCU, some 30 ms each; links removed
// in one request share that wait. So links to remove are moved to the group
// Doomed and deleted by that group. What is found in it at the next start, after
// a kill in between, is deleted too.
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
	// Group is the link group (ip link: group) of every link of ours: "viad".
	Group = desired.LinkGroup
	// Doomed is the link group of links of ours that are about to be deleted.
	Doomed = desired.DoomedGroup
	// AddressProtocol is the protocol (ip address: proto) of addresses of ours,
	// on kernels that record one (5.18 and later).
	AddressProtocol = 183
)

// maxAttempts bounds how often a pass starts again because the kernel's state
// changed between reading and writing.
const maxAttempts = 3

// Options configure a Driver.
type Options struct {
	// Namespace to work in; nil is the process's own.
	Namespace *netns.NS
	// Reserved tells names that must never be touched; nil reserves none.
	Reserved func(name string) bool
}

// Driver implements driver.Driver for links, addresses, neighbours and ports.
type Driver struct {
	ns       *netns.NS
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
	d := &Driver{ns: o.Namespace, conn: conn, reserved: o.Reserved}
	if d.reserved == nil {
		d.reserved = func(string) bool { return false }
	}
	return d, nil
}

// Name implements driver.Driver.
func (*Driver) Name() string { return "link" }

// Close closes the connection to the kernel. Nothing that was made is removed.
func (d *Driver) Close() error { return d.conn.Close() }

// Events implements driver.Eventful, for routes too: the kernel tells of both together.
func (d *Driver) Events(ctx context.Context) (<-chan struct{}, error) {
	return rtnl.Subscribe(ctx, d.ns)
}

// Joined returns the names of the interfaces that, after the last Reconcile,
// were joined to their bridge as a desired.Port asks; sorted.
func (d *Driver) Joined() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.joined)
}

// Reconcile implements driver.Driver. An error without an *ObjectError in its
// tree concerns the node as a whole: its state could not be read, or a link
// that nobody wants could not be removed.
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

// plan reads what stands and works out what to do. Each attempt numbers new
// links from another place, in case another program has taken the numbers.
func (d *Driver) plan(ctx context.Context, want *desired.Space, attempt int) (*plan, error) {
	st, err := d.read(ctx, want)
	if err != nil {
		return nil, fmt.Errorf("read the node's interfaces: %w", err)
	}
	w := choose(st, want, d.reserved)
	return makePlan(st, w, d.reserved, st.freeIndex(attempt, len(w.links))), nil
}

// execute carries a plan out. stale is set if it failed because the state it
// was made from is no longer the kernel's, so that another try makes sense.
func (d *Driver) execute(ctx context.Context, p *plan) (result driver.Result, stale bool, err error) {
	if len(p.steps) > 0 {
		msgs := make([]*rtnl.Message, len(p.steps))
		for i := range p.steps {
			msgs[i] = p.steps[i].encode()
		}
		before := d.conn.Writes()
		outcome := d.conn.Do(ctx, msgs)
		result.Writes = int(d.conn.Writes() - before)
		stale, err = p.settle(outcome)
	}
	result.Changes = p.done()
	d.mu.Lock()
	d.joined = p.joinedPorts()
	d.mu.Unlock()
	return result, stale, err
}

// settle notes which steps failed. Of several failures of one object only the
// first is told: the others follow from it.
func (p *plan) settle(outcome []error) (stale bool, err error) {
	var errs []error
	told := map[string]bool{}
	for i, e := range outcome {
		s := &p.steps[i]
		if e == nil || s.harmless(e) {
			continue
		}
		s.failed = true
		// A creation: the index or the name was taken meanwhile. ErrUnknown:
		// read again and see.
		taken := errors.Is(e, unix.EBUSY) || errors.Is(e, unix.EEXIST)
		if (s.op == opCreate && taken) || errors.Is(e, rtnl.ErrUnknown) {
			stale = true
		}
		if errors.Is(e, context.Canceled) || errors.Is(e, context.DeadlineExceeded) {
			// Not sent, and neither is the rest: nobody's fault.
			p.failFrom(i)
			return false, errors.Join(append(errs, fmt.Errorf("stopped before all was done: %w", e))...)
		}
		if told[s.owner] {
			continue
		}
		told[s.owner] = true
		err := s.explain(e)
		if s.owner != "" {
			err = &driver.ObjectError{Owner: s.owner, Err: err}
		}
		errs = append(errs, err)
	}
	return stale, errors.Join(errs...)
}

// failFrom notes that the steps from i on were not carried out.
func (p *plan) failFrom(i int) {
	for ; i < len(p.steps); i++ {
		p.steps[i].failed = true
	}
}

// done returns the changes of which no step failed.
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
