// Package ifupdown2 is the driver of nodes on which the operator wants ifupdown2 to
// create links (node property backend: ifupdown2): it maintains one file,
// /etc/network/interfaces.d/viaduct, and has ifupdown2 load it.
//
// It is a last stage of the one-way flow and runs right before driver/link, which
// completes its work. It acts only if the file differs from what is wanted;
// everything else, such as a link that somebody deleted, is repaired by driver/link
// in a fraction of the time that a reload needs. So a node with a failing ifupdown2
// still has its network, and reports the failure.
//
// # Contents of the file
//
// Bridges, VXLAN and VLAN devices, veth pairs and dummies with their MTU,
// addresses, remote ends and port settings: see renderStanzas. Everything that
// ifupdown2 cannot express, or not reliably, is left to driver/link: VLAN-aware
// bridges, of which it allows one on a node unless configured otherwise, and that
// is the operator's; VRFs, which it restricts to tables between 1001 and 1255;
// tunnels over IPv6; ports of bridges that are not in the file; guests' ports,
// which a bridge's stanza condones; static entries of forwarding tables;
// memberships of a bridge itself in VLANs.
//
// # Ownership
//
// The file starts with a marker line; a file without it is not touched. Viaduct
// owns a link that is named in the file and in no link group: ifupdown2 created it
// because of the file, and does not support link groups. It is moved to Viaduct's
// group, which driver/link and the facts rely on. A link that existed before and is
// not owned keeps its name out of the file.
package ifupdown2

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

// Backend is the value of desired.Space.Backend that this driver serves.
const Backend = "ifupdown2"

// Options configure a Driver.
type Options struct {
	// Namespace is the namespace to work in; nil is the process's own.
	Namespace *netns.NS
	// Reserved reports names that must never be touched; nil reserves none.
	Reserved func(name string) bool
	// Root is the root directory of the node's file system; empty is /.
	Root string
	// Wrapper is a command that runs ifupdown2's programs, for a separate file
	// system; empty runs them directly.
	Wrapper []string
	// LockTimeout bounds the wait for another run of ifupdown2 to end; 0 means 30 s.
	LockTimeout time.Duration
}

// Driver implements driver.Driver for desired.Space.Links on nodes with this
// backend. Reconcile must not be called concurrently.
type Driver struct {
	o    Options
	conn *rtnl.Conn
	// refused are the stanzas that ifupdown2 failed on, by name: they are left to
	// driver/link until they change, instead of failing again in every pass.
	refused map[string]refusal
}

// refusal is a stanza that ifupdown2 failed on, and the error.
type refusal struct {
	text string
	err  error
}

var _ driver.Driver = (*Driver)(nil)

// New returns a driver. ifupdown2 need not be installed.
func New(o Options) (*Driver, error) {
	if o.Reserved == nil {
		o.Reserved = func(string) bool { return false }
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = 30 * time.Second
	}
	conn, err := rtnl.Open(o.Namespace)
	if err != nil {
		return nil, fmt.Errorf("ifupdown2 driver: %w", err)
	}
	return &Driver{o: o, conn: conn, refused: map[string]refusal{}}, nil
}

// Name implements driver.Driver.
func (*Driver) Name() string { return "ifupdown2" }

// Close closes the connection to the kernel. It removes nothing from the node.
func (d *Driver) Close() error { return d.conn.Close() }

// Names returns the names of the links that Viaduct owns because of the file on
// disk, whether they exist or not. A file that cannot be read names none.
func (d *Driver) Names() map[string]bool {
	have, _ := d.readFile()
	names := make(map[string]bool, len(have.stanzas))
	for _, s := range have.stanzas {
		names[s.name] = true
	}
	return names
}

// Reconcile implements driver.Driver. An error without an *ObjectError in its tree
// concerns the node as a whole: ifupdown2 is missing, does not read the file, or
// failed.
func (d *Driver) Reconcile(ctx context.Context, want *desired.Space, dryRun bool) (driver.Result, error) {
	have, err := d.readFile()
	if want.Backend != Backend && !have.exists {
		return driver.Result{}, nil // an existing file is not owned
	}
	if err != nil {
		return driver.Result{}, err
	}
	links, err := d.conn.Links(ctx)
	if err != nil {
		return driver.Result{}, fmt.Errorf("read the node's interfaces: %w", err)
	}
	p := &pass{d: d, node: want, have: have, links: links, dryRun: dryRun}
	p.plan()
	p.mark(ctx) // links to be deleted must be marked as owned too
	if !dryRun && len(p.changes) > 0 {
		if err := p.load(ctx); err != nil {
			p.errs = append(p.errs, err)
		}
		if p.links, err = d.conn.Links(ctx); err != nil {
			p.errs = append(p.errs, fmt.Errorf("read the node's interfaces: %w", err))
		}
		p.mark(ctx)
	}
	return p.result(), errors.Join(append(p.errs, p.refusals()...)...)
}

