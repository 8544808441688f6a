package haproxy

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/linux/sockets"
	"github.com/viaduct-sdn/viaduct/internal/naming"
	"github.com/viaduct-sdn/viaduct/internal/render/haproxy"
)

// pass is one reconciliation.
type pass struct {
	d *Driver
	// applied are the load balancers of the last pass, before are they by name; namespaces is
	// as of Driver.namespaces.
	applied    []desired.LoadBalancer
	before     map[string]*desired.LoadBalancer
	namespaces map[string]string
	// chosen are the load balancers that are to be served: the wanted ones, but for one that
	// cannot be served what it had before. errs are the reasons, by name.
	chosen []desired.LoadBalancer
	errs   map[string]error
	// structure is that of the chosen load balancers.
	structure string
	running   *present
	// slots, commands and replace are the way to the wanted state: see plan.
	slots    map[string]haproxy.Slots
	commands []string
	replace  bool
	result   driver.Result
}

// choose selects what can be served. A load balancer whose space does not exist has to wait:
// the driver of spaces reports the reason.
func (p *pass) choose(want []desired.LoadBalancer) {
	for i := range want {
		l := &want[i]
		if l.Space != "" && p.namespaces[l.Space] == "" {
			continue
		}
		p.chosen = append(p.chosen, *l)
	}
	p.keepOthers(func(l *desired.LoadBalancer) error {
		if err := usable(l.Certificate); err != nil {
			return msgCertificateUnusable.Failure(p.consequence(l.Name), err)
		}
		if before := p.before[l.Name]; before == nil || !reflect.DeepEqual(before.Listen, l.Listen) || before.Space != l.Space {
			return p.portTaken(l)
		}
		return nil
	})
	for i := range p.chosen {
		if l := &p.chosen[i]; p.errs[l.Name] == nil {
			p.errs[l.Name] = expired(l.Certificate)
		}
	}
}

// keepOthers replaces the load balancers for which check returns an error by what they were
// before, or removes them, and notes the error. It reports whether there were any.
func (p *pass) keepOthers(check func(l *desired.LoadBalancer) error) (any bool) {
	var kept []desired.LoadBalancer
	for i := range p.chosen {
		l := &p.chosen[i]
		err := check(l)
		if err == nil {
			kept = append(kept, *l)
			continue
		}
		any = true
		if p.errs[l.Name] == nil {
			p.errs[l.Name] = err
		}
		before := p.before[l.Name]
		if before != nil && !reflect.DeepEqual(before, l) && before.Space == l.Space && usable(before.Certificate) == nil {
			kept = append(kept, *before)
		}
	}
	p.chosen = kept
	return any
}

// consequence describes what an error of a load balancer means for it.
func (p *pass) consequence(name string) string {
	if p.before[name] != nil {
		return "it goes on with what it had"
	}
	return "it does not serve on this node"
}

// portTaken finds another process that has the address and port of a listener.
func (p *pass) portTaken(l *desired.LoadBalancer) error {
	ns, err := p.d.open(l.Space)
	if err != nil {
		return err
	}
	if l.Space != "" {
		defer ns.Close()
	}
	own := func(pid int) bool { _, ok := p.d.process(pid); return ok }
	for _, x := range l.Listen {
		if holders := sockets.At(ns, true, x.Addr, own); len(holders) > 0 {
			return &sockets.TakenError{Server: fmt.Sprintf("the load balancer at %s", x.Addr), Port: int(x.Addr.Port()), TCP: true, Holders: holders}
		}
	}
	return nil
}

// open opens the namespace of a space.
func (d *Driver) open(space string) (*netns.NS, error) {
	if space == "" {
		return d.o.Namespace, nil
	}
	return d.o.Namespaces.Open(naming.Namespace(space))
}

