// Package store defines the storage that Viaduct needs: an ordered, watchable key-value
// store in which every write is a compare-and-swap.
//
// Three implementations exist: an etcd embedded in the server, an external etcd cluster
// (both in store/etcd, which share all code except the start), and memory (store/mem, for
// tests). All pass the suite in store/conformance.
package store

import (
	"context"
	"errors"
)

// Errors of every implementation, to be tested with errors.Is.
var (
	// ErrNotFound: the key does not exist.
	ErrNotFound = errors.New("key not found")
	// ErrConflict: a condition of a transaction did not hold; nothing was written.
	ErrConflict = errors.New("the store changed meanwhile")
	// ErrCompacted: a watch requested revisions that are no longer kept; list again and
	// watch from there.
	ErrCompacted = errors.New("the revision asked for is no longer kept")
	// ErrNoSpace: the store cannot grow; nothing was written.
	ErrNoSpace = errors.New("no space left in the store")
	// ErrTooLarge: the transaction is larger than the store accepts.
	ErrTooLarge = errors.New("the transaction is too large")
	// ErrUnavailable: the store does not answer; it is unknown whether the write happened.
	ErrUnavailable = errors.New("the store is not available")
)

// Record is a key and its value.
type Record struct {
	Key   string
	Value []byte
	// Revision is the store's revision at which the record was last written.
	// Revisions grow with every transaction; 0 is never one.
	Revision int64
}

// Cond is a condition of a transaction: the record of Key was last written at Revision; 0
// requires that the key does not exist.
type Cond struct {
	Key      string
	Revision int64
}

// Op is one write of a transaction. With Delete set the key is removed; with Prefix too,
// every key that starts with Key is. Removing a missing key is no error.
type Op struct {
	Key    string
	Value  []byte
	Delete bool
	Prefix bool
}

// Put is an Op that writes a value.
func Put(key string, value []byte) Op { return Op{Key: key, Value: value} }

// Delete is an Op that removes a key.
func Delete(key string) Op { return Op{Key: key, Delete: true} }

// DeletePrefix is an Op that removes every key with the prefix.
func DeletePrefix(prefix string) Op { return Op{Key: prefix, Delete: true, Prefix: true} }

// Event is one write that a watch saw.
type Event struct {
	Record
	// Deleted is set when the key was removed; Value is then empty.
	Deleted bool
}

// Batch is the events of one transaction, or the error that ended the watch.
type Batch struct {
	Events []Event
	// Revision is the store's revision after the transaction.
	Revision int64
	// Err is set on the last batch of a watch that failed.
	Err error
}

// Store keeps records. Its methods are safe for concurrent use.
type Store interface {
	// Get returns the record of a key, or ErrNotFound.
	Get(ctx context.Context, key string) (Record, error)
	// List returns the records with keys that start with the prefix and are not less than
	// from (which may be empty), sorted by key, as of one revision of the store, which is
	// returned too.
	List(ctx context.Context, prefix, from string) ([]Record, int64, error)
	// Txn writes all ops at once if all conditions hold, and returns the store's
	// new revision; otherwise it writes nothing and returns ErrConflict. No two
	// ops may touch the same key.
	Txn(ctx context.Context, conds []Cond, ops []Op) (int64, error)
	// Watch sends the transactions after the revision that touch the prefix,
	// oldest first, until ctx ends; then, or after an error, it closes the
	// channel.
	Watch(ctx context.Context, prefix string, after int64) <-chan Batch
	// Close releases everything. An embedded store stops.
	Close() error
}
