// Package space maintains the named spaces of a node: network namespaces owned by Viaduct, each
// with drivers that work in it.
//
// Viaduct owns a namespace if the loopback interface in it has the alias that the driver
// sets when it makes the namespace. An owned one with a name of package naming that is
// unwanted is removed, with everything in it. Others are never touched, whatever their name.
package space

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
	"github.com/viaduct-sdn/viaduct/internal/naming"
	"golang.org/x/sys/unix"
)

// Options configure a Driver.
type Options struct {
	// Dir is the directory of the namespaces' names.
	Dir netns.Dir
	// Drivers creates the drivers of a space, in the order in which they run. With an error
	// it leaves nothing open.
	Drivers func(ns *netns.NS, space string) ([]driver.Driver, error)
	// Records lists the spaces of which the drivers keep records, Forget removes those of
	// one. Both are nil if there are none.
	Records func() ([]string, error)
	Forget  func(space string) error
}

// Driver reconciles the named spaces of a node. Its methods must not be called concurrently.
type Driver struct {
	o    Options
	open map[string]*opened // by name of the space
	// listen makes Events report changes in a space.
	listen func(*opened) error
	// reviews is how many settled spaces the present pass may still read.
	reviews int
}

// opened is a space with its drivers.
type opened struct {
	ns      *netns.NS
	drivers []driver.Driver
	stop    context.CancelFunc // ends listening
	settled settled
}

// New returns a driver.
func New(o Options) *Driver {
	return &Driver{o: o, open: map[string]*opened{}, listen: func(*opened) error { return nil }}
}

// Name names the driver in status and logs.
func (*Driver) Name() string { return "space" }

// Close releases all spaces; their content stays.
func (d *Driver) Close() error {
	var errs []error
	for name := range d.open {
		errs = append(errs, d.release(name))
	}
	return errors.Join(errs...)
}

// Events implements driver.Eventful for the content of the spaces. It is called before the
// first Reconcile.
func (d *Driver) Events(ctx context.Context) (<-chan struct{}, error) {
	merged := driver.NewEvents()
	d.listen = func(in *opened) error {
		inside, stop := context.WithCancel(ctx)
		in.stop = stop
		for _, x := range in.drivers {
			e, ok := x.(driver.Eventful)
			if !ok {
				continue
			}
			source, err := e.Events(inside)
			if err != nil {
				return err
			}
			merged.Add(in.settled.listen(source))
		}
		in.settled.heard = true
		return nil
	}
	context.AfterFunc(ctx, merged.End)
	return merged.C(), nil
}

