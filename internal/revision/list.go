package revision

import (
	"cmp"
	"maps"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// GuestList returns all guests in the order of their numbers.
func (v *View) GuestList() []*model.Guest {
	out := slices.AppendSeq([]*model.Guest{}, maps.Values(v.Live.Guests))
	slices.SortFunc(out, func(a, b *model.Guest) int {
		return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	return out
}
