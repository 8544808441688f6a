// Package driver defines the interface of drivers. Each driver, in a package of its
// own below this one, owns one kind of actual state on a node: it is the last stage
// of the one-way flow and the only one that touches the system.
package driver

import (
	"context"
	"errors"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
)

// Driver reconciles one kind of state of one network namespace, the host's or a named space's,
// with the desired state.
type Driver interface {
	// Name names the driver in status and logs: "link".
	Name() string
	// Reconcile reads the actual state, computes the difference to want and, unless
	// dryRun is set, removes it, adding before deleting. It is idempotent: with
	// nothing to change it writes nothing. A failed object does not keep others
	// from being applied: applied changes are in Result, failures in the returned
	// error, with an *ObjectError in its tree for every failed object.
	Reconcile(ctx context.Context, want *desired.Space, dryRun bool) (Result, error)
}

// Result is the work of one reconciliation, with dryRun the work it would do.
type Result struct {
	// Changes are the differences that were removed.
	Changes []diff.Change
	// Writes counts the requests that changed, or would change, the system.
	Writes int
}

// Service is a process that a driver keeps running.
type Service struct {
	Name string
	// Owner is the object that it serves; empty if it serves several.
	Owner string
	// PID is 0 if it does not run.
	PID int
}

// ObjectError is a failure that belongs to one declared object.
type ObjectError struct {
	// Owner is the object: "vnet/vnet1".
	Owner string
	// Err states what happened, what it means and what to do.
	Err error
}

// Error implements error.
func (e *ObjectError) Error() string { return e.Owner + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *ObjectError) Unwrap() error { return e.Err }

// Conflict is the error of an object that cannot be created because something that
// Viaduct does not own has its name.
type Conflict = desired.Conflict

// NodeErrors collects the errors in the error tree of err that belong to no object:
// those that concern the node as a whole.
func NodeErrors(err error) []error {
	if err == nil {
		return nil
	}
	if _, ok := err.(*ObjectError); ok { //nolint:errorlint // the tree is walked by hand
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, sub := range joined.Unwrap() {
			out = append(out, NodeErrors(sub)...)
		}
		return out
	}
	if len(ObjectErrors(err)) == 0 {
		return []error{err}
	}
	return NodeErrors(errors.Unwrap(err))
}

// ObjectErrors collects every *ObjectError in the error tree of err.
func ObjectErrors(err error) []*ObjectError {
	var out []*ObjectError
	var walk func(error)
	walk = func(err error) {
		switch e := err.(type) { //nolint:errorlint // the tree is walked by hand
		case nil:
		case *ObjectError:
			out = append(out, e)
		case interface{ Unwrap() []error }:
			for _, sub := range e.Unwrap() {
				walk(sub)
			}
		default:
			walk(errors.Unwrap(err))
		}
	}
	walk(err)
	return out
}
