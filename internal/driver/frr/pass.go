package frr

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/driver"
)

// maxRounds bounds how often a pass reads and applies: once, again for lines that
// were removed with others or needed them, and again to verify. A router with
// another AS number needs two more: FRR releases the old one gradually.
const maxRounds = 5

// pass is one reconciliation.
type pass struct {
	d       *Driver
	ctx     context.Context
	dryRun  bool
	daemons []string
	result  driver.Result

	runs    map[string]process
	running *node
	file    *node
	text    string // of the file as it is on disk

	// restarted is true if bgpd is another process than in the last pass.
	restarted bool

	// single is true if a file was rejected as a whole: lines are then tried one by
	// one.
	single bool

	// seen are the lines that were handled in this pass; done the applied ones.
	// refused are the errors by the name of the line.
	seen map[string]bool
	done []op
	// kept are lines, by their names, that FRR did not remove.
	kept map[string]*node
	// drifted is true if owned lines are missing from the file.
	drifted bool
	refused map[string]*driver.ObjectError
}

// errors returns the objects' errors, sorted, one for each object and reason.
func (p *pass) errors() []error {
	var out []error
	reported := map[string]bool{}
	where := make([]string, 0, len(p.refused))
	for w := range p.refused {
		where = append(where, w)
	}
	slices.Sort(where)
	for _, w := range where {
		if e := p.refused[w]; !reported[e.Error()] {
			reported[e.Error()] = true
			out = append(out, e)
		}
	}
	return out
}

// run brings FRR into the wanted state.
func (p *pass) run() error {
	d := p.d
	if err := p.read(); err != nil {
		return err
	}
	p.leaveOutAbsent()
	plan, err := d.planDaemons(p.daemons, p.runs, p.running)
	if err != nil {
		return err
	}
	p.resolveConflicts()
	if err := p.check(plan); err != nil {
		return err
	}
	if p.dryRun {
		p.preview(plan)
		return nil
	}
	for range 2 { // once more for additions that a started zebra requires
		if len(plan.start)+len(plan.enable) == 0 {
			break
		}
		if err := p.start(plan); err != nil {
			return err
		}
		if plan, err = d.planDaemons(p.daemons, p.runs, p.running); err != nil {
			return err
		}
	}
	return p.apply()
}

// start enables and starts daemons.
func (p *pass) start(plan *daemonPlan) error {
	err := p.d.startDaemons(p.ctx, plan)
	p.result.Changes = append(p.result.Changes, plan.changes()...)
	p.result.Writes++
	if err != nil {
		return missingError(nil, err)
	}
	if err := p.readAgain(); err != nil {
		return err
	}
	p.resolveConflicts()
	return nil
}

// read reads the running configuration and the file.
func (p *pass) read() error {
	if err := p.readAgain(); err != nil {
		return err
	}
	var err error
	p.text, err = p.d.readFile()
	p.file = parseFile(p.text)
	return err
}

// readAgain reads the running configuration.
func (p *pass) readAgain() (err error) {
	p.runs = p.d.running()
	p.running = &node{}
	if len(p.runs) == 0 {
		return nil
	}
	if p.running, err = p.d.readRunning(p.ctx); err != nil {
		return err
	}
	known := p.d.state.generation != ""
	changed := p.d.nextGeneration(p.runs)
	p.restarted = p.restarted || known && slices.Contains(changed, "bgpd")
	if p.restarted {
		return p.dropLost("bgpd")
	}
	return nil
}

// dropLost removes the maps and lists that a restarted daemon does not have from the
// running configuration: vtysh shows them as long as one daemon holds them.
func (p *pass) dropLost(daemon string) error {
	own, err := p.d.readDaemon(p.ctx, daemon)
	if err != nil {
		return err
	}
	for _, w := range p.d.want.kids {
		if r := p.running.find(w.key); r != nil && own.find(w.key) == nil && (strings.HasPrefix(w.text, "route-map ") || strings.Contains(w.text, "-list ")) {
			p.running.remove(r)
		}
	}
	return nil
}

// compare compares the wanted with the running configuration.
func (p *pass) compare() *comparison {
	s := p.d.state
	c := &comparison{place: inRunning, accepted: p.d.accepted, effect: func(w string) bool { return s.effects[w] }, device: p.d.device}
	c.compare(p.d.want, s.last, p.running)
	return c
}

// compareFile compares the wanted configuration with the file.
func (p *pass) compareFile() *comparison {
	c := &comparison{place: inFile}
	c.compare(p.d.want, p.d.state.last, p.file)
	return c
}

