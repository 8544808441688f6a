package revision

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// draft is a configuration on which edit calls are computed, one on top of the other. It
// is changed in place, so that the cost of a call depends on its edits and not on the size
// of the configuration; only the map of an edited kind is copied, once.
//
// One goroutine uses a draft. Others may only read its state at the last commit, under
// lock.
type draft struct {
	lock   *sync.Mutex
	config *model.Config
	// own are the kinds with maps that are not shared.
	own map[model.Kind]bool
	// undoLog are the edits that lead back to the last commit, starting with the last one.
	undoLog []model.Edit
	// found is the index of config; nil until it is needed.
	found *model.Index
	// against is the configuration from which pendingCount objects of config differ; nil
	// until the first count.
	against      *model.Config
	pendingCount int
}

// newDraft begins with a configuration, which stays unchanged. lock is held for each edit;
// nil means that there are no other readers.
func newDraft(cfg *model.Config, lock *sync.Mutex) *draft {
	if lock == nil {
		lock = &sync.Mutex{}
	}
	c := *cfg
	return &draft{lock: lock, config: &c, own: make(map[model.Kind]bool)}
}

// commit makes the edits so far part of committed. The caller holds the lock.
func (d *draft) commit() { d.undoLog = nil }

// committed returns the configuration at the last commit as an immutable one: further
// edits are made in copies. now is true if the draft is unchanged since. The caller holds
// the lock.
func (d *draft) committed() (cfg *model.Config, now bool) {
	past := newDraft(d.config, nil)
	for _, e := range slices.Backward(d.undoLog) {
		past.set(e)
	}
	// Those maps that were not copied just now are shared from here on.
	maps.DeleteFunc(d.own, func(k model.Kind, _ bool) bool { return !past.own[k] })
	return past.config, len(d.undoLog) == 0
}

// current is the configuration until the draft's next edit.
func (d *draft) current() *model.Config {
	c := *d.config
	return &c
}

// snapshot is the present configuration, immutable.
func (d *draft) snapshot() *model.Config {
	d.lock.Lock()
	defer d.lock.Unlock()
	clear(d.own)
	return d.current()
}

// index is the draft's index, which changes with it.
func (d *draft) index() *model.Index {
	if d.found == nil {
		d.found = model.NewIndex(d.config)
	}
	return d.found
}

// swap makes edits of complete objects, or undoes some.
func (d *draft) swap(edits []model.Edit) {
	for _, e := range edits {
		d.set(e)
	}
}

// set makes one edit, and returns the edit that undoes it.
func (d *draft) set(e model.Edit) (undo model.Edit) {
	old := d.config.Get(e.Kind, e.ID)
	undo = model.Edit{Kind: e.Kind, ID: e.ID, Put: old}
	d.change(e, undo)
	if d.found != nil {
		d.found.Replace(old, e.Put)
	}
	if d.against != nil {
		was := d.against.Get(e.Kind, e.ID)
		if diff.Object(was, old) != nil {
			d.pendingCount--
		}
		if diff.Object(was, e.Put) != nil {
			d.pendingCount++
		}
	}
	return undo
}

// change changes the configuration and records the undo edit.
func (d *draft) change(e, undo model.Edit) {
	d.lock.Lock()
	defer d.lock.Unlock()
	if !d.own[e.Kind] {
		d.config.CloneKind(e.Kind)
		d.own[e.Kind] = true
	}
	if e.Put != nil {
		d.config.Set(e.Put)
	} else {
		d.config.Delete(e.Kind, e.ID)
	}
	d.undoLog = append(d.undoLog, undo)
}

// pending counts the objects that differ from those of the running configuration.
func (d *draft) pending(running *model.Config) int {
	if d.against != running {
		d.against, d.pendingCount = running, diff.Count(running, d.config)
	}
	return d.pendingCount
}

// changesOf are the changes by edits, given those that undo them, in the order of
// diff.Objects.
func changesOf(edits, undo []model.Edit) []diff.Change {
	kinds := model.Kinds()
	type ranked struct {
		diff.Change
		rank int
	}
	var all []ranked
	for i, e := range edits {
		old := undo[len(undo)-1-i].Put
		if c := diff.Object(old, e.Put); c != nil {
			all = append(all, ranked{*c, rank(kinds, e)})
		}
	}
	slices.SortFunc(all, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.Name, b.Name))
	})
	var out []diff.Change
	for _, c := range all {
		out = append(out, c.Change)
	}
	return out
}
