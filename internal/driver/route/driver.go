// Package route is the driver of unicast and unreachable routes, and of the rules that select
// the lookup table for packets with a mark. It owns the routes and rules with the protocol
// number Protocol (ip route, ip rule: proto), in all tables, and no other. It is a last stage
// of the one-way flow and runs after the links.
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
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

// Protocol marks the routes that Viaduct owns (rtnetlink(7), rtm_protocol).
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

// step is one request with its change.
type step struct {
	msg    *rtnl.Message
	change diff.Change
	remove bool
}

// Reconcile implements driver.Driver.
func (d *Driver) Reconcile(ctx context.Context, want *desired.Space, dryRun bool) (driver.Result, error) {
	steps, errs, err := d.steps(ctx, want)
	if err != nil {
		return driver.Result{}, err
	}
	result := driver.Result{Writes: len(steps)}
	if dryRun {
		for _, s := range steps {
			result.Changes = append(result.Changes, s.change)
		}
		return result, errors.Join(errs...)
	}
	msgs := make([]*rtnl.Message, len(steps))
	for i, s := range steps {
		msgs[i] = s.msg
	}
	for i, err := range d.conn.Do(ctx, msgs) {
		if err := steps[i].explain(err); err != nil {
			errs = append(errs, err)
			continue
		}
		result.Changes = append(result.Changes, steps[i].change)
	}
	return result, errors.Join(errs...)
}

// steps returns the requests that turn the kernel's state into the wanted one. Rules precede
// routes: without its rule, a packet is routed differently than declared.
func (d *Driver) steps(ctx context.Context, want *desired.Space) (steps []step, errs []error, err error) {
	rules, err := d.conn.Rules(ctx, Protocol)
	if err != nil {
		return nil, nil, fmt.Errorf("list the node's rules of policy routing: %w", err)
	}
	have, err := d.conn.Routes(ctx, rtnl.RouteFilter{Protocol: Protocol})
	if err != nil {
		return nil, nil, fmt.Errorf("list the node's routes: %w", err)
	}
	steps = planRules(rules, want.RouteRules)
	if len(have) == 0 && len(want.Routes) == 0 {
		return steps, nil, nil
	}
	links, err := d.conn.Links(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("list the node's interfaces: %w", err)
	}
	routes, errs := plan(have, want.Routes, links)
	return append(steps, routes...), errs, nil
}

// plan compares the owned routes with the wanted ones; it is pure. Routes are added
// before others are deleted.
func plan(have []rtnl.Route, want []desired.Route, links []rtnl.Link) (steps []step, errs []error) {
	names, indexes := map[int]string{}, map[string]int{}
	for _, l := range links {
		names[l.Index], indexes[l.Name] = l.Name, l.Index
	}
	old := make([]diff.Item[rtnl.Route], len(have))
	for i, r := range have {
		e := desired.RouteEntry(kernelMetric(describe(r, names)))
		e.Unowned = true
		old[i] = diff.Item[rtnl.Route]{Entry: e, Value: r}
	}
	var wanted []diff.Item[desired.Route]
	for _, r := range want {
		if r.Type != "" && r.Type != typeUnreachable {
			errs = append(errs, &driver.ObjectError{Owner: r.Owner, Err: fmt.Errorf("route %s: this release makes no routes of type %q", r.Dst, r.Type)})
			continue
		}
		e := desired.RouteEntry(kernelMetric(r))
		if r.Link != "" && indexes[r.Link] == 0 {
			errs = append(errs, &driver.ObjectError{Owner: r.Owner, Err: msgRouteInterfaceMissing.Failure(r.Dst, r.Link)})
			continue
		}
		wanted = append(wanted, diff.Item[desired.Route]{Entry: leaveOpen(e, r, old), Value: r})
	}
	var deletions []step
	diff.Each(desired.TypeRoute, old, wanted, func(c diff.Change, a *rtnl.Route, w *desired.Route) {
		if w == nil {
			deletions = append(deletions, step{msg: rtnl.DeleteRoute(*a), change: c, remove: true})
			return
		}
		r := rtnl.Route{Dst: w.Dst, Index: indexes[w.Link], Gateway: w.Via, Src: w.Src, Table: cmp.Or(w.Table, unix.RT_TABLE_MAIN),
			Protocol: Protocol, Metric: int(w.Metric), Type: unix.RTN_UNICAST}
		if w.Type == typeUnreachable {
			r.Type = unix.RTN_UNREACHABLE
		}
		steps = append(steps, step{msg: rtnl.AddRoute(r, a != nil), change: c})
	})
	return append(steps, deletions...), errs
}

// typeUnreachable is the desired.Route type of a route that rejects packets.
const typeUnreachable = "unreachable"

// describe converts a route to the form of the desired state.
func describe(r rtnl.Route, names map[int]string) desired.Route {
	d := desired.Route{Dst: r.Dst, Link: names[r.Index], Via: r.Gateway, Src: r.Src, Table: r.Table, Metric: uint32(r.Metric)}
	switch r.Type {
	case unix.RTN_UNICAST:
	case unix.RTN_UNREACHABLE:
		d.Type, d.Link = typeUnreachable, "" // the kernel reports lo for IPv6
	default:
		d.Type = fmt.Sprintf("number %d (rtnetlink(7), rtm_type)", r.Type)
	}
	return d
}

// ipv6Metric is the metric of an IPv6 route that was added without one
// (IP6_RT_PRIO_USER).
const ipv6Metric = 1024

// kernelMetric clears the metric of a route with the kernel's default.
func kernelMetric(r desired.Route) desired.Route {
	if r.Dst.Addr().Is6() && r.Metric == ipv6Metric {
		r.Metric = 0
	}
	return r
}

// leaveOpen adopts the actual interface if the wanted route leaves it to the
// kernel, which finds it by the next hop.
func leaveOpen(e desired.Entry, r desired.Route, old []diff.Item[rtnl.Route]) desired.Entry {
	if r.Link != "" || r.Type != "" {
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

// explain converts the result of a request to an error for the operator.
func (s *step) explain(err error) error {
	name := s.change.Name
	switch {
	case err == nil, s.remove && (errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOENT)):
		return nil
	case s.remove:
		return msgRouteRemovalRefused.Failure(s.change.Type, name, err)
	case s.change.Type == desired.TypeRouteRule:
		err = msgRouteRuleRefused.Failure(name, err)
	case errors.Is(err, unix.EEXIST):
		err = &driver.Conflict{Thing: "route " + name}
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH):
		err = msgRouteNextHopUnreachable.Failure(name, err)
	case errors.Is(err, unix.ENETDOWN):
		err = msgRouteInterfaceDown.Failure(name, err)
	default:
		err = msgRouteRefused.Failure(name, err)
	}
	return &driver.ObjectError{Owner: s.change.Owner, Err: err}
}