// leaveOutAbsent removes lines from the wanted configuration that need a daemon
// that this node's FRR does not have: distributions and builds leave some out.
func (p *pass) leaveOutAbsent() {
	p.daemons = slices.DeleteFunc(slices.Clone(p.daemons), func(name string) bool {
		path := filepath.Join(p.d.binDir(), name)
		if _, err := os.Stat(p.d.path(path)); !errors.Is(err, fs.ErrNotExist) {
			return false
		}
		for _, where := range linesOf(p.d.want, name) {
			p.refuse(where.name, where.owner, msgFRRDaemonMissing.Failure(where.name, name, path))
			exclude(p.d.want, where.name)
		}
		return true
	})
}

// resolveConflicts removes the conflicting lines from the wanted configuration. A
// setting that Viaduct makes only because there has to be one yields to the
// operator's silently.
func (p *pass) resolveConflicts() {
	for _, c := range p.compare().conflicts {
		if !mayDiffer(c.where) {
			p.refuse(c.where, c.owner, msgFRRLineConflict.Failure(c.where, c.other))
		}
		exclude(p.d.want, c.where)
	}
}

// exclude removes the line with a name, and all below it.
func exclude(root *node, where string) {
	n := root
	parts := strings.Split(where, separator)
	for i, text := range parts {
		k := n.find(canonical(text))
		if k == nil {
			return
		}
		if i == len(parts)-1 {
			n.remove(k)
			return
		}
		n = k
	}
}

// refuse records an object's error.
func (p *pass) refuse(where, owner string, err error) {
	p.refused[where] = &driver.ObjectError{Owner: owner, Err: err}
}

// preview reports what a pass would do.
func (p *pass) preview(plan *daemonPlan) {
	p.result.Changes = plan.changes()
	c := p.compare()
	ops := inOrder(c.removes, c.adds)
	p.result.Changes = append(p.result.Changes, changes(ops)...)
	if len(ops) > 0 {
		p.result.Writes++
	}
	f := p.compareFile()
	if len(ops) == 0 && len(f.adds)+len(f.removes) > 0 {
		p.result.Changes = append(p.result.Changes, fileChange("frr.conf"))
		p.result.Writes++
	}
}

