// Package ovs is the driver of ports of Open vSwitch bridges: the uplinks of
// networks in a zone on such a bridge; and of bridges next to it, where the kernel
// has no VLAN-aware one. It is a last stage of the one-way flow and runs before the
// link driver, which joins the new interfaces to owned bridges.
//
// It uses Open vSwitch's database (RFC 7047, ovs-vswitchd.conf.db(5)) with a small
// client of its own. The maintained library for that, libovsdb, uses reflection on
// models, validates them and keeps a copy of every row in memory, at the cost of
// two dozen packages and 11 MB; this driver needs only four queries and one
// transaction, and keeps nothing between passes.
//
// # Ownership
//
// Viaduct owns a port or bridge if its external_ids contain viaduct=1, which the transaction
// that creates it sets. All others, and their settings, are never changed, except for the
// switch's other_config:vlan-limit, without which no port can carry VLANs inside another. It is
// raised and never lowered again: the operator's ports may have come to rely on it, which
// cannot be detected, and other ports are not affected.
//
// # Concurrency
//
// All changes of a pass are one transaction, which fails if the rows it touches
// have changed since they were read; then the pass restarts.
package ovs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
)

// DefaultSocket is where Open vSwitch's database listens.
const DefaultSocket = "/var/run/openvswitch/db.sock"

// maxAttempts bounds how often a pass restarts because the database changed between
// reading and writing.
const maxAttempts = 3

// The time limits for the database and for ovs-vswitchd.
const (
	databaseTimeout = 10 * time.Second
	switchTimeout   = 5 * time.Second
)

// Options configure a Driver.
type Options struct {
	// Socket is the path of the database's socket; empty means DefaultSocket.
	Socket string
	// SwitchTimeout bounds the wait for ovs-vswitchd to carry a change out; 0 means
	// 5 s.
	SwitchTimeout time.Duration
}

// Driver implements driver.Driver for desired.OVSPort and OVSBridge. It keeps no connection.
type Driver struct {
	socket string
	wait   time.Duration
}

var _ driver.Driver = (*Driver)(nil)

// New returns a driver. Open vSwitch need not be installed.
func New(o Options) *Driver {
	d := &Driver{socket: o.Socket, wait: o.SwitchTimeout}
	if d.socket == "" {
		d.socket = DefaultSocket
	}
	if d.wait == 0 {
		d.wait = switchTimeout
	}
	return d
}

// Name implements driver.Driver.
func (*Driver) Name() string { return "ovs" }

// absent reports whether an error of dial means that Open vSwitch does not run on
// this node.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED)
}

// Reconcile implements driver.Driver. Without Open vSwitch there is nothing to do,
// unless ports are wanted. Ports that Open vSwitch failed to create are errors of
// their objects, with Open vSwitch's message, in every pass.
func (d *Driver) Reconcile(ctx context.Context, want *desired.Space, dryRun bool) (driver.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	c, err := dial(ctx, d.socket)
	switch {
	case err == nil:
		defer c.close()
	case absent(err) && len(want.OVSPorts)+len(want.OVSBridges) == 0:
		return driver.Result{}, nil
	case absent(err):
		return driver.Result{}, missingError(want.OVSPorts)
	default:
		return driver.Result{}, fmt.Errorf("reach Open vSwitch's database: %w", err)
	}
	for attempt := 1; ; attempt++ {
		result, err := d.pass(ctx, c, want, dryRun)
		if !errors.Is(err, errChanged) || attempt == maxAttempts {
			return result, err
		}
	}
}

// missingError returns the error of every port when Open vSwitch does not run.
func missingError(want []desired.OVSPort) error {
	var errs []error
	reported := map[string]bool{}
	for _, w := range want {
		if reported[w.Owner] {
			continue
		}
		reported[w.Owner] = true
		errs = append(errs, &driver.ObjectError{Owner: w.Owner, Err: msgOVSNotInstalled.Failure(w.Name, w.Bridge)})
	}
	return errors.Join(errs...)
}

