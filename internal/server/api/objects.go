package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// view returns the configuration that a request asks for. Live objects are the same in
// both.
func (h *Handler) view(r *request) (*revision.View, *model.Config, error) {
	v, err := h.Config.View(r.Context())
	if err != nil {
		return nil, nil, err
	}
	switch which := r.URL.Query().Get("view"); which {
	case "", "pending":
		return v, v.Pending, nil
	case "running":
		return v, v.Running, nil
	default:
		return nil, nil, problem.Invalid("view %q: must be pending or running", which)
	}
}

func (h *Handler) list(r *request, k model.Kind) (any, error) {
	v, cfg, err := h.view(r)
	if err != nil {
		return nil, err
	}
	var all []model.Object
	switch {
	case k == model.KindGuest:
		all = convert(v.GuestList(), func(g *model.Guest) model.Object { return g })
	case !k.Revisioned():
		all = v.Live.List(k)
	default:
		all = cfg.List(k)
	}
	h.notice(r, k)
	zoneOf := zonesOf(cfg)
	all = slices.DeleteFunc(all, func(o model.Object) bool { return !h.canRead(r.caller, o, zoneOf) })
	return convert(all, func(o model.Object) model.Object { return h.withoutSecrets(r.caller, o) }), nil
}

func (h *Handler) get(r *request, k model.Kind) (any, error) {
	v, cfg, err := h.view(r)
	if err != nil {
		return nil, err
	}
	o, err := h.find(r.caller, v, cfg, k, r.PathValue("id"), false)
	if err != nil {
		return nil, err
	}
	r.w.Header().Set("ETag", revision.ETag(o))
	return h.withoutSecrets(r.caller, o), nil
}

// withoutSecrets returns an object as the caller may see it: its secrets are only shown
// to those who may change it.
func (h *Handler) withoutSecrets(c caller, o model.Object) model.Object {
	shown := model.WithoutSecrets(o)
	if shown == o {
		return o
	}
	if _, ok := h.lacking(c, rights(o, noZone, true)); ok {
		return o
	}
	return shown
}

// find returns an object that the caller may read or, with write, change. Only those who
// may see it learn whether it exists.
func (h *Handler) find(c caller, v *revision.View, cfg *model.Config, k model.Kind, id string, write bool) (model.Object, error) {
	o := stored(v, cfg, k, id)
	if o == nil {
		if err := h.absent(c, k, id, write); err != nil {
			return nil, err
		}
		return nil, notFound(k, id)
	}
	missing, ok := h.lacking(c, rights(o, zonesOf(cfg), write))
	switch {
	case ok:
		return o, nil
	case write && h.canRead(c, o, zonesOf(cfg)):
		return nil, h.forbidden(c, missing)
	}
	if err := h.absent(c, k, id, write); err != nil {
		return nil, err
	}
	return nil, h.forbidden(c, missing)
}

// notFound is the error that an object does not exist.
func notFound(k model.Kind, id string) error {
	return fmt.Errorf("%s %s: %w: list what exists with: viaduct get %s", k, id, revision.ErrNotFound, k.Plural())
}

func (h *Handler) put(r *request, k model.Kind) (any, error) {
	b, err := problem.Body(r.w, r.Request, maxBody)
	if err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	o, err := object(k, id, b)
	if err != nil {
		return nil, err
	}
	cond, err := condition(r)
	if err != nil {
		return nil, err
	}
	return h.edit(r, model.Edit{Put: o}, model.Ref(k, id), cond, revision.EditOptions{})
}

// object reads an object with the path's ID.
func object(k model.Kind, id string, b []byte) (model.Object, error) {
	if !utf8.ValidString(id) {
		return nil, problem.Invalid("the id %q in the path is not UTF-8", id)
	}
	o := model.New(k)
	if err := problem.Strict(b, o); err != nil {
		return nil, err
	}
	if o.ObjectID() == id {
		return o, nil
	}
	if o.ObjectID() != "" {
		return nil, problem.Invalid("the object's id %q is not that of the path, %q", o.ObjectID(), id)
	}
	var properties map[string]json.RawMessage
	if err := problem.Strict(b, &properties); err != nil {
		return nil, err
	}
	if properties == nil {
		return nil, problem.Invalid("the request holds no %s", k)
	}
	quoted, err := json.Marshal(id)
	if err != nil {
		return nil, err
	}
	properties["id"] = quoted
	return compose(k, properties)
}

// compose builds an object from its properties.
func compose(k model.Kind, properties map[string]json.RawMessage) (model.Object, error) {
	b, err := json.Marshal(properties)
	if err != nil {
		return nil, problem.Invalid("a property is not JSON: %s", err)
	}
	o := model.New(k)
	return o, problem.Strict(b, o)
}

// patchTries is how often a patch without a condition is repeated because the object
// changed concurrently.
const patchTries = 20

