// Package nft is the driver of nftables (nft(8)): it owns the tables with a name
// that starts with Prefix, in every family, and no other.
//
// It is a last stage of the one-way flow. A table is changed in one transaction of
// the kernel, and only if it differs: as a whole, unless only elements of its sets
// change. nft itself is the interface, because its language is the only documented
// one; only elements of dynamic sets go to the kernel directly.
//
// # How a difference is found
//
// The kernel does not return a rule as it was written. So after each change the
// driver records nft's listing of the table, in memory and in a state file,
// together with the table it was made from. A later listing that differs is drift;
// a desired table that differs from the recorded one is a change. If the state file
// is lost, the tables are replaced once. The kernel counts the transactions on its
// rules; while the count is unchanged, nothing is listed.
//
// # Dynamic sets
//
// A set that is desired.Set.Dynamic may have a hundred thousand elements and one change, so nft
// neither reads nor lists them: they are sent to the kernel by netlink, as additions and
// removals. The kernel's elements are remembered for as long as the generation of its rules is
// unchanged, and dumped otherwise. The change names the generation that it was computed for,
// and the kernel refuses it at any other.
package nft

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
)

// Prefix starts the name of every owned table.
const Prefix = "viaduct"

// Options configure a Driver.
type Options struct {
	// Namespace is the namespace to work in; nil is the process's own.
	Namespace *netns.NS
	// StateFile records the applied tables across restarts. If it is empty, they
	// are kept in memory only.
	StateFile string
	// Command is the nft program; empty means "nft" on the path.
	Command string
}

// Driver implements driver.Driver for nftables. Its methods must not be called
// concurrently.
type Driver struct {
	ns      *netns.NS
	command string
	state   *memory
	seen    seen
	// socket is a netlink socket to the kernel's nftables; nil before first use.
	socket *os.File
}

var (
	_ driver.Driver = (*Driver)(nil)
	_ driver.Guard  = (*Driver)(nil)
)

// New returns a driver. A state file that cannot be read counts as lost.
func New(o Options) *Driver {
	if o.Command == "" {
		o.Command = "nft"
	}
	return &Driver{ns: o.Namespace, command: o.Command, state: loadMemory(o.StateFile)}
}

// Name implements driver.Driver.
func (*Driver) Name() string { return "nft" }

// Close closes the socket to the kernel's nftables; the tables stay.
func (d *Driver) Close() error {
	if d.socket == nil {
		return nil
	}
	err := d.socket.Close()
	d.socket = nil
	return err
}

// Withhold implements driver.Guard: without the filter that isolates zones nothing may begin to
// route between them.
func (*Driver) Withhold(want *desired.Space) *desired.Space {
	unfiltered := *want
	unfiltered.Sysctls = nil
	return &unfiltered
}

// errMissing gives the remedy for a missing nft program.
var errMissing = msgNFTMissing.Failure()

// Reconcile implements driver.Driver. A rule that nft refuses is left out with all
// others of its owner; without an owner, the whole table is.
func (d *Driver) Reconcile(ctx context.Context, want *desired.Space, dryRun bool) (driver.Result, error) {
	var result driver.Result
	if _, err := exec.LookPath(d.command); err != nil {
		if len(want.Tables) == 0 && len(d.state.Tables) == 0 {
			return result, nil // neither wanted nor ever made
		}
		return result, errors.Join(missingErrors(want.Tables)...)
	}
	have, err := d.listings(ctx)
	if err != nil {
		return result, fmt.Errorf("list the node's nftables tables: %w", err)
	}
	var errs []error
	for _, t := range want.Tables {
		key := tableKey(t)
		if !strings.HasPrefix(t.Name, Prefix) {
			errs = append(errs, fmt.Errorf("table %s: only tables whose name starts with %q are Viaduct's", key, Prefix))
			continue
		}
		listing, exists := have[key]
		r, err := d.table(ctx, t, exists, listing, dryRun)
		result.Changes = append(result.Changes, r.Changes...)
		result.Writes += r.Writes
		errs = append(errs, err)
	}
	r, err := d.prune(ctx, want.Tables, have, dryRun)
	result.Changes = append(result.Changes, r.Changes...)
	result.Writes += r.Writes
	return result, errors.Join(append(errs, err)...)
}

// missingErrors returns the error for every object that has a rule, or for the
// node.
func missingErrors(tables []desired.Table) []error {
	var owners []string
	for _, t := range tables {
		for _, c := range t.Chains {
			for _, r := range c.Rules {
				if r.Owner != "" && !slices.Contains(owners, r.Owner) {
					owners = append(owners, r.Owner)
				}
			}
		}
	}
	if len(owners) == 0 {
		return []error{errMissing}
	}
	slices.Sort(owners)
	errs := make([]error, len(owners))
	for i, o := range owners {
		errs[i] = &driver.ObjectError{Owner: o, Err: errMissing}
	}
	return errs
}

// tableKey returns nft's name of a table: "inet viaduct".
func tableKey(t desired.Table) string { return t.Family + " " + t.Name }

// table brings one table, with its listing if it exists, into the wanted state. It
// is tried out first only for a dry run and when nft has refused it: a replacement
// is a transaction, and each try costs a process.
func (d *Driver) table(ctx context.Context, want desired.Table, exists bool, listing string, dryRun bool) (driver.Result, error) {
	full := want
	want = withoutElements(want)
	changes, same := d.compare(want, exists, listing)
	if same {
		return d.setElements(full, dryRun)
	}
	if !dryRun {
		result, err := d.change(ctx, full, exists, listing, changes)
		if r := (*refusal)(nil); !errors.As(err, &r) {
			return result, err
		}
	}
	usable, refused, err := d.check(ctx, want)
	if err != nil {
		return driver.Result{}, fmt.Errorf("table %s: %w", tableKey(want), err)
	}
	changes, same = d.compare(usable, exists, listing)
	switch {
	case same:
		result, err := d.setElements(full, dryRun)
		return result, errors.Join(append(refused, err)...)
	case dryRun:
		return driver.Result{Changes: changes, Writes: 1}, errors.Join(refused...)
	}
	usable.Sets = full.Sets
	result, err := d.replace(ctx, usable, changes)
	return result, errors.Join(append(refused, err)...)
}