// apply applies the difference and records the result.
func (p *pass) apply() error {
	d := p.d
	if err := p.noteUnion(); err != nil {
		return err
	}
	for round := range maxRounds {
		more, err := p.round(round)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	p.result.Changes = append(p.result.Changes, changes(p.done)...)
	errs := []error{p.saveFile()}
	prune(d.state.last, d.want, func(head string) bool {
		device := deviceOf(head)
		return device != "" && p.running.find(canonical(head)) != nil && d.device(device)
	})
	p.keepUndone()
	plan, err := d.planDaemons(p.daemons, p.runs, p.running)
	if err == nil && len(plan.disable) > 0 {
		p.result.Changes = append(p.result.Changes, (&daemonPlan{disable: plan.disable}).changes()...)
		p.result.Writes++
		err = d.stopDaemons(plan)
	}
	errs = append(errs, err)
	return errors.Join(append(errs, d.state.save())...)
}

// noteUnion saves everything that Viaduct will own, before any of it is applied.
func (p *pass) noteUnion() error {
	p.drifted = slices.ContainsFunc(p.compareFile().adds, func(o op) bool { return p.d.applied(&o) })
	merge(p.d.state.last, p.d.want, p.running, p.file)
	return p.d.state.save()
}

// round applies the difference once, reads the result, and reports whether another
// round may do more.
func (p *pass) round(number int) (more bool, err error) {
	d := p.d
	c := p.compare()
	adds, later := waiting(c.adds, p.running)
	ops := inOrder(c.removes, adds)
	if len(ops) == 0 {
		return false, nil
	}
	reply, rejected, err := p.submit(ops, number)
	if err != nil {
		return false, fmt.Errorf("apply FRR's configuration: %w", err)
	}
	was := p.running
	if err := p.readOutcome(ops); err != nil {
		return false, err
	}
	if err := p.revive(); err != nil {
		return false, err
	}
	progress, open := false, false
	touched := map[string]bool{}
	for i := range ops {
		o := &ops[i]
		verdict := p.assess(o, reply[i], number)
		if verdict == hidden && rejected { // or lost with the others
			verdict = failed
		}
		switch verdict {
		case applied:
			progress = true
			p.note(o)
		case hidden:
			progress = true
			d.state.accepted[o.where()] = true
			touched[strings.Join(o.path, separator)] = true
			p.note(o)
		case failed:
			open = true
		}
	}
	p.noteEffects(was, touched)
	if progress {
		p.result.Writes++
	}
	return progress || (open || later) && number == 0, nil
}

// note records that an operation was carried out, once for each line.
func (p *pass) note(o *op) {
	if !p.seen[o.where()] && !o.again {
		p.done = append(p.done, *o)
	}
	p.seen[o.where()] = true
}

// submit has FRR apply operations, which it sorts, and returns FRR's message about
// each. With rejected set FRR may not have accepted any.
func (p *pass) submit(ops []op, number int) (reply map[int]string, rejected bool, err error) {
	d := p.d
	if p.single {
		reply, err := d.feedEach(p.ctx, ops)
		return reply, false, err
	}
	s := commands(ops, number == 0, d.device)
	messages, err := d.carryOut(p.ctx, s)
	if err != nil {
		return nil, false, err
	}
	reply = map[int]string{}
	for i, line := range s.lines {
		if what := messages.of(i+1, line); what != "" && s.ops[i] >= 0 && reply[s.ops[i]] == "" {
			reply[s.ops[i]] = what
		}
	}
	p.single = messages.rejected
	return reply, messages.rejected, nil
}

// carryOut has FRR execute a script, and returns its messages about the lines.
// bgpd's lines are sent to bgpd directly, as for reading, and not only because that
// is faster: below a refused router, vtysh continues as if at the top level, where
// "vni 100" makes VNI 100 the default VRF's. For all other lines vtysh knows the
// daemons.
func (d *Driver) carryOut(ctx context.Context, s *script) (*messages, error) {
	out := newMessages()
	for start := 0; start < len(s.lines); {
		own, end := forBGPD(s.lines[start]), start+1
		for end < len(s.lines) && (s.lines[end][0] == ' ' || isEnd(s.lines[end]) || forBGPD(s.lines[end]) == own) {
			end++
		}
		part := s.lines[start:end]
		var reply *messages
		var err error
		if own {
			reply, err = d.configure(ctx, "bgpd", part)
		} else {
			var output string
			output, err = d.feed(ctx, strings.Join(part, "\n")+"\n")
			reply = parseMessages(output)
		}
		if err != nil {
			return nil, err
		}
		out.merge(reply, start)
		start = end
	}
	return out, nil
}

// forBGPD reports whether a top-level line concerns only bgpd.
func forBGPD(line string) bool { return daemonOf(strings.TrimPrefix(line, "no ")) == "bgpd" }

// revive restarts daemons that crashed on their input: FRR 10.3's mgmtd does so at
// times when it rejects a line.
func (p *pass) revive() error {
	plan, err := p.d.planDaemons(p.daemons, p.runs, p.running)
	if err != nil || len(plan.start) == 0 {
		return err
	}
	if err := p.d.startDaemons(p.ctx, plan); err != nil {
		return err
	}
	return p.readAgain()
}

// keepUndone keeps lines in the state that are no longer wanted but still exist.
func (p *pass) keepUndone() {
	for where, line := range p.kept {
		n := p.d.state.last
		for text := range strings.SplitSeq(where, separator) {
			n = n.add(text, line.owner)
		}
		n.found = line.found
		n.graft(line)
	}
	for where := range p.d.state.accepted {
		if !p.wants(where) {
			delete(p.d.state.accepted, where)
		}
	}
}

// applied reports whether a line was applied before.
func (d *Driver) applied(o *op) bool {
	n := d.state.last
	for _, head := range o.path {
		n = n.find(canonical(head))
	}
	return n.find(o.line.key) != nil
}

// wants reports whether a line is wanted.
func (p *pass) wants(where string) bool {
	n := p.d.want
	for text := range strings.SplitSeq(where, separator) {
		n = n.find(canonical(text))
	}
	return n != nil
}

// saveFile makes frr.conf hold the wanted lines in addition to those that Viaduct
// does not own.
func (p *pass) saveFile() error {
	c := p.compareFile()
	if len(c.adds)+len(c.removes) == 0 {
		return nil
	}
	file := parseFile(p.text)
	applyToFile(file, inOrder(c.removes, c.adds))
	text, _ := render(file)
	if text == p.text {
		return nil
	}
	if err := p.d.writeFile("frr.conf", text); err != nil {
		return err
	}
	if p.drifted && len(p.done) == 0 {
		p.result.Changes = append(p.result.Changes, fileChange("frr.conf"))
	}
	p.result.Writes++
	return nil
}
