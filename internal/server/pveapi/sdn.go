package pveapi

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/external/systems"
	"github.com/viaduct-sdn/viaduct/internal/ipam"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/api"
	"github.com/viaduct-sdn/viaduct/internal/server/fleet"
	"github.com/viaduct-sdn/viaduct/internal/server/task"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// sdn serves the paths below /cluster/sdn and /nodes/{node}/sdn.
type sdn struct {
	Config    *revision.Service
	Addresses *ipam.Service
	Store     store.Store
	Fleet     *fleet.Fleet
	Tasks     *task.Service
	Stop      <-chan struct{}
	External  systems.Clients

	lock    globalLock
	digests digests
}

// The privileges of networks.
const (
	allocate access.Privilege = "SDN.Allocate"
	audit    access.Privilege = "SDN.Audit"
)

// networks returns the sdn that uses the handler's dependencies.
func (h *Handler) networks() *sdn {
	return &sdn{
		Config: h.Config, Addresses: h.Addresses, Store: h.Store, Fleet: h.Fleet, Tasks: h.Tasks, Stop: h.Stop, External: h.External,
		lock: globalLock{store: h.Store},
	}
}

// operations returns its part of the table.
func (s *sdn) operations() []Operation {
	return slices.Concat([]Operation{s.dryRunOperation()}, s.indexOperations(), s.transactionOperations(), s.nodeOperations(), s.liveOperations(), s.firewallOperations(), s.zoneOperations(), s.vnetOperations(), s.subnetOperations(), s.ipOperations(),
		s.controllerOperations(), s.fabricOperations(), s.fabricNodeOperations(), s.pluginOperations(),
		s.prefixListOperations(), s.routeMapOperations())
}

// The parameters that many operations have.
var (
	lockToken  = schema.Property{Name: "lock-token", Form: schema.Text, Doc: "the token of the global lock"}
	digestText = schema.Property{Name: "digest", Form: schema.Text, MaxLength: 64, Doc: "refuse the change unless the configuration has this digest"}
	deleteList = schema.Property{Name: "delete", Form: schema.List, Check: optionName, Doc: "options to remove"}
	viewParams = []schema.Property{
		{Name: "pending", Form: schema.Boolean, Doc: "show what differs between the running and the configured state"},
		{Name: "running", Form: schema.Boolean, Doc: "show the running state"},
	}
)

// maxOption is the maximum length of an option's name, in bytes.
const maxOption = 64

func optionName(name string) string {
	if len(name) > maxOption {
		return "invalid format - value does not look like the name of an option"
	}
	return ""
}

// idParam is the parameter with the name of an object of the kind: one to be created, or
// one in a path.
func idParam(k *schema.Kind, made bool) schema.Property {
	p := schema.Property{Name: k.ID, Form: schema.Text, Need: 'r', MaxLength: 128, Doc: "name of the " + k.Noun}
	if made {
		p.Check = k.CheckID
	}
	return p
}

// typed is the parameter with the type of an object.
func typed(k *schema.Kind, name string, need byte) schema.Property {
	return schema.Property{Name: name, Form: schema.Text, Need: need, Enum: k.Types, Doc: "type of the " + k.Noun}
}

// optional returns the properties of a kind as parameters. None is required, because the
// type of the object is not known yet.
func optional(k *schema.Kind, except ...string) []schema.Property {
	var out []schema.Property
	for _, p := range k.Properties {
		if !slices.Contains(except, p.Name) {
			p.Need = 0
			p.Types = nil
			out = append(out, p)
		}
	}
	return out
}

// given returns the call's values of the kind's properties, booleans as 1 and 0; a
// property to be cleared has no values.
func (c *Call) given(k *schema.Kind) schema.Values {
	out := schema.Values{}
	for name, values := range c.Params {
		p := k.Property(name)
		if p == nil {
			continue
		}
		if p.Clears(values) {
			values = []string{}
		}
		if p.Form == schema.Boolean {
			values = []string{"0"}
			if c.Bool(name) {
				values = []string{"1"}
			}
		}
		out[name] = values
	}
	return out
}

// view is the state that a read call selects.
type view struct {
	*revision.View
	pending, running bool
}

func (s *sdn) view(c *Call) (*view, error) {
	v, err := s.Config.View(c)
	if err != nil {
		return nil, err
	}
	return &view{View: v, pending: c.Bool("pending"), running: c.Bool("running") && !c.Bool("pending")}, nil
}

