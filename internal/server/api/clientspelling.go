package api

import (
	"maps"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
)

// checkWritten refuses edits that set a Proxmox API client's spelling of properties: the
// server records that, and it is not a property. Stored spellings may be sent back, as
// by clients that read an object, change it and write it. Lax edits, as made by an
// import, may have spellings that the Proxmox API would have recorded.
func checkWritten(v *revision.View, edits []model.Edit, lax bool) error {
	for i, e := range edits {
		w := model.ClientSpellingOf(e.Put)
		if len(w) == 0 {
			continue
		}
		if old := stored(v, v.Pending, e.Put.ObjectKind(), e.Put.ObjectID()); old != nil && maps.EqualFunc(w, model.ClientSpellingOf(old), slices.Equal) {
			continue
		}
		if !lax {
			return problem.Invalid("edit %d of the request (%s): written is no property: it is how a client of the Proxmox API spelled others. Leave it out, or as it is in the pending configuration; nothing was changed",
				i+1, model.Ref(e.Target()))
		}
		if err := schema.CheckClientSpelling(e.Put); err != nil {
			return problem.Invalid("edit %d of the request (%s): written: %s; nothing was changed", i+1, model.Ref(e.Target()), err)
		}
	}
	return nil
}
