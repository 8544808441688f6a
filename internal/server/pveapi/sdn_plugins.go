package pveapi

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/ipam/netbox"
	"github.com/viaduct-sdn/viaduct/internal/ipam/phpipam"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/powerdns"
	"github.com/viaduct-sdn/viaduct/internal/pve"
	external "github.com/viaduct-sdn/viaduct/internal/remote"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// pluginTimeout bounds the question to an external system whether it is there.
const pluginTimeout = 10 * time.Second

// plugins are address management systems and name servers. They are no part of the
// configuration: a change counts at once, and no rollback undoes it.
type plugins struct{ store store.Store }

// plugin is one of them.
type plugin struct {
	ID     string     `json:"id"`
	Type   string     `json:"type"`
	Values pve.Values `json:"values,omitempty"`

	revision int64
}

func pluginKey(k *pve.Kind, id string) string { return "sdn/" + k.ID + "/" + id }

// builtin always exists.
var builtin = plugin{ID: model.IPAMBuiltin, Type: model.IPAMBuiltin}

// list returns all of a kind, sorted by ID.
func (p *plugins) list(ctx context.Context, k *pve.Kind) ([]plugin, error) {
	records, _, err := p.store.List(ctx, pluginKey(k, ""), "")
	if err != nil {
		return nil, err
	}
	out := make([]plugin, 0, len(records)+1)
	known := false
	for _, r := range records {
		x := plugin{revision: r.Revision}
		if err := json.Unmarshal(r.Value, &x); err != nil {
			return nil, fmt.Errorf("stored value %s is damaged: %w", r.Key, err)
		}
		known = known || x.ID == builtin.ID
		out = append(out, x)
	}
	if k == pve.IPAMs() && !known {
		out = append([]plugin{builtin}, out...)
	}
	return out, nil
}

// get returns one, or that it does not exist.
func (p *plugins) get(ctx context.Context, k *pve.Kind, id string) (*plugin, error) {
	all, err := p.list(ctx, k)
	if err != nil {
		return nil, err
	}
	for _, x := range all {
		if x.ID == id {
			return &x, nil
		}
	}
	return nil, k.Missing(id)
}

// put stores one that was read, or is new.
func (p *plugins) put(ctx context.Context, k *pve.Kind, x *plugin, guard []store.Cond) error {
	value, err := json.Marshal(x)
	if err != nil {
		return err
	}
	key := pluginKey(k, x.ID)
	_, err = p.store.Txn(ctx, append(guard, store.Cond{Key: key, Revision: x.revision}), []store.Op{store.Put(key, value)})
	return err
}

// HasIPAM implements pve.Plugins.
func (p *plugins) HasIPAM(id string) bool { return p.has(pve.IPAMs(), id) }

// HasDNS implements pve.Plugins.
func (p *plugins) HasDNS(id string) bool { return p.has(pve.NameServers(), id) }

func (p *plugins) has(k *pve.Kind, id string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), pluginTimeout)
	defer cancel()
	_, err := p.get(ctx, k, id)
	return err == nil
}

// digest tells whether any of a kind was changed.
func pluginDigest(k *pve.Kind, all []plugin) string {
	b, _ := json.Marshal(all) // plain values only
	sum := sha256.Sum256(b)
	return word(k.Model, sum[:])
}

func (s *sdn) pluginOperations() []Operation {
	return append(s.pluginsOf(pve.IPAMs(), "/cluster/sdn/ipams", "/sdn/ipams"), s.pluginsOf(pve.NameServers(), "/cluster/sdn/dns", "/sdn/dns")...)
}

// pluginsOf are the operations on the plugins of a kind.
func (s *sdn) pluginsOf(k *pve.Kind, path, scope string) []Operation {
	item := path + "/{" + k.ID + "}"
	id := idParam(k, false)
	return []Operation{
		{
			Method: http.MethodGet, Path: path, Doc: "List the " + k.Noun + " plugins.", Params: []pve.Property{typed(k, "type", 'o')},
			Handle: func(c *Call) (any, error) { return s.listPlugins(c, k, scope) },
		},
		{
			Method: http.MethodPost, Path: path, Doc: "Create a " + k.Noun + " plugin.",
			Params: append([]pve.Property{idParam(k, true), typed(k, "type", 'r'), lockToken}, optional(k)...),
			Allow:  Need(scope, allocate), Handle: func(c *Call) (any, error) { return s.createPlugin(c, k) },
		},
		{
			Method: http.MethodGet, Path: item, Doc: "Read a " + k.Noun + " plugin.", Params: []pve.Property{id},
			Allow: Need(scope+"/{"+k.ID+"}", allocate),
			Handle: func(c *Call) (any, error) {
				all, err := s.plugins.list(c, k)
				if err != nil {
					return nil, err
				}
				x, err := s.plugins.get(c, k, c.Text(k.ID))
				if err != nil {
					return nil, err
				}
				return x.show(c, k, scope, pluginDigest(k, all)), nil
			},
		},
		{
			Method: http.MethodPut, Path: item, Doc: "Change a " + k.Noun + " plugin.",
			Params: append([]pve.Property{id, digestText, deleteList, lockToken}, optional(k)...),
			Allow:  Need(scope, allocate), Handle: func(c *Call) (any, error) { return s.updatePlugin(c, k) },
		},
		{
			Method: http.MethodDelete, Path: item, Doc: "Delete a " + k.Noun + " plugin.", Params: []pve.Property{id, lockToken},
			Allow: Need(scope, allocate), Handle: func(c *Call) (any, error) { return s.deletePlugin(c, k) },
		},
	}
}