// viewing passes an operation the state that its call selects.
func (s *sdn) viewing(read func(c *Call, v *view) (any, error)) func(c *Call) (any, error) {
	return func(c *Call) (any, error) {
		v, err := s.view(c)
		if err != nil {
			return nil, err
		}
		return read(c, v)
	}
}

// reading shows the object of a kind, named by the parameter that is called like the ID.
func (s *sdn) reading(k *schema.Kind, decorate func(o model.Object, out schema.Object)) func(c *Call) (any, error) {
	return s.viewing(func(c *Call, v *view) (any, error) {
		o, err := find(v, k, c.Text(k.ID))
		if err != nil {
			return nil, err
		}
		return s.show(v, k, o, s.digest(v, k), decorate), nil
	})
}

// config returns the configuration in which objects are looked up.
func (v *view) config() *model.Config {
	if v.running {
		return v.Running
	}
	return v.Pending
}

// list shows all objects of a kind that the caller may see, sorted. decorate adds
// values that are not properties.
func (s *sdn) list(v *view, k *schema.Kind, visible func(o model.Object) bool, decorate func(o model.Object, out schema.Object)) rows {
	objects := v.config().List(k.Model)
	if v.pending {
		objects = union(v.Running.List(k.Model), objects)
	}
	digest := s.digest(v, k)
	return func(yield func(schema.Object) bool) {
		for _, o := range objects {
			if visible(o) && !yield(s.show(v, k, o, digest, decorate)) {
				return
			}
		}
	}
}

// union returns the sorted list of the objects that are in either list; the second
// list has precedence.
func union(running, pending []model.Object) []model.Object {
	out := slices.Clone(pending)
	for _, o := range running {
		if _, there := slices.BinarySearchFunc(pending, o.ObjectID(), byID); !there {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b model.Object) int { return byID(a, b.ObjectID()) })
	return out
}

func byID(o model.Object, id string) int { return strings.Compare(o.ObjectID(), id) }

// digest returns the digest of the kind's file; only the plain view has one.
func (s *sdn) digest(v *view, k *schema.Kind) any {
	if v.pending || v.running {
		return nil
	}
	return s.digests.of(v.Pending, k)
}

// show shows one object.
func (s *sdn) show(v *view, k *schema.Kind, o model.Object, digest any, decorate func(o model.Object, out schema.Object)) schema.Object {
	id := o.ObjectID()
	var out schema.Object
	if v.pending {
		out = k.Pending(id, valuesOf(k, v.Running.Get(k.Model, id)), valuesOf(k, v.Pending.Get(k.Model, id)))
	} else {
		out = k.View(id, k.Of(o))
	}
	if digest != nil {
		out["digest"] = digest
	}
	if decorate != nil {
		decorate(o, out)
	}
	return out
}

func valuesOf(k *schema.Kind, o model.Object) schema.Values {
	if o == nil {
		return nil
	}
	return k.Of(o)
}

// find returns an object, or the error that it does not exist.
func find(v *view, k *schema.Kind, id string) (model.Object, error) {
	o := v.config().Get(k.Model, id)
	if o == nil && v.pending {
		o = v.Running.Get(k.Model, id)
	}
	if o == nil {
		return nil, k.Missing(id)
	}
	return o, nil
}

// change makes edits under the global lock; what names the operation in errors.
func (s *sdn) change(c *Call, what string, edits func(v *revision.View) ([]model.Edit, error)) (any, error) {
	// The transaction of an edit verifies that the lock is as it was last read.
	// An operation without a transaction is decided again after a read of the lock.
	if guard, ok := s.lock.cachedGuard(c.Text(lockToken.Name)); ok {
		r, err := s.edit(c, edits, guard)
		if err == nil && len(r.Changes) > 0 || errors.Is(err, store.ErrUnavailable) {
			return nil, s.failed(c, what, err)
		}
	}
	guard, err := s.lock.guard(c, c.Text(lockToken.Name))
	if err == nil {
		_, err = s.edit(c, edits, guard)
	}
	return nil, s.failed(c, what, err)
}

func (s *sdn) edit(c *Call, edits func(v *revision.View) ([]model.Edit, error), guard []store.Cond) (*revision.EditResult, error) {
	return s.Config.Change(c, c.Who.String(), permitted(c, edits), revision.EditOptions{Lax: true, Guard: guard, Uncounted: true, Brief: true})
}