// plan determines how the running process gets the chosen load balancers: by commands of the
// runtime API, or by another process that takes its place.
func (p *pass) plan() {
	p.slots, p.commands, p.replace = map[string]haproxy.Slots{}, nil, false
	p.replace = p.running == nil || p.running.outdated || p.running.info.Structure != p.structure
	for i := range p.chosen {
		l := &p.chosen[i]
		if p.replace {
			break
		}
		for _, backend := range haproxy.Backends(l) {
			commands, slots, ok := haproxy.Update(l, backend, p.running.servers[backend])
			p.replace = p.replace || !ok
			p.commands = append(p.commands, commands...)
			if backend == l.Name {
				p.slots[l.Name] = slots
			}
		}
	}
	if !p.replace {
		return
	}
	p.commands = nil
	for i := range p.chosen {
		l := &p.chosen[i]
		var has []haproxy.Server
		if p.running != nil {
			has = p.running.servers[l.Name]
		}
		p.slots[l.Name] = haproxy.Place(l.Servers, has)
	}
}

// config is the wanted text of the configuration file of a generation.
func (p *pass) config(generation int) string {
	return haproxy.Config(p.chosen, p.slots, p.d.settings(generation, p.namespaces), p.structure)
}

// compare plans the pass and records the differences.
func (p *pass) compare() {
	p.structure = haproxy.Structure(p.chosen, p.d.settings(0, p.namespaces))
	p.plan()
	file, _ := os.ReadFile(p.d.path(configFile))
	rewrite := string(file) != p.config(p.d.current()) || !reflect.DeepEqual(p.applied, p.chosen)
	p.result = driver.Result{Writes: len(p.commands)}
	if p.replace || rewrite {
		p.result.Writes++
	}
	if p.running == nil && len(p.applied) > 0 {
		p.result.Changes = append(p.result.Changes, started)
	}
	p.result.Changes = append(p.result.Changes, changes(p.actual(), p.chosen)...)
	if len(p.result.Changes) == 0 && (p.replace || rewrite) {
		p.result.Changes = append(p.result.Changes, restarted)
	}
}

// changes are the differences of load balancers. Equal ones, which most are, are not described.
func changes(old, new []desired.LoadBalancer) []diff.Change {
	before := byName(old)
	var oldRest, newRest []desired.LoadBalancer
	for i := range new {
		was := before[new[i].Name]
		if was != nil && reflect.DeepEqual(*was, new[i]) {
			delete(before, was.Name)
			continue
		}
		newRest = append(newRest, new[i])
	}
	for i := range old {
		if before[old[i].Name] != nil {
			oldRest = append(oldRest, old[i])
		}
	}
	return diff.Keyed(desired.TypeLoadBalancer, desired.LoadBalancerEntries(oldRest), desired.LoadBalancerEntries(newRest))
}

// actual are the applied load balancers with the servers that the running process uses.
func (p *pass) actual() []desired.LoadBalancer {
	if p.running == nil {
		return p.applied
	}
	out := make([]desired.LoadBalancer, len(p.applied))
	wanted := byName(p.chosen)
	for i, l := range p.applied {
		names := map[netip.AddrPort]string{}
		for _, from := range []*desired.LoadBalancer{wanted[l.Name], &l} {
			if from != nil {
				for _, s := range from.Servers {
					names[s.Addr] = s.Name
				}
			}
		}
		l.Servers = nil
		for _, s := range p.running.servers[l.Name] {
			if !s.Maintenance {
				l.Servers = append(l.Servers, desired.LoadBalancerServer{Name: names[s.Addr], Addr: s.Addr, Weight: s.Weight})
			}
		}
		slices.SortFunc(l.Servers, func(a, b desired.LoadBalancerServer) int { return strings.Compare(a.Name, b.Name) })
		out[i] = l
	}
	return out
}