// pass reads, plans and, unless dryRun is set, carries the plan out.
func (d *Driver) pass(ctx context.Context, c *client, want *desired.Space, dryRun bool) (driver.Result, error) {
	st, err := read(ctx, c)
	if err != nil {
		return driver.Result{}, err
	}
	p := makePlan(st, want)
	result := driver.Result{Changes: p.changes, Writes: p.writes()}
	if dryRun || len(p.ops) == 0 {
		return result, errors.Join(append(p.errs, unrealized(st, p)...)...)
	}
	next := operation{"op": "select", "table": database, "where": byID(st.root), "columns": []string{"next_cfg"}}
	results, err := c.transact(ctx, slices.Concat(p.waits, p.ops, []operation{next}))
	if err != nil {
		return driver.Result{}, errors.Join(append(p.errs, err)...)
	}
	var config int64
	if rows := results[len(results)-1].Rows; len(rows) == 1 {
		config, _ = number(rows[0]["next_cfg"])
	}
	late := d.await(ctx, config)
	if st, err = read(ctx, c); err != nil {
		return result, errors.Join(append(p.errs, err)...)
	}
	found := unrealized(st, p)
	if late != nil && len(found) == 0 {
		found = append(found, late)
	}
	return result, errors.Join(append(p.errs, found...)...)
}

// writes counts the operations that change the database.
func (p *plan) writes() int {
	n := 0
	for _, op := range p.ops {
		if op.changes() {
			n++
		}
	}
	return n
}

// unrealized returns errors for the wanted bridges and ports that exist in the
// database, but not as interfaces.
func unrealized(st *state, p *plan) []error {
	var errs []error
	for _, w := range p.wantedBridges {
		// A bridge's own interface has the bridge's name.
		if a := st.ports[w.Name]; a != nil && len(a.interfaces) == 1 && a.interfaces[0].err != "" {
			errs = append(errs, &driver.ObjectError{Owner: w.Owner, Err: msgOVSBridgeFailed.Failure(w.Name, strings.TrimSpace(a.interfaces[0].err))}) //nolint:staticcheck // a name
		}
	}
	for _, w := range p.wanted {
		a := st.ports[w.Name]
		if a == nil || !a.owned() {
			continue // about to be created
		}
		var err error
		switch i := a.interfaces[0]; {
		case i.err != "":
			err = msgOVSPortFailed.Failure(w.Name, w.Bridge, strings.TrimSpace(i.err)) //nolint:staticcheck // a name
		case !i.made:
			err = msgOVSPortPending.Failure(w.Name, w.Bridge) //nolint:staticcheck // a name
		default:
			continue
		}
		errs = append(errs, &driver.ObjectError{Owner: w.Owner, Err: err})
	}
	return errs
}

// await waits until ovs-vswitchd has carried out everything up to a number of
// next_cfg, which it reports in cur_cfg.
func (d *Driver) await(ctx context.Context, config int64) error {
	ctx, cancel := context.WithTimeout(ctx, d.wait)
	defer cancel()
	// A separate connection, because the wait may end in the middle of a message.
	m, err := dial(ctx, d.socket)
	if err != nil {
		return fmt.Errorf("wait for Open vSwitch: %w", err)
	}
	defer m.close()
	var first tableUpdates
	request := map[string]any{database: map[string]any{"columns": []string{"cur_cfg"}}}
	if err := m.call(ctx, "monitor", []any{database, nil, request}, &first, nil); err != nil {
		return d.timeoutError(err)
	}
	for updates := first; ; {
		if updates.reached(config) {
			return nil
		}
		msg, err := m.next(ctx)
		if err != nil {
			return d.timeoutError(err)
		}
		if updates, err = decodeUpdate(msg); err != nil {
			return d.timeoutError(err)
		}
	}
}

// timeoutError returns the error for an ovs-vswitchd that does not follow.
func (d *Driver) timeoutError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the change is in Open vSwitch's database, but ovs-vswitchd has not carried it out within %s: "+
			"see whether it runs (systemctl status openvswitch-switch)", d.wait)
	}
	return fmt.Errorf("wait for Open vSwitch: %w", err)
}