// Reconcile brings the node's named spaces into the wanted state: see driver.Driver. A failing
// space does not keep others from being applied.
func (d *Driver) Reconcile(ctx context.Context, node *desired.Node, dryRun bool) (driver.Result, error) {
	var total driver.Result
	have, err := d.existing(ctx)
	if err != nil {
		return total, err
	}
	var errs []error
	d.reviews = maxReviews
	keep := map[string]bool{} // the records of these
	for i := range node.Spaces {
		s := &node.Spaces[i]
		keep[s.Name] = true
		r, err := d.space(ctx, s, have[s.Name], dryRun)
		total.Changes = append(total.Changes, r.Changes...)
		total.Writes += r.Writes
		if err != nil {
			errs = append(errs, fmt.Errorf("space %s: %w", s.Name, err))
		}
		delete(have, s.Name)
		if ctx.Err() != nil { // the remaining ones are not known to be unwanted
			return total, errors.Join(errs...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if have[name] == foreign {
			continue
		}
		if !dryRun {
			if err := errors.Join(d.release(name), d.o.Dir.Delete(naming.Namespace(name))); err != nil {
				errs = append(errs, err)
				keep[name] = true
				continue
			}
		}
		total.Changes = append(total.Changes, diff.Change{Action: diff.Delete, Type: desired.TypeSpace, Name: name})
		total.Writes++
	}
	if !dryRun {
		errs = append(errs, d.forget(keep))
	}
	return total, errors.Join(errs...)
}

// forget removes the records of all spaces but some: also of those whose namespace ended
// with the machine.
func (d *Driver) forget(keep map[string]bool) error {
	if d.o.Records == nil {
		return nil
	}
	known, err := d.o.Records()
	if err != nil {
		return fmt.Errorf("list the records of spaces: %w", err)
	}
	var errs []error
	for _, name := range known {
		if !keep[name] {
			errs = append(errs, d.o.Forget(name))
		}
	}
	return errors.Join(errs...)
}

// standing is what a name of a space stands for.
type standing int

const (
	absent   standing = iota
	leftover          // a name without a namespace, which a kill leaves behind
	owned
	foreign // a namespace that Viaduct did not make
)

// existing returns the spaces that have a name.
func (d *Driver) existing(ctx context.Context) (map[string]standing, error) {
	names, err := d.o.Dir.List()
	if err != nil {
		return nil, err
	}
	out := map[string]standing{}
	for _, n := range names {
		if space, ok := naming.Space(n); ok {
			if out[space], err = d.standing(ctx, space, n); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// standing tells what a name stands for.
func (d *Driver) standing(ctx context.Context, space, name string) (standing, error) {
	ns, err := d.o.Dir.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return leftover, nil
	}
	if err != nil {
		return absent, err
	}
	defer ns.Close()
	if in := d.open[space]; in != nil {
		if same, err := in.ns.Same(ns); err == nil && same {
			return owned, nil
		}
	}
	conn, err := rtnl.Open(ns)
	if err != nil {
		return absent, err
	}
	defer conn.Close()
	links, err := conn.Links(ctx)
	if err != nil {
		return absent, fmt.Errorf("read the owner of network namespace %s: %w", name, err)
	}
	if slices.ContainsFunc(links, func(l rtnl.Link) bool { return l.Index == loopback && l.Alias == ownerAlias }) {
		return owned, nil
	}
	return foreign, nil
}

// ownerAlias is the alias of the loopback interface in every namespace that Viaduct makes.
const ownerAlias = "viaduct"

// loopback is the index of the loopback interface in every namespace.
const loopback = 1

// markOwned sets the alias in the namespace of the present thread.
func markOwned() error {
	conn, err := rtnl.Open(nil)
	if err != nil {
		return err
	}
	m := rtnl.NewMessage(unix.RTM_SETLINK, 0, rtnl.IfInfo(unix.AF_UNSPEC, loopback, true)).String(unix.IFLA_IFALIAS, ownerAlias)
	return errors.Join(conn.Do(context.Background(), []*rtnl.Message{m})[0], conn.Close())
}

// space brings one space into the wanted state.
func (d *Driver) space(ctx context.Context, s *desired.NamedSpace, is standing, dryRun bool) (driver.Result, error) {
	var result driver.Result
	if is == foreign {
		return result, &driver.ObjectError{Owner: s.Owner, Err: desired.NamespaceInTheWay(naming.Namespace(s.Name))}
	}
	ns, err := d.o.Dir.Open(naming.Namespace(s.Name))
	switch {
	case err == nil:
	case !errors.Is(err, fs.ErrNotExist):
		return result, err
	case dryRun:
		result.Changes = diff.Nodes(nil, &desired.Node{Spaces: []desired.NamedSpace{*s}})
		result.Writes = len(result.Changes)
		return result, nil
	default:
		if ns, err = d.make(s.Name, is); err != nil {
			return result, &driver.ObjectError{Owner: s.Owner, Err: err}
		}
		result.Changes = append(result.Changes, diff.Change{Action: diff.Create, Type: desired.TypeSpace, Name: s.Name, Owner: s.Owner})
		result.Writes++
	}
	in, err := d.enter(s.Name, ns)
	if err != nil {
		return result, err
	}
	if !dryRun && in.settled.holds(&s.Space, time.Now(), &d.reviews) {
		return result, nil
	}
	in.settled.begin(dryRun)
	r, err := driver.Run(ctx, in.drivers, &s.Space, dryRun)
	if err == nil && !dryRun {
		in.settled.end(&s.Space, time.Now())
	}
	for _, c := range r.Changes {
		c.Space = s.Name
		result.Changes = append(result.Changes, c)
	}
	result.Writes += r.Writes
	return result, err
}

// make creates the namespace of a space. A name without a namespace is left behind by a kill.
func (d *Driver) make(space string, is standing) (*netns.NS, error) {
	name := naming.Namespace(space)
	if is == leftover {
		if err := d.o.Dir.Delete(name); err != nil {
			return nil, err
		}
	}
	if err := d.o.Dir.Make(name, markOwned); err != nil {
		return nil, err
	}
	return d.o.Dir.Open(name)
}

// enter returns the drivers of a space; it creates them unless they work in this
// very namespace already. It owns the handle from then on.
func (d *Driver) enter(space string, ns *netns.NS) (*opened, error) {
	if in := d.open[space]; in != nil {
		same, err := in.ns.Same(ns)
		if err == nil && same {
			return in, ns.Close()
		}
		if err := errors.Join(err, d.release(space)); err != nil {
			return nil, errors.Join(err, ns.Close())
		}
	}
	drivers, err := d.o.Drivers(ns, space)
	if err != nil {
		return nil, errors.Join(err, ns.Close())
	}
	in := &opened{ns: ns, drivers: drivers, stop: func() {}}
	d.open[space] = in
	if err := d.listen(in); err != nil { // the next pass tries again
		return nil, errors.Join(err, d.release(space))
	}
	return in, nil
}

// release closes the drivers of a space and its handle.
func (d *Driver) release(space string) error {
	in := d.open[space]
	if in == nil {
		return nil
	}
	delete(d.open, space)
	in.stop()
	var errs []error
	for _, x := range in.drivers {
		if c, ok := x.(interface{ Close() error }); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(append(errs, in.ns.Close())...)
}