// pass is one reconciliation.
type pass struct {
	d      *Driver
	node   *desired.Space
	have   file
	links  []rtnl.Link
	dryRun bool

	want     []stanza
	changes  []diff.Change
	replaced []string // links to delete before they are recreated
	loaded   bool     // the file is as wanted, and ifupdown2 has loaded it
	marked   []diff.Change
	errs     []error
}

// wanted reports whether the node is to have the file.
func (p *pass) wanted() bool { return p.node.Backend == Backend }

// plan computes the wanted content of the file, and its difference to the present
// content.
func (p *pass) plan() {
	out := map[string]bool{}
	for p.want = nil; p.wanted(); {
		p.want = renderStanzas(p.node, func(name string) bool { return out[name] || p.d.o.Reserved(name) || p.taken(name) })
		before := len(out)
		for _, s := range p.want {
			if r, is := p.d.refused[s.name]; is && r.text == renderFile([]stanza{s}) {
				out[s.name] = true
			}
		}
		if len(out) == before {
			break
		}
	}
	if p.wanted() {
		p.want = p.keepReserved(p.want)
	}
	// Stanzas that are no longer refused are forgotten.
	for name := range p.d.refused {
		if !out[name] {
			delete(p.d.refused, name)
		}
	}
	p.changes, p.replaced = compare(p.have.stanzas, p.want)
	switch {
	case len(p.changes) > 0:
	case p.have.exists && !p.wanted():
		p.changes = []diff.Change{{Action: diff.Delete, Type: typeStanza, Name: ownPath}}
	case p.have.damaged:
		p.changes = []diff.Change{{Action: diff.Update, Type: typeStanza, Name: ownPath}}
	}
}

// keepReserved adds the stanzas of the file with names that are reserved by now:
// without them ifupdown2 would delete the links, which nobody may touch.
func (p *pass) keepReserved(want []stanza) []stanza {
	for _, s := range p.have.stanzas {
		if p.d.o.Reserved(s.name) {
			want = append(want, s)
		}
	}
	slices.SortFunc(want, func(a, b stanza) int { return cmp.Compare(a.name, b.name) })
	return want
}

// refuse leaves a stanza to driver/link from now on.
func (p *pass) refuse(s stanza, err error) {
	p.d.refused[s.name] = refusal{text: renderFile([]stanza{s}), err: &driver.ObjectError{Owner: s.owner, Err: err}}
}

// refusals returns the errors of the stanzas that are left to driver/link.
func (p *pass) refusals() []error {
	var out []error
	for _, name := range slices.Sorted(maps.Keys(p.d.refused)) {
		out = append(out, p.d.refused[name].err)
	}
	return out
}

// result reports the work of the pass.
func (p *pass) result() driver.Result {
	r := driver.Result{Changes: p.marked, Writes: len(p.marked)}
	if len(p.changes) > 0 && (p.loaded || p.dryRun) {
		r.Changes = append(p.changes, p.marked...)
		r.Writes++
	}
	return r
}

// owned reports whether Viaduct owns a link, even if it is about to be deleted.
func owned(l rtnl.Link) bool {
	return l.Group == desired.LinkGroup || l.Group == desired.DoomedGroup
}

// taken reports whether the name belongs to a link that is neither owned nor
// created from the file.
func (p *pass) taken(name string) bool {
	for _, l := range p.links {
		if l.Name == name {
			return !owned(l) && (l.Group != 0 || !p.have.names(name))
		}
	}
	return false
}

// mark moves links that were created from the file to Viaduct's link group.
func (p *pass) mark(ctx context.Context) {
	owners := map[string]string{}
	for _, s := range p.have.stanzas {
		owners[s.name] = ""
	}
	if p.loaded {
		for _, s := range p.want {
			owners[s.name] = s.owner
		}
	}
	var msgs []*rtnl.Message
	var changes []diff.Change
	for _, l := range p.links {
		owner, named := owners[l.Name]
		if !named || l.Group != 0 || p.d.o.Reserved(l.Name) {
			continue
		}
		msgs = append(msgs, rtnl.NewMessage(unix.RTM_SETLINK, 0, rtnl.IfInfo(unix.AF_UNSPEC, l.Index, false)).Uint32(unix.IFLA_GROUP, desired.LinkGroup))
		changes = append(changes, diff.Change{Action: diff.Update, Type: desired.TypeLink, Name: l.Name, Owner: owner,
			Fields: []diff.Field{{Name: "group", Old: "0", New: fmt.Sprint(desired.LinkGroup)}}})
	}
	if p.dryRun || len(msgs) == 0 {
		p.marked = append(p.marked, changes...)
		return
	}
	for i, err := range p.d.conn.Do(ctx, msgs) {
		switch {
		case errors.Is(err, unix.ENODEV): // deleted in the meantime
		case err != nil:
			p.errs = append(p.errs, fmt.Errorf("mark interface %s as Viaduct's: %w", changes[i].Name, err))
		default:
			p.marked = append(p.marked, changes[i])
		}
	}
}
