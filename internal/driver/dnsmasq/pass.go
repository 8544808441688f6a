package dnsmasq

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/sockets"
	"github.com/viaduct-sdn/viaduct/internal/render/dnsmasq"
)

// maxAdded bounds how many small files of NICs dnsmasq reads before a complete
// reload.
const maxAdded = 256

// pass is one reconciliation.
type pass struct {
	d      *Driver
	ctx    context.Context // of one call
	dryRun bool
	links  map[string]int
	// files are those of the present zone, all the processes by the argument that identifies
	// their instance; nil until they are needed.
	files  *files
	all    map[string]int
	result driver.Result
	// taken are the ports in use by other processes.
	taken map[int]*sockets.TakenError
}

// change records a difference that is removed.
func (p *pass) change(c diff.Change) {
	p.result.Changes = append(p.result.Changes, c)
	p.result.Writes++
}

// state is the actual and the wanted state of a network's server.
type state struct {
	instance
	network *desired.DHCPNetwork
	// files are those of the zone, have those of them that belong to the network or
	// the zone, want the wanted ones.
	files      *files
	have, want map[string]string
	// hosts is the text of the hosts file, had the NICs in it, text the wanted
	// text.
	hosts, text string
	had         []desired.DHCPHost
	// process is the running process, if any; digest identifies the wanted
	// configuration, and current is true if the process was started with it.
	process process
	runs    bool
	digest  string
	current bool
}

// zone brings the servers of a zone into the wanted state. A network with a missing
// link has to wait: the link driver reports the reason.
func (p *pass) zone(s *desired.DHCPServer) []error {
	program, err := p.d.program()
	if err != nil {
		return []error{&driver.ObjectError{Owner: s.Owner, Err: err}}
	}
	if p.files, err = p.d.files(s.Zone); err != nil {
		return []error{&driver.ObjectError{Owner: s.Owner, Err: err}}
	}
	var errs []error
	for i := range s.Networks {
		n := &s.Networks[i]
		if p.links[n.Link] == 0 {
			continue
		}
		err := p.network(program, s, n)
		var taken *sockets.TakenError
		switch {
		case errors.As(err, &taken):
			p.taken[taken.Port] = taken
		case err != nil:
			errs = append(errs, &driver.ObjectError{Owner: n.Owner, Err: err})
		}
	}
	return errs
}

// network brings the server of one network into the wanted state.
func (p *pass) network(program string, s *desired.DHCPServer, n *desired.DHCPNetwork) error {
	st, err := p.inspect(s, n)
	if err != nil {
		return err
	}
	rewrite := p.differences(s, st)
	if p.dryRun {
		return nil
	}
	stale, leases, err := p.d.stale(st)
	if err != nil {
		return err
	}
	switch {
	case !st.runs, !st.current, len(stale) > 0:
		return p.restart(program, st, stale, leases)
	case rewrite:
		// It runs with the wanted configuration: only the files were changed by
		// hand.
		if err := p.d.swap(st, st.have, st.want); err != nil {
			return err
		}
	}
	return p.hosts(st)
}

// differences records the differences, and reports whether configuration files
// differ.
func (p *pass) differences(s *desired.DHCPServer, st *state) (files bool) {
	for _, name := range names(st.have, st.want) {
		old, had := st.have[name]
		if had && old == st.want[name] {
			continue
		}
		files = true
		owner, action := st.network.Owner, diff.Update
		if name == dnsmasq.DefaultFile {
			owner = s.Owner
		}
		if !had {
			action = diff.Create
		}
		p.change(diff.DHCPFile(s.Zone, owner, name, action))
	}
	if c := diff.DHCPHosts(s.Zone, st.network, st.had); c != nil {
		p.change(*c)
	} else if st.hosts != st.text {
		p.change(diff.DHCPFile(s.Zone, st.network.Owner, dnsmasq.HostsFile(st.link), diff.Update))
	}
	c := diff.Change{Type: desired.TypeDHCP, Name: s.Zone + " " + st.link + " server", Owner: st.network.Owner}
	switch {
	case !st.runs:
		c.Action = diff.Create
		p.change(c)
	case !st.current && !files:
		c.Action, c.Fields = diff.Update, []diff.Field{{Name: "configuration", Old: "other", New: "as declared"}}
		p.change(c)
	}
	return files
}