// permitted refuses edits whose objects newly refer to something that the caller may not
// use. This check is first: other errors would reveal whether such an object exists.
func permitted(c *Call, edits func(v *revision.View) ([]model.Edit, error)) func(v *revision.View) ([]model.Edit, error) {
	return func(v *revision.View) ([]model.Edit, error) {
		list, err := edits(v)
		for _, e := range list {
			if e.Put == nil {
				continue
			}
			paths, anyOf := api.NewUses(v.Pending.Get(e.Put.ObjectKind(), e.Put.ObjectID()), e.Put)
			for _, path := range paths {
				if err := c.Need(path, anyOf...); err != nil {
					return nil, err
				}
			}
		}
		return list, err
	}
}

// failed is failed for a caller, without objects that the caller may not see.
func (s *sdn) failed(c *Call, what string, err error) error { return failed(what, s.redact(c, err)) }

// redact removes from an error the objects that the caller may not see.
func (s *sdn) redact(c *Call, err error) error {
	if err == nil {
		return nil
	}
	v, _ := s.Config.Latest()
	has := api.Has(c.May)
	var problems model.Problems
	switch {
	case errors.As(err, &problems):
		if shown := has.Redact(v, problems); len(shown) > 0 {
			return shown
		}
		return schema.Refusal("it " + model.Veiled().Text)
	case has.Hides(v, model.ReferencesIn(err)):
		return schema.Refusal("it " + model.Veiled().Text)
	}
	return err
}

// failed returns the error of an operation that holds the lock, in the form that clients
// expect.
func failed(what string, err error) error {
	var faults schema.Faults
	var refusal schema.Refusal
	var problems model.Problems
	var denied *Denied
	switch {
	case err == nil:
		return nil
	case errors.As(err, &denied):
		return err
	case errors.As(err, &faults):
		return Failf("%s failed: %s", what, faults)
	case errors.As(err, &refusal):
		return Failf("%s failed: error during cfs-locked 'domain-sdn' operation: %s", what, refusal)
	case errors.As(err, &problems):
		return Failf("%s failed: %s", what, problems)
	case errors.Is(err, revision.ErrGuard):
		return Failf("%s failed: error during cfs-locked 'domain-sdn' operation: %s", what, errLocked)
	case errors.Is(err, revision.ErrBusy):
		return &Failure{Code: http.StatusInternalServerError, Text: fmt.Sprintf("%s failed: cfs-lock 'domain-sdn' error: got lock request timeout: %s", what, err)}
	}
	return fmt.Errorf("%s failed: %w", what, err)
}

// checkDigest refuses a change of objects that were changed concurrently.
func (s *sdn) checkDigest(c *Call, cfg *model.Config, k *schema.Kind) error {
	return c.unmodified(s.digests.of(cfg, k))
}

// unmodified refuses a change with a digest other than this.
func (c *Call) unmodified(digest string) error {
	if c.Has(digestText.Name) && c.Text(digestText.Name) != digest { // an empty one counts as absent
		return schema.Refusal("detected modified configuration - file changed by other user? Try again.")
	}
	return nil
}

// changed makes a copy of an object with the call's changes.
func changed(c *Call, k *schema.Kind, old, into model.Object, typ string) error {
	values := k.Of(old)
	delete(values, "type")
	merged, err := k.Merge(typ, values, c.given(k), c.List("delete"))
	if err != nil {
		return err
	}
	return k.Put(into, merged)
}

// indexOperations are the operations that list the paths below.
func (s *sdn) indexOperations() []Operation {
	index := func(path string, key string, names ...string) Operation {
		return Operation{
			Method: http.MethodGet, Path: path, Doc: "Directory index.", Allow: Need("/sdn", audit),
			Handle: func(*Call) (any, error) {
				out := make([]map[string]string, len(names))
				for i, name := range names {
					out[i] = map[string]string{key: name}
				}
				return out, nil
			},
		}
	}
	return []Operation{
		index("/cluster/sdn", "id", "vnets", "zones", "controllers", "ipams", "dns", "fabrics", "route-maps", "prefix-lists"),
		index("/cluster/sdn/fabrics", "subdir", "fabric", "node", "all"),
	}
}

// sortedKeys returns a map's keys, sorted.
func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