// change updates a table with the smallest possible transaction.
func (d *Driver) change(ctx context.Context, full desired.Table, exists bool, listing string, changes []diff.Change) (driver.Result, error) {
	want := withoutElements(full)
	last, known := d.state.Tables[tableKey(want)]
	if !known || !exists || listing != last.Listing {
		return d.replace(ctx, full, changes)
	}
	if text, ok := renderElements(last.Table, want); ok {
		return d.apply(ctx, want, text, changes)
	}
	text, ok := renderRules(last.Table, want)
	if !ok {
		return d.replace(ctx, full, changes)
	}
	result, err := d.apply(ctx, want, text, changes)
	if err != nil {
		return result, err
	}
	more, err := d.setElements(full, false)
	result.Changes = append(result.Changes, more.Changes...)
	result.Writes += more.Writes
	return result, err
}

// replace recreates a table, with all of its elements.
func (d *Driver) replace(ctx context.Context, full desired.Table, changes []diff.Change) (driver.Result, error) {
	text, _ := render(full)
	result, err := d.apply(ctx, withoutElements(full), text, changes)
	if err == nil && isDynamic(full) {
		now := map[string][]string{}
		for _, s := range full.Sets {
			now[s.Name] = s.Elements
		}
		d.remember(tableKey(full), now)
	}
	return result, err
}

// apply applies the input for nft in one transaction, and records nft's listing of
// the table.
func (d *Driver) apply(ctx context.Context, t desired.Table, text string, changes []diff.Change) (driver.Result, error) {
	if err := d.nft(ctx, text, "-f", "-"); err != nil {
		return driver.Result{}, fmt.Errorf("change table %s: %w", tableKey(t), err)
	}
	result := driver.Result{Changes: changes, Writes: 1}
	listing, err := d.relist(ctx, tableKey(t), isDynamic(t))
	if err != nil {
		return result, err
	}
	return result, d.state.put(t, listing)
}

// compare returns the changes that applying a table makes; same is set if there are
// none.
func (d *Driver) compare(want desired.Table, exists bool, listing string) (changes []diff.Change, same bool) {
	last, known := d.state.Tables[tableKey(want)]
	switch {
	case !exists && known: // removed by somebody: one event, not one for each rule
		return []diff.Change{{Action: diff.Create, Type: desired.TypeRule, Name: tableKey(want)}}, false
	case !exists:
		return diff.Tables(nil, []desired.Table{want}), false
	case !known:
		return []diff.Change{{Action: diff.Update, Type: desired.TypeRule, Name: tableKey(want), Fields: []diff.Field{
			{Name: "content", Old: "not known since the agent's state was lost", New: "as declared"},
		}}}, false
	}
	changes = diff.Tables([]desired.Table{last.Table}, []desired.Table{want})
	if listing != last.Listing {
		changes = append(changes, driftChanges(tableKey(want), last.Listing, listing)...)
	}
	return changes, hash(last.Table) == hash(want) && listing == last.Listing
}

// prune deletes owned tables that are no longer wanted.
func (d *Driver) prune(ctx context.Context, want []desired.Table, have map[string]string, dryRun bool) (driver.Result, error) {
	var result driver.Result
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(have)) {
		if slices.ContainsFunc(want, func(t desired.Table) bool { return tableKey(t) == key }) {
			continue
		}
		changes := []diff.Change{{Action: diff.Delete, Type: desired.TypeRule, Name: key}}
		if last, known := d.state.Tables[key]; known {
			changes = diff.Tables([]desired.Table{last.Table}, nil)
		}
		if !dryRun {
			d.seen.known = false
			if err := d.nft(ctx, "delete table "+key+"\n", "-f", "-"); err != nil {
				errs = append(errs, fmt.Errorf("delete table %s: %w", key, err))
				continue
			}
			errs = append(errs, d.state.remove(key))
		}
		result.Writes++
		result.Changes = append(result.Changes, changes...)
	}
	return result, errors.Join(errs...)
}

// driftChanges returns the lines of a listing that somebody else added or removed.
// Added ones are deleted, removed ones are restored.
func driftChanges(key, was, is string) []diff.Change {
	var out []diff.Change
	count := map[string]int{}
	for line := range strings.Lines(is) {
		count[strings.TrimSpace(line)]++
	}
	for line := range strings.Lines(was) {
		line = strings.TrimSpace(line)
		if count[line]--; count[line] < 0 {
			out = append(out, diff.Change{Action: diff.Create, Type: desired.TypeRule, Name: key + ": " + line})
		}
	}
	for line := range strings.Lines(is) {
		line = strings.TrimSpace(line)
		if count[line] > 0 {
			count[line]--
			out = append(out, diff.Change{Action: diff.Delete, Type: desired.TypeRule, Name: key + ": " + line})
		}
	}
	if len(out) == 0 {
		out = append(out, diff.Change{Action: diff.Update, Type: desired.TypeRule, Name: key, Fields: []diff.Field{
			{Name: "order", Old: "changed by hand", New: "as declared"},
		}})
	}
	return out
}