// restart starts or restarts the server of a network with the wanted configuration.
func (p *pass) restart(program string, st *state, stale []string, leases string) error {
	d := p.d
	if !st.current { // otherwise it has been checked already
		if err := d.test(p.ctx, program, st); err != nil {
			return err
		}
	}
	if st.runs {
		if err := stop(st.process); err != nil {
			return err
		}
	}
	delete(d.pushed, st.instance)
	if len(stale) > 0 {
		if err := write(d.leases(st.instance), leases); err != nil {
			return err
		}
	}
	err := errors.Join(d.swap(st, st.have, st.want), write(d.file(st.instance, dnsmasq.HostsFile(st.link)), st.text), d.clearAdded(st.instance))
	if err == nil {
		err = d.start(p.ctx, program, st, st.digest)
	}
	if err == nil {
		if proc, runs := d.process(st.instance); runs {
			d.pushed[st.instance] = pushedHosts{process: proc, hosts: st.network.Hosts, text: st.text}
		}
		return nil
	}
	var taken *sockets.TakenError
	if len(st.have) < len(st.want) || p.ctx.Err() != nil || errors.As(err, &taken) {
		return err // with the previous files it would fail in the same way
	}
	// The previous configuration is better than nothing. Its note differs from what
	// is wanted, so that the next pass tries again.
	if back := errors.Join(d.swap(st, st.want, st.have), d.start(p.ctx, program, st, "")); back != nil {
		return errors.Join(err, fmt.Errorf("nor does it start with the files from before: %w", back))
	}
	return fmt.Errorf("%w; the files from before are back and it runs with them", err)
}

// hosts passes the wanted NICs to a running server.
func (p *pass) hosts(st *state) error {
	d := p.d
	last, known := d.pushed[st.instance]
	known = known && last.process == st.process && last.text == st.hosts
	if known && st.hosts == st.text {
		return nil
	}
	if st.hosts != st.text {
		if err := write(d.file(st.instance, dnsmasq.HostsFile(st.link)), st.text); err != nil {
			return err
		}
	}
	more, only := dnsmasq.Added(last.hosts, st.network.Hosts)
	added := last.added
	if known && only && added < maxAdded {
		added++
		name := filepath.Join(d.file(st.instance, dnsmasq.AddedFolder(st.link)), fmt.Sprintf("%03d", added))
		if err := write(name, dnsmasq.Hosts(more)); err != nil {
			return err
		}
	} else {
		added = 0
		if err := d.clearAdded(st.instance); err != nil {
			return err
		}
		if err := signal(st.process, unix.SIGHUP); err != nil {
			return fmt.Errorf("have dnsmasq read the NICs of vnet %s again: %w", st.link, err)
		}
	}
	d.pushed[st.instance] = pushedHosts{process: st.process, hosts: st.network.Hosts, text: st.text, added: added}
	return nil
}

// prune ends the servers of a zone that are no longer wanted, and removes their
// owned files. The file that marks the folder as owned is removed last.
func (p *pass) prune(zone string, wanted map[instance]bool) error {
	found, err := p.d.files(zone)
	if err != nil {
		return err
	}
	left := false
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(found.owned)) {
		link, is := dnsmasq.LinkOf(name)
		if !is {
			continue
		}
		i := instance{zone, link}
		if wanted[i] {
			left = true
			continue
		}
		p.change(diff.Change{Action: diff.Delete, Type: desired.TypeDHCP, Name: zone + " " + link, Owner: "vnet/" + link})
		if !p.dryRun {
			errs = append(errs, p.remove(i))
		}
	}
	for i := range wanted {
		left = left || i.zone == zone
	}
	if left || p.dryRun || errors.Join(errs...) != nil {
		return errors.Join(errs...)
	}
	folder := p.d.folder(zone)
	errs = append(errs, ignoreNotExist(os.Remove(filepath.Join(folder, dnsmasq.DefaultFile))))
	if rest, err := os.ReadDir(folder); err == nil && len(rest) == 0 { // otherwise the operator's own files stay
		errs = append(errs, ignoreNotExist(os.Remove(folder)))
	}
	return errors.Join(errs...)
}

// remove ends a server and removes its files.
func (p *pass) remove(i instance) error {
	d := p.d
	delete(d.pushed, i)
	if proc, runs := p.find(i); runs {
		if err := stop(proc); err != nil {
			return err
		}
	}
	errs := []error{d.clearAdded(i)}
	for _, path := range []string{
		d.file(i, dnsmasq.AddedFolder(i.link)), d.file(i, dnsmasq.HostsFile(i.link)),
		d.leases(i), d.run(i, ".pid"), d.run(i, ".json"), d.run(i, ".conf"), d.file(i, dnsmasq.NetworkFile(i.link)),
	} {
		errs = append(errs, ignoreNotExist(os.Remove(path)))
	}
	return errors.Join(errs...)
}

// ignoreNotExist treats a missing file as success.
func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// names returns the keys of maps, sorted.
func names(all ...map[string]string) []string {
	var out []string
	for _, m := range all {
		out = slices.AppendSeq(out, maps.Keys(m))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
