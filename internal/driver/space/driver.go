// Package space maintains the named spaces of a node: network namespaces owned by Viaduct, each
// with drivers that work in it.
//
// Viaduct owns a namespace by its name (package naming): an unwanted one is removed, with
// everything in it. Others are never touched.
package space

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// Options configure a Driver.
type Options struct {
	// Dir is the directory of the namespaces' names.
	Dir netns.Dir
	// Drivers creates the drivers of a space, in the order in which they run.
	Drivers func(ns *netns.NS, space string) ([]driver.Driver, error)
	// Forget removes the drivers' records of a removed space; nil for nothing.
	Forget func(space string) error
}

// Driver reconciles the named spaces of a node. Its methods must not be called concurrently.
type Driver struct {
	o    Options
	open map[string]*opened // by name of the space
	// listen makes Events report changes in a space.
	listen func(*opened) error
}

// opened is a space with its drivers.
type opened struct {
	ns      *netns.NS
	drivers []driver.Driver
	stop    context.CancelFunc // ends listening
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
	events := make(chan struct{}, 1)
	var open sync.WaitGroup
	d.listen = func(in *opened) error {
		inside, stop := context.WithCancel(ctx)
		in.stop = stop
		for _, x := range in.drivers {
			e, ok := x.(driver.Eventful)
			if !ok || ctx.Err() != nil {
				continue
			}
			source, err := e.Events(inside)
			if err != nil {
				return err
			}
			open.Go(func() {
				for range source {
					select {
					case events <- struct{}{}:
					default: // a wake-up is pending already
					}
				}
			})
		}
		return nil
	}
	open.Go(func() { <-ctx.Done() })
	go func() {
		open.Wait()
		close(events)
	}()
	return events, nil
}

// Reconcile brings the node's named spaces into the wanted state: see driver.Driver. A failing
// space does not keep others from being applied.
func (d *Driver) Reconcile(ctx context.Context, want []desired.NamedSpace, dryRun bool) (driver.Result, error) {
	var total driver.Result
	have, err := d.existing()
	if err != nil {
		return total, err
	}
	var errs []error
	for i := range want {
		s := &want[i]
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
		if !dryRun {
			if err := d.remove(name); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		total.Changes = append(total.Changes, diff.Change{Action: diff.Delete, Type: desired.TypeSpace, Name: name})
		total.Writes++
	}
	return total, errors.Join(errs...)
}

// existing returns the spaces that have a name.
func (d *Driver) existing() (map[string]bool, error) {
	names, err := d.o.Dir.List()
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, n := range names {
		if space, owned := naming.Space(n); owned {
			out[space] = true
		}
	}
	return out, nil
}

// space brings one space into the wanted state.
func (d *Driver) space(ctx context.Context, s *desired.NamedSpace, named, dryRun bool) (driver.Result, error) {
	var result driver.Result
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
		if ns, err = d.make(s.Name, named); err != nil {
			return result, &driver.ObjectError{Owner: s.Owner, Err: err}
		}
		result.Changes = append(result.Changes, diff.Change{Action: diff.Create, Type: desired.TypeSpace, Name: s.Name, Owner: s.Owner})
		result.Writes++
	}
	in, err := d.enter(s.Name, ns)
	if err != nil {
		return result, err
	}
	r, err := driver.Run(ctx, in.drivers, &s.Space, dryRun)
	for _, c := range r.Changes {
		c.Space = s.Name
		result.Changes = append(result.Changes, c)
	}
	result.Writes += r.Writes
	return result, err
}

// make creates the namespace of a space. A name without a namespace is left behind by a kill.
func (d *Driver) make(space string, named bool) (*netns.NS, error) {
	name := naming.Namespace(space)
	if named {
		if err := d.o.Dir.Delete(name); err != nil {
			return nil, err
		}
	}
	if err := d.o.Dir.Make(name); err != nil {
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
	return in, d.listen(in)
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

// remove removes an unwanted space.
func (d *Driver) remove(space string) error {
	err := errors.Join(d.release(space), d.o.Dir.Delete(naming.Namespace(space)))
	if d.o.Forget != nil {
		if failed := d.o.Forget(space); !errors.Is(failed, os.ErrNotExist) {
			err = errors.Join(err, failed)
		}
	}
	return err
}
