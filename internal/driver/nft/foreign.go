package nft

import (
	"context"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/linux/foreign"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
)

// Watcher reads the filters of a namespace that Viaduct does not own, and again
// when the kernel's rules have changed.
type Watcher struct {
	d          *Driver
	known      bool
	generation uint32
	rules      *foreign.Ruleset
}

// NewWatcher returns a Watcher for a namespace; nil is the process's own.
func NewWatcher(ns *netns.NS) *Watcher { return &Watcher{d: New(Options{Namespace: ns})} }

// Forwarding returns the tables with a chain for forwarded packets. It returns the
// same pointer as long as no rules have changed.
func (w *Watcher) Forwarding(ctx context.Context) (*foreign.Ruleset, error) {
	before, known := w.d.generation()
	if known && w.known && before == w.generation {
		return w.rules, nil
	}
	w.known = false
	list, err := w.d.output(ctx, "", "-j", "list", "chains")
	if err != nil {
		return nil, err
	}
	tables, err := foreign.Forwarding([]byte(list), func(table string) bool { return strings.HasPrefix(table, Prefix) })
	if err != nil {
		return nil, err
	}
	rules := &foreign.Ruleset{}
	for _, t := range tables {
		text, err := w.d.output(ctx, "", "-j", "-t", "list", "table", t.Family, t.Name)
		if err == nil {
			err = rules.Add([]byte(text))
		}
		if err != nil {
			return nil, err
		}
	}
	w.known, w.generation, w.rules = known, before, rules
	return rules, nil
}