// secrets are the properties that only those who may change a plugin are shown:
// Proxmox shows them to auditors too.
var secrets = []string{"token", "key"}

func (x *plugin) show(c *Call, k *pve.Kind, scope, digest string) pve.Object {
	out := k.View(x.ID, x.Values)
	if !c.May(scope+"/"+x.ID, allocate) {
		for _, name := range secrets {
			delete(out, name)
		}
	}
	out["type"], out["digest"] = x.Type, digest
	return out
}

func (s *sdn) listPlugins(c *Call, k *pve.Kind, scope string) (any, error) {
	all, err := s.plugins.list(c, k)
	if err != nil {
		return nil, err
	}
	digest := pluginDigest(k, all)
	out := []pve.Object{}
	for _, x := range all {
		if (!c.Has("type") || c.Text("type") == x.Type) && c.May(scope+"/"+x.ID, audit, allocate) {
			out = append(out, x.show(c, k, scope, digest))
		}
	}
	return out, nil
}

// changePlugin runs a change of plugins under the global lock.
func (s *sdn) changePlugin(c *Call, what string, change func(guard []store.Cond) error) (any, error) {
	guard, err := s.lock.guard(c, c.Text(lockToken.Name))
	if err == nil {
		err = change(guard)
	}
	if errors.Is(err, store.ErrConflict) {
		err = pve.Refusal("somebody else changed it meanwhile: try again")
	}
	return nil, failed(what, err)
}

func (s *sdn) createPlugin(c *Call, k *pve.Kind) (any, error) {
	x := &plugin{ID: c.Text(k.ID), Type: c.Text("type"), Values: c.given(k)}
	if err := k.Options(x.Type, x.Values); err != nil {
		return nil, err
	}
	return s.changePlugin(c, "create sdn "+k.Noun+" object", func(guard []store.Cond) error {
		if s.plugins.has(k, x.ID) {
			return k.Defined(x.ID)
		}
		if err := x.answers(c); err != nil {
			return err
		}
		return s.plugins.put(c, k, x, guard)
	})
}

func (s *sdn) updatePlugin(c *Call, k *pve.Kind) (any, error) {
	return s.changePlugin(c, "update sdn "+k.Noun+" object", func(guard []store.Cond) error {
		all, err := s.plugins.list(c, k)
		if err != nil {
			return err
		}
		x, err := s.plugins.get(c, k, c.Text(k.ID))
		if err != nil {
			return err
		}
		if err := c.unmodified(pluginDigest(k, all)); err != nil {
			return err
		}
		if x.Values, err = k.Merge(x.Type, x.Values, c.given(k), c.List("delete")); err != nil {
			return err
		}
		if err := x.answers(c); err != nil {
			return err
		}
		return s.plugins.put(c, k, x, guard)
	})
}

func (s *sdn) deletePlugin(c *Call, k *pve.Kind) (any, error) {
	what := "delete sdn " + k.Noun + " object"
	if k == pve.IPAMs() {
		what = "delete sdn zone object" // as Proxmox has it
	}
	return s.changePlugin(c, what, func(guard []store.Cond) error {
		x, err := s.plugins.get(c, k, c.Text(k.ID))
		if err != nil {
			return err
		}
		if x.revision == 0 {
			return pve.Refusal("ipam '" + x.ID + "' is built in and cannot be deleted")
		}
		key := pluginKey(k, x.ID)
		_, err = s.Store.Txn(c, append(guard, store.Cond{Key: key, Revision: x.revision}), []store.Op{store.Delete(key)})
		return err
	})
}

// answers asks the external system whether it is there and lets in, as Proxmox does
// before it stores one.
func (x *plugin) answers(ctx context.Context) error {
	system, err := x.system()
	switch {
	case errors.Is(err, external.ErrURL):
		return pve.Faults{"url": err.Error()}
	case err == nil && system != nil:
		err = system.Ping(ctx)
	}
	if err != nil {
		return pve.Refusal(fmt.Sprintf("can't connect to %s API: %s", x.Type, err))
	}
	return nil
}

// pinger is an external system that can be asked whether it is there.
type pinger interface {
	Ping(ctx context.Context) error
}

// system prepares to speak with the external system; nil if it is none.
func (x *plugin) system() (pinger, error) {
	o := external.Options{Timeout: pluginTimeout}
	number := func(name string) int {
		n, _ := strconv.Atoi(x.Values.Get(name)) // its form was checked; without it is 0
		return n
	}
	ipam := &model.IPAM{
		ID: x.ID, Type: model.IPAMType(x.Type), URL: x.Values.Get("url"), Token: model.Secret(x.Values.Get("token")),
		Section: number("section"), Fingerprint: x.Values.Get("fingerprint"),
	}
	switch x.Type {
	case string(model.IPAMTypeNetBox):
		return netbox.New(ipam, o)
	case string(model.IPAMTypePHPIPAM):
		return phpipam.New(ipam, o)
	case model.DNSTypePowerDNS:
		return powerdns.New(&model.NameServer{
			ID: x.ID, Type: x.Type, URL: x.Values.Get("url"), Key: model.Secret(x.Values.Get("key")),
			TTL: number("ttl"), ReverseMaskV6: number("reversemaskv6"), Fingerprint: x.Values.Get("fingerprint"),
		}, o)
	}
	return nil, nil
}
