package dnsmasq

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/dnsmasq"
	"github.com/viaduct-sdn/viaduct/internal/driver"
)

// maxAdded bounds how many small files of NICs dnsmasq reads before it is made to
// read all again.
const maxAdded = 256

// pass is one reconciliation.
type pass struct {
	d      *Driver
	ctx    context.Context //nolint:containedctx // of one call
	dryRun bool
	links  map[string]int
	result driver.Result
}

// state is how the server of a zone stands, and how it shall.
type state struct {
	zone string
	// have are the files of ours, foreign the operator's own, want those wanted.
	have, foreign, want map[string]string
	// hosts is the text of the hosts file, had the NICs in it, text that wanted.
	hosts, text string
	had         []desired.DHCPHost
	// process runs, if it does; digest is what a process has to be started with, and
	// current tells that this one was.
	process process
	runs    bool
	digest  string
	current bool
}

// server makes the server of a zone as it is wanted.
func (p *pass) server(s *desired.DHCPServer) error {
	program, err := p.d.program()
	if err != nil {
		return err
	}
	st, err := p.d.look(s, p.links)
	if err != nil {
		return err
	}
	rewrite := p.differences(s, st)
	if p.dryRun {
		return nil
	}
	stale, leases, err := p.d.stale(s, st)
	if err != nil {
		return err
	}
	switch {
	case !st.runs, !st.current, len(stale) > 0:
		return p.restart(program, s, st, stale, leases)
	case rewrite:
		// It runs with what is wanted: only the files were changed by hand.
		if err := p.d.swap(st, st.want); err != nil {
			return err
		}
	}
	return p.hosts(s, st)
}

// differences tells what differs, and reports whether files of configuration do.
func (p *pass) differences(s *desired.DHCPServer, st *state) (files bool) {
	for _, name := range names(st.have, st.want) {
		old, had := st.have[name]
		now, wanted := st.want[name]
		action := diff.Update
		switch {
		case !had:
			action = diff.Create
		case !wanted:
			action = diff.Delete
		case old == now:
			continue
		}
		files = true
		p.change(diff.DHCPFile(s.Zone, s.Owner, name, action))
	}
	if c := diff.DHCPHosts(s, st.had); c != nil {
		p.change(*c)
	} else if st.hosts != st.text {
		p.change(diff.DHCPFile(s.Zone, s.Owner, dnsmasq.HostsFile, diff.Update))
	}
	c := diff.Change{Type: diff.TypeDHCP, Name: s.Zone + " server", Owner: s.Owner}
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

// restart starts the server of a zone, or starts it again, with what is wanted.
func (p *pass) restart(program string, s *desired.DHCPServer, st *state, stale []string, leases string) error {
	if !st.current { // else its configuration was read already
		if err := p.d.test(p.ctx, program, st); err != nil {
			return err
		}
	}
	if st.runs {
		if err := stop(st.process); err != nil {
			return err
		}
	}
	delete(p.d.told, s.Zone)
	if len(stale) > 0 {
		if err := write(p.d.leases(s.Zone), leases); err != nil {
			return err
		}
	}
	err := errors.Join(p.d.swap(st, st.want), write(filepath.Join(p.d.folder(s.Zone), dnsmasq.HostsFile), st.text), p.d.clearAdded(s.Zone))
	if err == nil {
		err = p.d.start(p.ctx, program, s.Zone, st.digest)
	}
	if err == nil {
		if proc, runs := p.d.process(s.Zone); runs {
			p.d.told[s.Zone] = told{process: proc, hosts: s.Hosts, text: st.text}
		}
		return nil
	}
	if len(st.have) == 0 || p.ctx.Err() != nil {
		return err
	}
	// What ran before is better than nothing. Its note stays another than is wanted,
	// so that the next pass tries again.
	if back := errors.Join(p.d.swap(&state{zone: st.zone, have: st.want}, st.have), p.d.start(p.ctx, program, s.Zone, "")); back != nil {
		return errors.Join(err, fmt.Errorf("nor does it start with the files from before: %w", back))
	}
	return fmt.Errorf("%w; the files from before are back and it runs with them", err)
}

// hosts tells a running server of the NICs that are wanted.
func (p *pass) hosts(s *desired.DHCPServer, st *state) error {
	knows, ours := p.d.told[s.Zone]
	ours = ours && knows.process == st.process && knows.text == st.hosts
	if ours && st.hosts == st.text {
		return nil
	}
	if st.hosts != st.text {
		if err := write(filepath.Join(p.d.folder(s.Zone), dnsmasq.HostsFile), st.text); err != nil {
			return err
		}
	}
	more, only := dnsmasq.Added(knows.hosts, s.Hosts)
	added := knows.added
	if ours && only && added < maxAdded {
		added++
		if err := write(filepath.Join(p.d.folder(s.Zone), dnsmasq.AddedFolder, fmt.Sprintf("%03d", added)), dnsmasq.Hosts(more)); err != nil {
			return err
		}
	} else {
		added = 0
		if err := p.d.clearAdded(s.Zone); err != nil {
			return err
		}
		if err := signal(st.process, unix.SIGHUP); err != nil {
			return fmt.Errorf("have dnsmasq read the NICs of zone %s again: %w", s.Zone, err)
		}
	}
	p.d.told[s.Zone] = told{process: st.process, hosts: s.Hosts, text: st.text, added: added}
	return nil
}

// remove ends the server of a zone that has none any more, and removes what is
// ours.
func (p *pass) remove(zone string) error {
	p.change(diff.Change{Action: diff.Delete, Type: diff.TypeDHCP, Name: zone, Owner: "zone/" + zone})
	if p.dryRun {
		return nil
	}
	d := p.d
	delete(d.told, zone)
	if proc, runs := d.process(zone); runs {
		if err := stop(proc); err != nil {
			return err
		}
	}
	have, _, err := d.files(zone)
	if err != nil {
		return err
	}
	folder := d.folder(zone)
	// The file by which the folder is known to be ours goes last.
	errs := []error{d.clearAdded(zone), gone(os.Remove(filepath.Join(folder, dnsmasq.AddedFolder))), gone(os.Remove(filepath.Join(folder, dnsmasq.HostsFile)))}
	for _, name := range slices.Backward(names(have)) {
		errs = append(errs, gone(os.Remove(filepath.Join(folder, name))))
	}
	for _, path := range []string{d.leases(zone), d.run(zone, ".pid"), d.run(zone, ".json")} {
		errs = append(errs, gone(os.Remove(path)))
	}
	if rest, err := os.ReadDir(folder); err == nil && len(rest) == 0 { // else the operator's own stay
		errs = append(errs, gone(os.Remove(folder)))
	}
	return errors.Join(errs...)
}

// gone takes that something is not there for success.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// names are the keys of maps, sorted.
func names(maps ...map[string]string) []string {
	var out []string
	for _, m := range maps {
		for name := range m {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