func (h *Handler) patch(r *request, k model.Kind) (any, error) {
	var p api.Patch
	if err := problem.Decode(r.w, r.Request, maxBody, &p); err != nil {
		return nil, err
	}
	cond, err := condition(r)
	if err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	for range patchTries {
		v, err := h.Config.View(r.Context())
		if err != nil {
			return nil, err
		}
		old, err := h.find(r.caller, v, v.Pending, k, id, true)
		if err != nil {
			return nil, err
		}
		o, err := patched(old, p)
		if err != nil {
			return nil, err
		}
		// The new object was computed from exactly this one.
		use := cond
		if cond == nil || *cond == revision.Present {
			etag := revision.ETag(old)
			use = &etag
		}
		out, err := h.edit(r, model.Edit{Put: o}, model.Ref(k, id), use, revision.EditOptions{Exact: true})
		if use == cond || !errors.Is(err, revision.ErrPrecondition) {
			return out, err
		}
	}
	return nil, fmt.Errorf("%s %s: %w: it changes all the time", k, id, revision.ErrBusy)
}

// patchMany changes some properties of several objects, each under the condition that it is the
// one that the change was computed from.
func (h *Handler) patchMany(r *request, k model.Kind) (any, error) {
	var p api.PatchMany
	if err := problem.Decode(r.w, r.Request, maxBody, &p); err != nil {
		return nil, err
	}
	if n := len(p.IDs); n == 0 || n > api.MaxPatched {
		return nil, problem.Invalid("ids: names %d objects; it must be 1 to %d", n, api.MaxPatched)
	}
	ids := slices.Compact(slices.Sorted(slices.Values(p.IDs)))
	for _, id := range ids {
		r.objects = append(r.objects, model.Ref(k, id))
	}
	for range patchTries {
		v, err := h.Config.View(r.Context())
		if err != nil {
			return nil, err
		}
		edits, conds := make([]model.Edit, len(ids)), make(map[string]string, len(ids))
		for i, id := range ids {
			old, err := h.find(r.caller, v, v.Pending, k, id, true)
			if err != nil {
				return nil, err
			}
			if edits[i].Put, err = patched(old, api.Patch{Set: p.Set, Unset: p.Unset}); err != nil {
				return nil, err
			}
			conds[model.Ref(k, id)] = revision.ETag(old)
		}
		out, err := h.change(r, edits, revision.EditOptions{Exact: true, IfMatch: conds})
		if !errors.Is(err, revision.ErrPrecondition) {
			return out, err
		}
	}
	return nil, fmt.Errorf("%s: %w: one of the objects changes all the time", k.Plural(), revision.ErrBusy)
}

// patched is a changed copy of an object.
func patched(old model.Object, p api.Patch) (model.Object, error) {
	b, err := json.Marshal(old)
	if err != nil {
		return nil, err
	}
	properties := make(map[string]json.RawMessage)
	if err := json.Unmarshal(b, &properties); err != nil {
		return nil, err
	}
	for name, value := range p.Set {
		if name == "id" {
			return nil, problem.Invalid("the id of an object cannot be changed: make a new %s and delete this one", old.ObjectKind())
		}
		properties[name] = value
	}
	for _, name := range p.Unset {
		if !hasProperty(old, name) || name == "id" {
			return nil, problem.Invalid("a %s has no property %q that could be removed", old.ObjectKind(), name)
		}
		delete(properties, name)
	}
	return compose(old.ObjectKind(), properties)
}

func hasProperty(o model.Object, name string) bool {
	t := reflect.TypeOf(o).Elem()
	for i := range t.NumField() {
		if tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); tag == name {
			return true
		}
	}
	return false
}

func (h *Handler) delete(r *request, k model.Kind) (any, error) {
	cond, err := condition(r)
	if err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	return h.edit(r, model.Edit{Kind: k, ID: id}, model.Ref(k, id), cond, revision.EditOptions{})
}

// edit makes a single edit under a condition on its object.
func (h *Handler) edit(r *request, e model.Edit, ref string, cond *string, o revision.EditOptions) (any, error) {
	if cond != nil {
		o.IfMatch = map[string]string{ref: *cond}
	}
	for range patchTries {
		out, err := h.change(r, []model.Edit{e}, o)
		if cond != nil || !errors.Is(err, revision.ErrPrecondition) {
			return out, err
		}
		// A guest changed while the caller's permissions were checked.
	}
	return nil, fmt.Errorf("%s: %w: it changes all the time", ref, revision.ErrBusy)
}

// condition returns what the request's If-Match or If-None-Match demands, nil if
// nothing.
func condition(r *request) (*string, error) {
	match, none := r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
	switch {
	case match == "" && none == "":
		return nil, nil
	case match != "" && none != "":
		return nil, problem.Invalid("If-Match and If-None-Match exclude each other")
	case none == "*":
		absent := revision.Absent
		return &absent, nil
	case none != "":
		return nil, problem.Invalid("If-None-Match: %s: only * is understood", none)
	case match != revision.Present && (len(match) < 2 || match[0] != '"'):
		return nil, problem.Invalid("If-Match: %s: must be one ETag as the server gave it, with its quotes, or *", match)
	}
	return &match, nil
}
