// Package ifupdown2 is the driver of nodes whose operator wants links to be made
// by ifupdown2 (node property backend: ifupdown2): it keeps one file,
// /etc/network/interfaces.d/viaduct, and lets ifupdown2 load it.
//
// It is a last stage of the one-way flow and comes right before driver/link, which
// completes what it leaves. Only a difference between the file and what is wanted
// makes it act; everything else, a link that somebody deleted for instance, is
// repaired by driver/link in a fraction of the time that a reload takes. So a node
// whose ifupdown2 fails still has its network, and tells that it failed.
//
// # What the file says
//
// Bridges, VXLAN and VLAN devices, veth pairs and dummies with their MTU, addresses,
// remote ends and settings as ports: see say. Left to driver/link is what ifupdown2
// has no words for, or not reliably: bridges that filter VLANs, of which it allows
// one on a node unless configured otherwise, and that is the operator's; VRFs, whose
// tables it wants to be between 1001 and 1255; tunnels over IPv6; ports of bridges
// that are not in the file; guests' ports, which a bridge's stanza condones; static
// entries of forwarding tables; memberships of a bridge itself in VLANs.
//
// # Ownership
//
// The file starts with a marker line; one without it is not touched. A link that is
// named in the file and in no link group is ours: ifupdown2 made it because of the
// file, and knows no link groups. It is moved to ours, by which driver/link and the
// facts go. A link that stood before and is not ours keeps its name out of the file.
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
	// Namespace to work in; nil is the process's own.
	Namespace *netns.NS
	// Reserved tells names that must never be touched; nil reserves none.
	Reserved func(name string) bool
	// Root is the directory that the node's file system starts at; empty is /.
	Root string
	// Wrapper is a command by which ifupdown2's programs are run, for a file
	// system of their own; empty runs them as they are.
	Wrapper []string
	// LockTimeout bounds the wait for another run of ifupdown2 to end; 0 means 30 s.
	LockTimeout time.Duration
}

// Driver implements driver.Driver for desired.Space.Links on nodes with this
// backend. Reconcile is not to be called twice at a time.
type Driver struct {
	o    Options
	conn *rtnl.Conn
	// refused are the stanzas that ifupdown2 failed on, by name: they are left to
	// driver/link until they change, instead of failing again in every pass.
	refused map[string]refusal
}

// refusal is a stanza that ifupdown2 failed on, and how.
type refusal struct {
	text string
	err  error
}

var _ driver.Driver = (*Driver)(nil)

// New makes a driver. ifupdown2 need not be there.
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

// Close closes the connection to the kernel. Nothing that was made is removed.
func (d *Driver) Close() error { return d.conn.Close() }

// Names are those of the links that the file on disk makes Viaduct's, whether they
// stand or not. A file that cannot be read makes none.
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
		return driver.Result{}, nil // what is there, if anything, is none of ours
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
	p.mark(ctx) // what goes has to be known as ours too
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
	replaced []string // links that have to go before they come anew
	loaded   bool     // the file is as wanted, and ifupdown2 has loaded it
	marked   []diff.Change
	errs     []error
}

// wanted reports whether the node is to have the file.
func (p *pass) wanted() bool { return p.node.Backend == Backend }

// plan works out what the file shall say, and the difference to what it says.
func (p *pass) plan() {
	out := map[string]bool{}
	for p.want = nil; p.wanted(); {
		p.want = say(p.node, func(name string) bool { return out[name] || p.d.o.Reserved(name) || p.taken(name) })
		before := len(out)
		for _, s := range p.want {
			if r, is := p.d.refused[s.name]; is && r.text == render([]stanza{s}) {
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
	// What is no longer refused is forgotten.
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

// keepReserved adds the stanzas of the file whose names are reserved by now: without
// them ifupdown2 would delete the links, which nobody may touch.
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
	p.d.refused[s.name] = refusal{text: render([]stanza{s}), err: &driver.ObjectError{Owner: s.owner, Err: err}}
}

// refusals are the errors of the stanzas that are left to driver/link.
func (p *pass) refusals() []error {
	var out []error
	for _, name := range slices.Sorted(maps.Keys(p.d.refused)) {
		out = append(out, p.d.refused[name].err)
	}
	return out
}

// result tells what was done.
func (p *pass) result() driver.Result {
	r := driver.Result{Changes: p.marked, Writes: len(p.marked)}
	if len(p.changes) > 0 && (p.loaded || p.dryRun) {
		r.Changes = append(p.changes, p.marked...)
		r.Writes++
	}
	return r
}

// ours reports whether a link is one of Viaduct's, if only to be deleted.
func ours(l rtnl.Link) bool {
	return l.Group == desired.LinkGroup || l.Group == desired.DoomedGroup
}

// taken reports whether a link has the name that neither is ours nor came by the
// file.
func (p *pass) taken(name string) bool {
	for _, l := range p.links {
		if l.Name == name {
			return !ours(l) && (l.Group != 0 || !p.have.names(name))
		}
	}
	return false
}

// mark moves links that came by the file to our link group.
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
		case errors.Is(err, unix.ENODEV): // gone meanwhile
		case err != nil:
			p.errs = append(p.errs, fmt.Errorf("mark interface %s as Viaduct's: %w", changes[i].Name, err))
		default:
			p.marked = append(p.marked, changes[i])
		}
	}
}
