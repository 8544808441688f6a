package revision

import (
	"cmp"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// draft is a configuration on which edit calls are worked out, one on top of the
// other. It is changed in place, so that a call costs what it edits and not what
// there is; only of a kind that is edited the map is copied, once.
type draft struct {
	config *model.Config
	// own are the kinds whose maps nobody shares.
	own map[model.Kind]bool
	// found is the index of config; nil until it is needed.
	found *model.Index
	// against is the configuration from which differ objects of config differ; nil
	// until somebody counts.
	against *model.Config
	differ  int
}

// newDraft begins with a configuration, which stays as it is.
func newDraft(cfg *model.Config) *draft {
	c := *cfg
	return &draft{config: &c, own: make(map[model.Kind]bool)}
}

// publish returns the configuration as it is now, for good: further edits are made
// in copies.
func (d *draft) publish() *model.Config {
	clear(d.own)
	return d.shown()
}

// shown is the configuration as it is until the draft's next edit.
func (d *draft) shown() *model.Config {
	c := *d.config
	return &c
}

// index is the draft's index, which changes with it.
func (d *draft) index() *model.Index {
	if d.found == nil {
		d.found = model.NewIndex(d.config)
	}
	return d.found
}

// swap makes edits of complete objects, and returns those that undo them.
func (d *draft) swap(edits []model.Edit) (undo []model.Edit) {
	for _, e := range edits {
		undo = append(undo, d.set(e))
	}
	slices.Reverse(undo)
	return undo
}

// set makes one edit, and returns the one that undoes it.
func (d *draft) set(e model.Edit) (undo model.Edit) {
	old := d.config.Get(e.Kind, e.ID)
	if !d.own[e.Kind] {
		d.config.CloneKind(e.Kind)
		d.own[e.Kind] = true
	}
	if e.Put != nil {
		d.config.Set(e.Put)
	} else {
		d.config.Delete(e.Kind, e.ID)
	}
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
	return model.Edit{Kind: e.Kind, ID: e.ID, Put: old}
}

// pending counts the objects that differ from those of the running configuration.
func (d *draft) pending(running *model.Config) int {
	if d.against != running {
		d.against, d.differ = running, len(diff.Objects(running, d.config))
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
