package revision

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// View is the state at one moment. It is immutable and shared.
type View struct {
	core
	live

	// drafted is the index of Pending while a Change gets a draft of it.
	drafted func() *model.Index
}

// Index is the index of the pending configuration. It exists already for the function of a
// Change that is Brief, and is built otherwise.
func (v *View) Index() *model.Index {
	if v.drafted != nil {
		return v.drafted()
	}
	return model.NewIndex(v.Pending)
}

// core is the content of running and pending/.
type core struct {
	// Revision is the number of the running revision, 0 before the first.
	Revision int64
	// Running is its content, Pending that of the next one.
	Running, Pending *model.Config

	newest *entry // of the pending log
	load   load   // of the whole log
	seq    int64  // the last sequence number used
	// mark is when the store's running was last written, at when all this was known to be
	// current: revisions of the store.
	mark, at int64
}

// entry is a record of the pending log on top of others.
type entry struct {
	Record
	before *entry
}

// Records are the pending edits, oldest first.
func (c *core) Records() []Record {
	var out []Record
	for e := c.newest; e != nil; e = e.before {
		out = append(out, e.Record)
	}
	slices.Reverse(out)
	return out
}

// Since are the pending edits that an older view does not have, oldest first. Its cost
// depends only on these.
func (v *View) Since(old *View) []Record {
	var out []Record
	for e := v.newest; e != nil && e.Seq > old.seq; e = e.before {
		out = append(out, e.Record)
	}
	slices.Reverse(out)
	return out
}

// live is the content of live and live/.
type live struct {
	// Live are the objects that take effect at once.
	Live *model.Config
	// mark and at are as in core, of live objects.
	liveMark, liveAt int64
}

// Changes are the differences between running and pending.
func (v *View) Changes() []diff.Change { return diff.Objects(v.Running, v.Pending) }

// PendingCount counts the differences between running and pending.
func (v *View) PendingCount() int { return diff.Count(v.Running, v.Pending) }

// ETag identifies the content of an object: a quoted hash of its JSON form, as
// HTTP has it.
func ETag(o model.Object) string {
	b, err := json.Marshal(o)
	if err != nil { // plain values only: cannot happen
		panic(err)
	}
	sum := sha256.Sum256(b)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// token identifies what an apply to a configuration would do.
func (c *core) token(to *model.Config) string {
	b, err := json.Marshal(struct {
		Base  int64        `json:"base"`
		Edits []model.Edit `json:"edits"`
	}{c.Revision, editsBetween(c.Running, to)})
	if err != nil { // plain values only: cannot happen
		panic(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// pendingToken identifies the pending configuration together with its history: unlike
// token it changes with edits that cancel each other out.
func (c *core) pendingToken() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %s", c.mark, c.seq, c.token(c.Pending)))
	return hex.EncodeToString(sum[:16])
}

// stillPending returns ErrStalePlan unless the token is that of the pending configuration;
// an empty one requires nothing.
func (c *core) stillPending(token string) error {
	if token == "" || token == c.pendingToken() {
		return nil
	}
	return fmt.Errorf("%w: the pending configuration was changed after the plan was made; nothing was stored or dropped: "+
		"look at the new plan and decide anew", ErrStalePlan)
}

// editsBetween are the edits that turn one configuration into the other, in canonical
// order.
func editsBetween(from, to *model.Config) []model.Edit {
	var edits []model.Edit
	for _, c := range diff.Objects(from, to) {
		e := model.Edit{Kind: model.Kind(c.Type), ID: c.Name}
		if c.Action != diff.Delete {
			e.Put = to.Get(e.Kind, e.ID)
		}
		edits = append(edits, e)
	}
	return edits
}

// next is the core after edit calls with complete edits in order were appended.
func (c *core) next(records []Record, at int64) core {
	d := newDraft(c.Pending, nil)
	for _, r := range records {
		d.swap(r.Edits)
	}
	return c.after(records, d.config, at)
}

// after is the core after edit calls with a known outcome.
func (c *core) after(records []Record, pending *model.Config, at int64) core {
	n := *c
	n.at = at
	if len(records) == 0 {
		return n
	}
	n.Pending = pending
	for _, r := range records {
		n.newest, n.load = &entry{r, n.newest}, n.load.with(r)
		n.seq = r.Seq
	}
	return n
}

// decodeRecord reads a record of the pending log.
func decodeRecord(r store.Record) (Record, error) {
	var rec Record
	text, err := unpack(r.Key, r.Value)
	if err != nil {
		return Record{}, err
	}
	if err := decode(r.Key, text, &rec); err != nil {
		return Record{}, err
	}
	rec.bytes = int64(len(text))
	if _, err := fmt.Sscanf(r.Key, prefixPending+"%d", &rec.Seq); err != nil {
		return Record{}, fmt.Errorf("key %s: %w", r.Key, err)
	}
	return rec, nil
}

// Deployed identifies what nodes get of the view, without pending edits: two views with
// the same values have the same running revision and live objects.
func (v *View) Deployed() (revision, live int64) { return v.Revision, v.liveMark }
