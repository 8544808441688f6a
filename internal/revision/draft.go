package revision

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// draft is a configuration on which edit calls are worked out, one on top of the
// other. It is changed in place, so that a call costs what it edits and not what
// there is; only of a kind that is edited the map is copied, once.
//
// One goroutine uses a draft. Others may only look at what it was when its edits were
// last kept, under lock.
type draft struct {
	lock   *sync.Mutex
	config *model.Config
	// own are the kinds whose maps nobody shares.
	own map[model.Kind]bool
	// way are the edits that lead back to what was kept last, from the last one on.
	way []model.Edit
	// found is the index of config; nil until it is needed.
	found *model.Index
	// against is the configuration from which differ objects of config differ; nil
	// until somebody counts.
	against *model.Config
	differ  int
}

// newDraft begins with a configuration, which stays as it is. lock is taken for each
// edit; nil means that nobody else looks.
func newDraft(cfg *model.Config, lock *sync.Mutex) *draft {
	if lock == nil {
		lock = &sync.Mutex{}
	}
	c := *cfg
	return &draft{lock: lock, config: &c, own: make(map[model.Kind]bool)}
}

// keep makes the edits so far what kept shows. The caller holds the lock.
func (d *draft) keep() { d.way = nil }

// kept returns the configuration as it was when the edits were last kept, for good:
// further edits are made in copies. now tells whether the draft is still the same.
// The caller holds the lock.
func (d *draft) kept() (cfg *model.Config, now bool) {
	past := newDraft(d.config, nil)
	for _, e := range slices.Backward(d.way) {
		past.set(e)
	}
	// Those maps that were not copied just now are shared from here on.
	maps.DeleteFunc(d.own, func(k model.Kind, _ bool) bool { return !past.own[k] })
	return past.config, len(d.way) == 0
}

// shown is the configuration as it is until the draft's next edit.
func (d *draft) shown() *model.Config {
	c := *d.config
	return &c
}

// frozen is the configuration as it is, for good.
func (d *draft) frozen() *model.Config {
	d.lock.Lock()
	defer d.lock.Unlock()
	clear(d.own)
	return d.shown()
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

// set makes one edit, and returns the one that undoes it.
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
			d.differ--
		}
		if diff.Object(was, e.Put) != nil {
			d.differ++
		}
	}
	return undo
}

// change changes the configuration and keeps the way back.
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
	d.way = append(d.way, undo)
}

// pending counts the objects that differ from those of the running configuration.
func (d *draft) pending(running *model.Config) int {
	if d.against != running {
		d.against, d.differ = running, diff.Count(running, d.config)
	}
	return d.differ
}

// changesOf are what edits did, given those that undo them, in the order of
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
