package pveapi

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	external "github.com/viaduct-sdn/viaduct/internal/external/rest"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/revision"
)

// pluginTimeout limits the check whether an external system is reachable.
const pluginTimeout = 10 * time.Second

func (s *sdn) pluginOperations() []Operation {
	return append(s.pluginsOf(schema.IPAMs(), "/cluster/sdn/ipams", "/sdn/ipams"), s.pluginsOf(schema.NameServers(), "/cluster/sdn/dns", "/sdn/dns")...)
}

// pluginsOf are the operations on the plugins of a kind.
func (s *sdn) pluginsOf(k *schema.Kind, path, scope string) []Operation {
	item := path + "/{" + k.ID + "}"
	id := idParam(k, false)
	return []Operation{
		{
			Method: http.MethodGet, Path: path, Doc: "List the " + k.Noun + " plugins.", Params: []schema.Property{typed(k, "type", 'o')},
			Handle: func(c *Call) (any, error) { return s.listPlugins(c, k, scope) },
		},
		{
			Method: http.MethodPost, Path: path, Doc: "Create a " + k.Noun + " plugin.",
			Params: append([]schema.Property{idParam(k, true), typed(k, "type", 'r'), lockToken}, optional(k)...),
			Allow:  Need(scope, allocate), Handle: func(c *Call) (any, error) { return s.createPlugin(c, k) },
		},
		{
			Method: http.MethodGet, Path: item, Doc: "Read a " + k.Noun + " plugin.", Params: []schema.Property{id},
			Allow: Need(scope+"/{"+k.ID+"}", allocate),
			Handle: func(c *Call) (any, error) {
				v, err := s.Config.View(c)
				if err != nil {
					return nil, err
				}
				o := v.Live.Get(k.Model, c.Text(k.ID))
				if o == nil {
					return nil, k.Missing(c.Text(k.ID))
				}
				return showPlugin(c, k, o, scope, s.digests.of(v.Live, k)), nil
			},
		},
		{
			Method: http.MethodPut, Path: item, Doc: "Change a " + k.Noun + " plugin.",
			Params: append([]schema.Property{id, digestText, deleteList, lockToken}, optional(k)...),
			Allow:  Need(scope, allocate), Handle: func(c *Call) (any, error) { return s.updatePlugin(c, k) },
		},
		{
			Method: http.MethodDelete, Path: item, Doc: "Delete a " + k.Noun + " plugin.", Params: []schema.Property{id, lockToken},
			Allow: Need(scope, allocate), Handle: func(c *Call) (any, error) { return s.deletePlugin(c, k) },
		},
	}
}

// secrets are the properties that are shown only to callers who may change a plugin:
// Proxmox shows them to auditors too.
var secrets = []string{"token", "key"}

func showPlugin(c *Call, k *schema.Kind, o model.Object, scope, digest string) schema.Object {
	out := k.View(o.ObjectID(), k.Of(o))
	if !c.May(scope+"/"+o.ObjectID(), allocate) {
		for _, name := range secrets {
			delete(out, name)
		}
	}
	out["digest"] = digest
	return out
}

func (s *sdn) listPlugins(c *Call, k *schema.Kind, scope string) (any, error) {
	v, err := s.Config.View(c)
	if err != nil {
		return nil, err
	}
	digest := s.digests.of(v.Live, k)
	out := []schema.Object{}
	for _, o := range v.Live.List(k.Model) {
		shown := showPlugin(c, k, o, scope, digest)
		if (!c.Has("type") || c.Text("type") == shown["type"]) && c.May(scope+"/"+o.ObjectID(), audit, allocate) {
			out = append(out, shown)
		}
	}
	return out, nil
}

// newPlugin returns an empty plugin.
func newPlugin(k *schema.Kind, id, typ string) model.Object {
	if k.Model == model.KindIPAM {
		return &model.IPAM{ID: id, Type: model.IPAMType(typ)}
	}
	return &model.NameServer{ID: id, Type: typ}
}

func (s *sdn) createPlugin(c *Call, k *schema.Kind) (any, error) {
	id, typ, given := c.Text(k.ID), c.Text("type"), c.given(k)
	if err := k.Options(typ, given); err != nil {
		return nil, err
	}
	what := "create sdn " + k.Noun + " object"
	v, err := s.Config.View(c)
	if err != nil {
		return nil, err
	}
	if v.Live.Get(k.Model, id) != nil {
		return nil, failed(what, k.Defined(id))
	}
	o := newPlugin(k, id, typ)
	if err := k.Put(o, given); err != nil {
		return nil, failed(what, err)
	}
	if err := s.checkReachable(c, nil, o, typ); err != nil {
		return nil, failed(what, err)
	}
	return s.change(c, what, func(v *revision.View) ([]model.Edit, error) {
		if v.Live.Get(k.Model, id) != nil {
			return nil, k.Defined(id)
		}
		return []model.Edit{{Put: o}}, nil
	})
}

// updatePlugin changes a plugin. It checks the external system before the change, which
// blocks other writers.
func (s *sdn) updatePlugin(c *Call, k *schema.Kind) (any, error) {
	id, what := c.Text(k.ID), "update sdn "+k.Noun+" object"
	v, err := s.Config.View(c)
	if err != nil {
		return nil, err
	}
	old := v.Live.Get(k.Model, id)
	if old == nil {
		return nil, failed(what, k.Missing(id))
	}
	if err := s.checkDigest(c, v.Live, k); err != nil {
		return nil, failed(what, err)
	}
	typ := k.Of(old).Get("type")
	o := newPlugin(k, id, typ)
	if err := changed(c, k, old, o, typ); err != nil {
		return nil, failed(what, err)
	}
	if err := s.checkReachable(c, old, o, typ); err != nil {
		return nil, failed(what, err)
	}
	return s.change(c, what, func(v *revision.View) ([]model.Edit, error) {
		if now := v.Live.Get(k.Model, id); now == nil || revision.ETag(now) != revision.ETag(old) {
			return nil, schema.Refusal("somebody else changed it meanwhile: try again")
		}
		return []model.Edit{{Put: o}}, nil
	})
}

func (s *sdn) deletePlugin(c *Call, k *schema.Kind) (any, error) {
	what := "delete sdn " + k.Noun + " object"
	if k.Model == model.KindIPAM {
		what = "delete sdn zone object" // as in Proxmox
	}
	return s.change(c, what, func(v *revision.View) ([]model.Edit, error) {
		id := c.Text(k.ID)
		if v.Live.Get(k.Model, id) == nil {
			return nil, k.Missing(id)
		}
		return []model.Edit{{Kind: k.Model, ID: id}}, nil
	})
}

// checkReachable checks that the external system answers and accepts the credentials, as
// Proxmox does before it stores a plugin.
func (s *sdn) checkReachable(c *Call, old, o model.Object, typ string) error {
	if err := s.External.Own(old, o); err != nil && !c.May("/", sysModify) {
		return &Failure{http.StatusForbidden, fmt.Sprintf("Permission check failed (/, %s): %s", sysModify, err)}
	}
	clients := s.External
	clients.Options.Timeout = pluginTimeout
	err := clients.Ping(c, o)
	switch {
	case errors.Is(err, external.ErrURL):
		return schema.Faults{"url": err.Error()}
	case err != nil:
		return schema.Refusal(fmt.Sprintf("can't connect to %s API: %s", typ, err))
	}
	return nil
}
