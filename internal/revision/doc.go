// Package revision keeps the configuration: pending edits, the running revision, every
// past revision, and live objects: guests, and others that take effect at once. It is
// between the interfaces, which edit, and the long polls, which deliver.
//
// # What is stored
//
//	config/running           {revision, seq}: the running revision, and the last
//	                         sequence number used before it
//	config/pending/<seq>     one record per edit call: when, who, and its edits
//	revision/<n>             one document: the whole configuration, who, when, why
//	history/<n>              the same without the configuration, for lists
//	config/live              {time, author}: changes with every live object
//	config/live/<kind>/<id>  one live object
//
// Pending is an append-only log on top of the running revision. An edit appends one record
// in one transaction, on condition that the next sequence number is free and that running
// is unchanged: so it is a compare-and-swap regardless of its size, a batch is atomic, and
// of two servers only one wins. Sequence numbers are never used twice. An apply writes the
// next revision and removes the log in one transaction, on condition that no further
// record was appended. Numbers in keys have 16 digits, so that keys sort as numbers.
//
// # Scale
//
// The cost of an edit depends on its changes and the objects that they affect, not on the
// size of the configuration. Calls are computed on a draft of the pending configuration,
// which is changed in place and has an index; only a request for a view makes the next
// edit copy maps. Calls that arrive while others are being stored wait, and are stored
// together in one transaction, each with its own record and outcome: see group.go.
//
// # Consistency
//
// Every method with a context reads changes from the store, so its results and errors are
// up to date even with several servers. An edit that is stored need not read: the
// conditions of its transaction are the check. Latest does not read: it is for long polls,
// and is kept current by Run.
package revision
