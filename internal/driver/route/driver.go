// Package route is the driver of unicast routes. It owns the routes whose
// protocol number (ip route: proto) is Protocol, in all tables, and no other.
// It is a last stage of the one-way flow and comes after the links.
package route

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/netns"
	"github.com/viaduct-sdn/viaduct/internal/rtnl"
)

// Protocol marks the routes of ours (rtnetlink(7), rtm_protocol).
const Protocol = 183

// Driver implements driver.Driver for routes.
type Driver struct{ conn *rtnl.Conn }

var _ driver.Driver = (*Driver)(nil)

// New opens the driver's connection to the kernel in the namespace; nil is the
// process's own.
func New(ns *netns.NS) (*Driver, error) {
	conn, err := rtnl.Open(ns)
	if err != nil {
		return nil, fmt.Errorf("route driver: %w", err)
	}
	return &Driver{conn: conn}, nil
}

// Name implements driver.Driver.
func (*Driver) Name() string { return "route" }

// Close closes the connection to the kernel; the routes stay.
func (d *Driver) Close() error { return d.conn.Close() }

// step is one request with what it serves.
type step struct {
	msg    *rtnl.Message
	change diff.Change
	remove bool
}

// Reconcile implements driver.Driver.
func (d *Driver) Reconcile(ctx context.Context, want *desired.Node, dryRun bool) (driver.Result, error) {
	have, err := d.conn.Routes(ctx, rtnl.RouteFilter{Protocol: Protocol})
	if err != nil {
		return driver.Result{}, fmt.Errorf("list the node's routes: %w", err)
	}
	if len(have) == 0 && len(want.Routes) == 0 {
		return driver.Result{}, nil
	}
	links, err := d.conn.Links(ctx)
	if err != nil {
		return driver.Result{}, fmt.Errorf("list the node's interfaces: %w", err)
	}
	steps, errs := plan(have, want.Routes, links)
	result := driver.Result{}
	if dryRun {
		for _, s := range steps {
			result.Changes = append(result.Changes, s.change)
		}
		result.Writes = len(steps)
		return result, errors.Join(errs...)
	}
	msgs := make([]*rtnl.Message, len(steps))
	for i, s := range steps {
		msgs[i] = s.msg
	}
	result.Writes = len(msgs)
	for i, err := range d.conn.Do(ctx, msgs) {
		if err := steps[i].judge(err); err != nil {
			errs = append(errs, err)
			continue
		}
		result.Changes = append(result.Changes, steps[i].change)
	}
	return result, errors.Join(errs...)
}

// plan compares the routes of ours with those wanted; it is pure. Routes are
// added before others are deleted.
func plan(have []rtnl.Route, want []desired.Route, links []rtnl.Link) (steps []step, errs []error) {
	names, indexes := map[int]string{}, map[string]int{}
	for _, l := range links {
		names[l.Index], indexes[l.Name] = l.Name, l.Index
	}
	old := make([]diff.Item[rtnl.Route], len(have))
	for i, r := range have {
		e := diff.RouteEntry(desired.Route{Dst: r.Dst, Link: names[r.Index], Via: r.Gateway, Table: r.Table})
		e.Unowned = true
		old[i] = diff.Item[rtnl.Route]{Entry: e, Value: r}
	}
	var wanted []diff.Item[desired.Route]
	for _, r := range want {
		e := diff.RouteEntry(r)
		if r.Link != "" && indexes[r.Link] == 0 {
			errs = append(errs, &driver.ObjectError{Owner: r.Owner, Err: fmt.Errorf(
				"route %s: interface %s is not on this node; the route is made as soon as it is", r.Dst, r.Link)})
			continue
		}
		wanted = append(wanted, diff.Item[desired.Route]{Entry: leaveOpen(e, r, old), Value: r})
	}
	var deletions []step
	diff.Each(diff.TypeRoute, old, wanted, func(c diff.Change, a *rtnl.Route, w *desired.Route) {
		if w == nil {
			deletions = append(deletions, step{msg: rtnl.DeleteRoute(*a), change: c, remove: true})
			return
		}
		r := rtnl.Route{Dst: w.Dst, Index: indexes[w.Link], Gateway: w.Via, Table: cmp.Or(w.Table, unix.RT_TABLE_MAIN), Protocol: Protocol}
		steps = append(steps, step{msg: rtnl.AddRoute(r, a != nil), change: c})
	})
	return append(steps, deletions...), errs
}

// leaveOpen takes the interface as it is if the wanted route leaves it to the
// kernel, which finds it by the next hop.
func leaveOpen(e diff.Entry, r desired.Route, old []diff.Item[rtnl.Route]) diff.Entry {
	if r.Link != "" {
		return e
	}
	for _, o := range old {
		if o.Key != e.Key {
			continue
		}
		for i, p := range o.Props {
			if p.Name == "dev" {
				e.Props[i].Value = p.Value
			}
		}
	}
	return e
}

// judge turns the outcome of a request into an error in the operator's words.
func (s *step) judge(err error) error {
	name := s.change.Name
	switch {
	case err == nil, s.remove && (errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENODEV)):
		return nil
	case s.remove:
		return fmt.Errorf("the kernel refused to remove route %s: %w", name, err)
	case errors.Is(err, unix.EEXIST):
		err = &driver.Conflict{Thing: "route " + name}
	case errors.Is(err, unix.ENETUNREACH):
		err = fmt.Errorf("the kernel refused to add route %s: %w; its next hop is in no network of this node: check the subnet's gateway", name, err)
	default:
		err = fmt.Errorf("the kernel refused to add route %s: %w", name, err)
	}
	return &driver.ObjectError{Owner: s.change.Owner, Err: err}
}
