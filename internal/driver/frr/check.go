package frr

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/render/frr"
)

// maxChecks bounds how often lines are left out and the rest is checked again.
const maxChecks = 4

// check has FRR read the lines that are to be added, or if daemons are started the
// file as it will be, before anything is changed. Lines of objects that it does not
// know are left out. One of the operator's own file ends the pass; FRR's and other
// people's are not ours to judge.
func (p *pass) check(plan *daemonPlan) error {
	for range maxChecks {
		c, f := p.compare(), p.compareFile()
		if len(c.adds)+len(f.adds)+len(plan.start) == 0 {
			return nil
		}
		file := &node{}
		if len(plan.start) > 0 { // they read all of it
			file = parseFile(p.text)
			applyToFile(file, inOrder(f.removes, f.adds))
		} else {
			outline(file, c.adds)
			outline(file, f.adds)
		}
		places := map[*node]place{}
		own(places, file, p.d.want, nil)
		text, of := render(file)
		bad, err := p.badLines(text, of, places)
		if err != nil {
			return fmt.Errorf("check FRR's configuration: %w", err)
		}
		for _, b := range bad {
			if b.line.owner == frr.LocalOwner {
				return &driver.ObjectError{Owner: b.line.owner, Err: fmt.Errorf("%w; nothing of FRR was changed: correct the line", p.d.localLine(b.line.text, b.said))}
			}
			where := name(b.path, b.line.text)
			p.refuse(where, b.line.owner, fmt.Errorf("FRR does not know %q and it was left out: %s", where, b.said))
			exclude(p.d.want, where)
		}
		if len(bad) == 0 {
			return nil
		}
	}
	return nil
}

// outline adds the lines, and the heads that lead to them, to a tree.
func outline(root *node, adds []op) {
	for _, o := range adds {
		n := root
		for _, head := range o.path {
			n = n.add(head, "")
		}
		n.add(o.text, "")
	}
}

// place is a wanted line and the heads above it.
type place struct {
	path []string
	line *node
}

// badLine is a wanted line that FRR does not know.
type badLine struct {
	place
	said string
}

// own finds for the lines of a file those that are wanted.
func own(places map[*node]place, file, want *node, path []string) {
	for _, w := range want.kids {
		if f := file.find(w.key); f != nil {
			places[f] = place{path, w}
			own(places, f, w, append(path[:len(path):len(path)], w.text))
		}
	}
}

// badLines has FRR read a file and finds the wanted lines that it complains of.
func (p *pass) badLines(text string, of []*node, places map[*node]place) ([]badLine, error) {
	output, err := p.d.feed(p.ctx, text, "-C")
	if err != nil {
		return nil, err
	}
	complaints := parseComplaints(output)
	var bad []badLine
	for i, line := range slices.Collect(strings.Lines(text)) {
		said := complaints.lines[i+1]
		if said == "" {
			continue
		}
		at, wanted := places[of[i]]
		switch {
		case !wanted:
		case isEnd(squeeze(line)):
			strays, err := p.strays(at)
			if err != nil {
				return nil, err
			}
			bad = append(bad, strays...)
		default:
			bad = append(bad, badLine{at, said})
		}
	}
	return bad, nil
}

// strays finds out which lines of a context do not belong there: FRR takes such
// a line for one of the context above, and complains only of the end.
func (p *pass) strays(at place) ([]badLine, error) {
	s := &script{}
	kidAt := map[int]*node{}
	for _, k := range at.line.kids {
		s.write(append(slices.Clone(at.path), at.line.text), k.text, -1)
		if len(k.kids) > 0 || isContext(k.text, len(at.path)+1) {
			s.enter(append(slices.Clone(at.path), at.line.text, k.text))
		}
		s.enter(nil)
		kidAt[len(s.lines)-len(at.path)] = k // the context's end, from 1
	}
	output, err := p.d.feed(p.ctx, s.String(), "-C")
	if err != nil {
		return nil, err
	}
	var bad []badLine
	path := append(slices.Clone(at.path), at.line.text)
	complaints := parseComplaints(output)
	for number := 1; number <= len(s.lines); number++ {
		if k := kidAt[number]; k != nil && complaints.lines[number] != "" {
			bad = append(bad, badLine{place{path, k}, "it does not belong below " + strconv.Quote(at.line.text)})
		}
	}
	return bad, nil
}

// refusal is the error of a line that a daemon refused.
func (d *Driver) refusal(o *op, said string) error {
	if o.line.owner == frr.LocalOwner {
		return d.localLine(o.line.text, reason(said))
	}
	return fmt.Errorf("FRR refuses %q: %s", o.where(), reason(said))
}

// localLine says which line of the operator's own file FRR does not take.
func (d *Driver) localLine(text, said string) error {
	number := 0
	if b, err := os.ReadFile(d.o.LocalPath); err == nil {
		i := 0
		for line := range strings.Lines(string(b)) {
			if i++; number == 0 && squeeze(line) == text {
				number = i
			}
		}
	}
	if number == 0 {
		return fmt.Errorf("%s: %s: %s", frr.LocalOwner, text, said)
	}
	return fmt.Errorf("%s line %d: %s: %s", frr.LocalOwner, number, text, said)
}
