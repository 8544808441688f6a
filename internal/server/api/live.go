package api

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/livequery"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/reach"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/fleet"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// liveRoutes are the operations of all live queries: nodes/{node}/live/SUBJECT for those
// about a node, and with the ID of a zone, VNet or fabric after that for the others.
func liveRoutes() []route {
	return convert(livequery.All(), func(q livequery.Info) route {
		rt := route{
			method: http.MethodGet, path: "nodes/{node}/live/" + string(q.Subject), id: camel("live-" + string(q.Subject)), group: "Live state",
			answer: reflect.SliceOf(q.Item), doc: q.Doc + " The node is queried at the time of the request.",
			serve: func(h *Handler, r *request) (any, error) { return h.live(r, q) },
		}
		if q.About == model.KindNode {
			rt.needs = on(pathNodes+"/{node}", access.SysAudit)
			return rt
		}
		rt.path += "/{" + camel(string(q.About)) + "}"
		rt.needs = within(q.About.Descriptor().RightsText(false))
		return rt
	})
}

// live queries a node. Items of VNets that the caller may not read are left out.
func (h *Handler) live(r *request, q livequery.Info) (any, error) {
	node, object := r.PathValue("node"), ""
	if q.About != model.KindNode {
		object = r.PathValue(camel(string(q.About)))
		if err := h.mayQuery(r, q.About, object); err != nil {
			return nil, err
		}
	}
	if !slices.Contains(h.Fleet.Names(), node) {
		return nil, problem.New(http.StatusNotFound, api.TypeNotFound, "node %s: no node of this name has joined; list the nodes with: viaduct get nodes", node)
	}
	list := reflect.New(reflect.SliceOf(q.Item))
	query := h.Fleet.Query
	if q.Shared {
		query = h.Fleet.SharedQuery
	}
	omitted, err := query(r.Context(), node, protocol.LiveQuery{Subject: q.Subject, Of: object}, list.Interface())
	if err != nil {
		return nil, liveError(err)
	}
	if omitted > 0 {
		addNotice(r, fmt.Sprintf("%d more are not shown: an answer has at most %d items", omitted, livequery.MaxItems))
	}
	items := h.visibleItems(r, q.About, object, list.Elem())
	if entries, ok := items.([]livequery.FirewallLogEntry); ok {
		return items, h.explainEntries(r, entries)
	}
	return items, nil
}

// explainEntries adds to entries of firewalls' logs who wrote the rules, and the rules' comments,
// as far as the caller may know them, and leaves out the guests that they may not read.
func (h *Handler) explainEntries(r *request, entries []livequery.FirewallLogEntry) error {
	v, err := h.Config.View(r.Context())
	if err != nil {
		return err
	}
	origins := map[string]*reach.Origin{}
	n := reach.Network{Config: &model.Config{Firewalls: v.Live.Firewalls, SecurityGroups: v.Live.SecurityGroups}}
	for i := range entries {
		e := &entries[i]
		e.Guests = slices.DeleteFunc(e.Guests, func(g string) bool { return h.absent(r.caller, model.KindGuest, g, false) != nil })
		ref, position := model.ParseRuleName(e.Rule)
		if ref == "" || !r.caller.admin && h.has(r.caller).Hides(v, ref) {
			continue
		}
		if _, known := origins[ref]; !known {
			if origins[ref], err = h.origin(r, ref); err != nil {
				return err
			}
		}
		if o := origins[ref]; o != nil {
			e.Author, e.Changed = o.Author, o.Time
		}
		if rules := n.Rules(ref); position >= 0 && position < len(rules) {
			e.Comment = rules[position].Comment
		}
	}
	return nil
}

// liveError is the error of a query that a node did not answer, or not with a list.
func liveError(err error) error {
	switch {
	case errors.Is(err, fleet.ErrSilent):
		return problem.New(http.StatusGatewayTimeout, api.TypeNodeSilent, "%s", err)
	case errors.Is(err, fleet.ErrCannotTell):
		return problem.New(http.StatusConflict, api.TypeConflict, "%s", err)
	}
	return err
}

// mayQuery refuses a caller who may not read the object, in the pending or in the running
// configuration: a node may still have what has just been deleted.
func (h *Handler) mayQuery(r *request, k model.Kind, id string) error {
	if k == model.KindZone && id == livequery.LocalNetwork {
		return h.demand(r.caller, right{below(pathZones, id), sdnRead})
	}
	v, err := h.Config.View(r.Context())
	if err != nil {
		return err
	}
	_, err = h.find(r.caller, v, v.Pending, k, id, false)
	if errors.Is(err, revision.ErrNotFound) {
		_, err = h.find(r.caller, v, v.Running, k, id, false)
	}
	return err
}

// visibleItems is a list about an object without items of VNets and guests that the caller may
// not read.
func (h *Handler) visibleItems(r *request, about model.Kind, object string, list reflect.Value) any {
	readable := make(map[string]bool)
	mayRead := func(vnet string) bool {
		may, known := readable[vnet]
		switch {
		case known || vnet == "":
			return may || vnet == ""
		case about == model.KindZone:
			may = h.may(r.caller, right{vnetPath(object, vnet), sdnRead})
		default:
			may = vnet == object || h.mayQuery(r, model.KindVNet, vnet) == nil
		}
		readable[vnet] = may
		return may
	}
	out := reflect.MakeSlice(list.Type(), 0, list.Len())
	for i := range list.Len() {
		item := list.Index(i)
		if v, ok := item.Interface().(livequery.InVNet); ok && !mayRead(v.OfVNet()) {
			continue
		}
		if g, ok := item.Interface().(livequery.InGuest); ok && g.OfGuest() != "" && h.absent(r.caller, model.KindGuest, g.OfGuest(), false) != nil {
			continue
		}
		out = reflect.Append(out, item)
	}
	return out.Interface()
}
