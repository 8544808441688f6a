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

// check has FRR parse the lines to be added, or the future file if daemons are to
// be started, before anything is changed. Lines of objects that FRR does not know
// are left out. An unknown line in the operator's own file ends the pass; lines of
// FRR and of others are not checked.
func (p *pass) check(plan *daemonPlan) error {
	for range maxChecks {
		c, f := p.compare(), p.compareFile()
		if len(c.adds)+len(f.adds)+len(plan.start) == 0 {
			return nil
		}
		file := &node{}
		if len(plan.start) > 0 { // they read the whole file
			file = parseFile(p.text)
			applyToFile(file, inOrder(f.removes, f.adds))
		} else {
			outline(file, c.adds)
			outline(file, f.adds)
		}
		places := map[*node]place{}
		wantedLines(places, file, p.d.want, nil)
		text, of := render(file)
		bad, err := p.badLines(text, of, places)
		if err != nil {
			return fmt.Errorf("check FRR's configuration: %w", err)
		}
		for _, b := range bad {
			if b.line.owner == frr.LocalOwner {
				return &driver.ObjectError{Owner: b.line.owner, Err: fmt.Errorf("%w; nothing of FRR was changed: correct the line", p.d.localLine(b.line.text, b.reply))}
			}
			where := name(b.path, b.line.text)
			p.refuse(where, b.line.owner, msgFRRLineUnknown.Failure(where, b.reply))
			exclude(p.d.want, where)
		}
		if len(bad) == 0 {
			return nil
		}
	}
	return nil
}

// outline adds the lines, and the context heads that lead to them, to a tree.
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
	reply string
}

// wantedLines finds the wanted lines among the lines of a file.
func wantedLines(places map[*node]place, file, want *node, path []string) {
	for _, w := range want.kids {
		if f := file.find(w.key); f != nil {
			places[f] = place{path, w}
			wantedLines(places, f, w, append(path[:len(path):len(path)], w.text))
		}
	}
}

// badLines has FRR parse a file and returns the wanted lines that it rejects.
func (p *pass) badLines(text string, of []*node, places map[*node]place) ([]badLine, error) {
	output, err := p.d.feed(p.ctx, text, "-C")
	if err != nil {
		return nil, err
	}
	messages := parseMessages(output)
	var bad []badLine
	for i, line := range slices.Collect(strings.Lines(text)) {
		reply := messages.lines[i+1]
		if reply == "" {
			continue
		}
		at, wanted := places[of[i]]
		switch {
		case !wanted:
		case isEnd(squeeze(line)):
			strays, err := p.misplaced(at)
			if err != nil {
				return nil, err
			}
			bad = append(bad, strays...)
		default:
			bad = append(bad, badLine{at, reply})
		}
	}
	return bad, nil
}

// misplaced finds the lines of a context that do not belong there: FRR applies such
// a line to the context above, and rejects only the end.
func (p *pass) misplaced(at place) ([]badLine, error) {
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
	messages := parseMessages(output)
	for number := 1; number <= len(s.lines); number++ {
		if k := kidAt[number]; k != nil && messages.lines[number] != "" {
			bad = append(bad, badLine{place{path, k}, "it does not belong below " + strconv.Quote(at.line.text)})
		}
	}
	return bad, nil
}

// refusal returns the error for a line that a daemon refused.
func (d *Driver) refusal(o *op, reply string) error {
	if o.line.owner == frr.LocalOwner {
		return d.localLine(o.line.text, reason(reply))
	}
	return msgFRRLineRefused.Failure(o.where(), reason(reply))
}

// localLine names the line of the operator's own file that FRR rejects.
func (d *Driver) localLine(text, reply string) error {
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
		return fmt.Errorf("%s: %s: %s", frr.LocalOwner, text, reply)
	}
	return fmt.Errorf("%s line %d: %s: %s", frr.LocalOwner, number, text, reply)
}
