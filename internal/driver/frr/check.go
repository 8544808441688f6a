package frr

import (
	"fmt"
	"os"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/frr"
)

// maxChecks bounds how often lines are left out and the rest is checked again.
const maxChecks = 4

// check has FRR read the file as it will be, if anything is to change, before
// anything is. Lines of objects that it does not know are left out. One of the
// operator's own file ends the pass; FRR's and other people's are not ours to
// judge.
func (p *pass) check(plan *daemonPlan) error {
	for range maxChecks {
		c, f := p.compare(), p.compareFile()
		if len(c.adds)+len(f.adds)+len(plan.start) == 0 {
			return nil
		}
		file := parseFile(p.text)
		applyToFile(file, inOrder(f.removes, f.adds))
		own(file, p.d.want)
		text, of := render(file)
		output, _, err := p.d.feed(p.ctx, text, "-C")
		if err != nil {
			return fmt.Errorf("check FRR's configuration: %w", err)
		}
		complaints := parseComplaints(output)
		left := false
		for number := 1; number <= len(of); number++ {
			said, n := complaints.lines[number], of[number-1]
			if said == "" || n == nil || n.owner == "" {
				continue
			}
			if n.owner == frr.LocalOwner {
				return &driver.ObjectError{Owner: n.owner, Err: fmt.Errorf("%w; nothing of FRR was changed: correct the line", p.d.localLine(n.text, said))}
			}
			where := whereOf(p.d.want, n.key, n.owner)
			if where == "" {
				continue
			}
			left = true
			p.refuse(where, n.owner, fmt.Errorf("FRR does not know %q and it was left out: %s", where, said))
			exclude(p.d.want, where)
		}
		if !left {
			return nil
		}
	}
	return nil
}

// own gives the lines of a file the owners of those that are wanted.
func own(file, want *node) {
	for _, w := range want.kids {
		if f := file.find(w.key); f != nil {
			f.owner = w.owner
			own(f, w)
		}
	}
}

// whereOf finds the name of a wanted line.
func whereOf(want *node, key, owner string) (found string) {
	want.leaves(nil, func(where string, _ []string, n *node) {
		if found == "" && n.key == key && n.owner == owner {
			found = where
		}
	})
	return found
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
