// Package revision keeps the configuration: what is pending, what runs, every
// revision there ever was, and what is live: guests, and what else takes effect at once. It stands between the interfaces,
// which edit, and the long polls, which deliver.
//
// # What is stored
//
//	config/running           {revision, seq}: the revision that runs, and the last
//	                         sequence number used before it
//	config/pending/<seq>     one record per edit call: when, who, and its edits
//	revision/<n>             one document: the whole configuration, who, when, why
//	history/<n>              the same without the configuration, for lists
//	config/live              {time, author}: changes with every live object
//	config/live/<kind>/<id>  one live object
//
// Pending is an append-only log on top of the running revision. An edit appends
// one record in one transaction, on condition that the next sequence number is
// free and that running is unchanged: so it is a compare-and-swap whatever its
// size, a batch is atomic, and of two servers only one wins. Sequence numbers
// are never used twice. An apply writes the next revision and removes the log
// in one transaction, on condition that no further record was appended.
// Numbers in keys have 16 digits, so that keys sort as numbers.
//
// # Scale
//
// An edit costs what it changes and what that concerns, not what there is. Calls are
// worked out on a draft of the pending configuration, which is changed in place and
// has an index beside it; only whoever asks for a view makes the next edit copy maps.
// Calls that come while others are being stored wait, and go together in one
// transaction, each with its own record and outcome: see group.go.
//
// # Consistency
//
// Every method that takes a context asks the store whether anything is new, so what
// it returns and refuses is up to date even with several servers. An edit that is
// stored need not ask: the conditions of its transaction tell.
// Latest does not ask: it is for long polls, and is kept current by Run.
package revision
