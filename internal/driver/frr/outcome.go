package frr

import (
	"slices"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/sleep"
)

// effectTimeout is how long FRR 10 gets to show accepted lines.
const effectTimeout = 400 * time.Millisecond

// readOutcome reads the running configuration after operations. FRR 10 answers
// before it is done: mgmtd forwards its input, and an instance of BGP is deleted
// last. So with FRR 10 it is read again for a while if it does not show all of
// them.
func (p *pass) readOutcome(ops []op) error {
	for deadline := time.Now().Add(effectTimeout); ; {
		if err := p.readAgain(); err != nil {
			return err
		}
		_, late := p.runs["mgmtd"]
		if !late || !time.Now().Before(deadline) || !slices.ContainsFunc(ops, func(o op) bool { return !p.shows(&o) }) {
			return nil
		}
		if !sleep.Context(p.ctx, pollEvery) {
			return p.ctx.Err()
		}
	}
}

// shows reports whether the running configuration shows an operation's effect.
func (p *pass) shows(o *op) bool {
	at := p.running
	for _, head := range o.path {
		at = at.find(canonical(head))
	}
	if !o.remove {
		return at.find(o.line.key) != nil
	}
	shown := at.find(canonical(o.text))
	return shown == nil || len(shown.kids) == 0 && len(o.path) == 0 && p.d.device(deviceOf(o.text))
}

// outcome is the result of an operation.
type outcome int

const (
	applied outcome = iota
	hidden          // FRR accepted it and does not show it
	failed
)

// assess determines the result of an operation; reply is FRR's message about it.
func (p *pass) assess(o *op, reply string, round int) outcome {
	where := o.where()
	at := p.running
	for _, head := range o.path {
		at = at.find(canonical(head))
	}
	switch {
	case o.remove && p.shows(o):
		delete(p.refused, where)
		delete(p.kept, where)
		delete(p.d.state.accepted, where)
		return applied
	case o.again:
		return failed // the router that occupies its place is reported
	case o.remove:
		p.kept[where] = o.line
		p.refuse(where, o.line.owner, msgFRRLineKept.Failure(where, reason(reply)))
		return failed
	case at.find(o.line.key) != nil:
		delete(p.refused, where)
		return applied
	case reply == "" && (o.line.slot == "" || at == nil || at.slots[o.line.slot] == nil || round == maxRounds-1):
		delete(p.refused, where)
		return hidden
	}
	p.refuse(where, o.line.owner, p.d.refusal(o, reply))
	return failed
}

func reason(reply string) string {
	if reply == "" {
		return "it gives no reason"
	}
	return reply
}

// noteEffects records lines that appeared in a shown where FRR accepted a line
// that it does not show: they are its representation.
func (p *pass) noteEffects(was *node, touched map[string]bool) {
	if len(touched) == 0 {
		return
	}
	before := map[string]bool{}
	was.leaves(nil, func(where string, _ []string, _ *node) { before[where] = true })
	last := map[string]bool{}
	p.d.state.last.leaves(nil, func(where string, _ []string, n *node) { last[canonical(where)] = true })
	p.running.leaves(nil, func(where string, path []string, n *node) {
		if !before[where] && !last[canonical(where)] && touched[strings.Join(path, separator)] && len(n.kids) == 0 {
			p.d.state.effects[where] = true
		}
	})
}