// apply brings process and files into the wanted state.
func (p *pass) apply(ctx context.Context) error {
	if p.result.Writes == 0 {
		return nil
	}
	d := p.d
	if err := d.prepare(); err != nil {
		return fmt.Errorf("make the directories of HAProxy: %w", err)
	}
	if !p.replace {
		if err := p.update(ctx); err != nil {
			return err
		}
	}
	if !p.replace {
		return errors.Join(d.replace(configFile, p.config(p.running.generation)), d.record(p.chosen))
	}
	if err := errors.Join(d.link(p.namespaces), d.writeCertificates(p.chosen)); err != nil {
		return fmt.Errorf("write the files of HAProxy: %w", err)
	}
	if err := p.restart(ctx); err != nil {
		return err
	}
	return errors.Join(d.record(p.chosen), d.prune(p.chosen, p.namespaces))
}

// update changes servers in the running process. A server that still differs
// afterwards requires another process.
func (p *pass) update(ctx context.Context) (err error) {
	if len(p.commands) == 0 {
		return nil
	}
	for _, command := range p.commands {
		if _, err := p.d.ask(ctx, p.running.generation, command); err != nil {
			return err
		}
	}
	if p.running, err = p.d.running(ctx); err != nil {
		return err
	}
	p.plan()
	p.replace = p.replace || len(p.commands) > 0
	return nil
}

// restart starts a process with the chosen load balancers, without those that HAProxy refuses.
func (p *pass) restart(ctx context.Context) error {
	for {
		err := p.startChosen(ctx)
		var refused *refusal
		if !errors.As(err, &refused) {
			return err
		}
		if !p.exclude(ctx, refused.output) {
			p.fail(refused.output)
			return nil
		}
		p.compare()
	}
}

// startChosen starts a process with the chosen load balancers. The configuration gets its name
// when the process serves.
func (p *pass) startChosen(ctx context.Context) error {
	d := p.d
	generation, state := d.next(), ""
	if p.running != nil {
		state = haproxy.State(p.chosen, p.running.servers, p.slots)
	}
	const next = configFile + ".new"
	if err := errors.Join(d.replace(next, p.config(generation)), d.replace(stateFile, state)); err != nil {
		return err
	}
	if err := d.start(ctx, generation, d.path(next), p.running); err != nil {
		return err
	}
	return os.Rename(d.path(next), d.path(configFile))
}

// exclude finds the load balancers that HAProxy refuses, by its output and by a check of every
// changed one alone, and reports whether there are any.
func (p *pass) exclude(ctx context.Context, output string) bool {
	return p.keepOthers(func(l *desired.LoadBalancer) error {
		text := ""
		switch before := p.before[l.Name]; {
		case strings.Contains(output, "proxy "+l.Name+":"): // as it says of one that cannot listen
			text = output
		case before == nil || !reflect.DeepEqual(before, l):
			text = p.check(ctx, l)
		}
		if text == "" {
			return nil
		}
		return msgRefused.Failure(p.consequence(l.Name), text)
	})
}

// check has HAProxy check one load balancer; it returns why it is refused, or nothing.
func (p *pass) check(ctx context.Context, l *desired.LoadBalancer) string {
	const name = configFile + ".check"
	text := haproxy.Config([]desired.LoadBalancer{*l}, p.slots, p.d.settings(0, p.namespaces), p.structure)
	if err := p.d.replace(name, text); err != nil {
		return ""
	}
	defer func() { _ = os.Remove(p.d.path(name)) }()
	var refused *refusal
	if errors.As(p.d.command(ctx, "-c", "-f", p.d.path(name)), &refused) {
		return refused.output
	}
	return ""
}

// fail notes that HAProxy does not start, for a reason that is no load balancer's own, and
// keeps what runs.
func (p *pass) fail(output string) {
	p.result = driver.Result{}
	for i := range p.chosen {
		if l := &p.chosen[i]; p.errs[l.Name] == nil {
			p.errs[l.Name] = msgStartFailed.Failure(p.consequence(l.Name), output)
		}
	}
	p.chosen = nil
	for _, l := range p.before {
		p.chosen = append(p.chosen, *l)
	}
}
