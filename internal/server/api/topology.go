package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/positions"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/internal/topology"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func topologyRoutes() []route {
	const group = "Topology"
	return []route{
		{
			method: http.MethodGet, path: "topology", id: "getTopology", group: group, serve: (*Handler).topology, answer: of[api.Topology](), cached: true,
			needs: within("the objects and nodes that the caller may see"),
			query: []param{
				{name: "detail", typ: "string", enum: topology.Details(), doc: "cluster counts the VNets of each zone, zone shows them; auto (the default) shows them unless they are many"},
				{name: "expand", typ: "string", doc: "zones whose VNets are shown in any case, and nodes whose interfaces are shown, separated by commas: zone/red,node/node1; at most 16"},
				{name: "focus", typ: "string", doc: "a zone, VNet, subnet, guest, node, fabric, fabric node or controller: vnet/web; only it and its neighbours are shown"},
				{name: "depth", typ: "integer", doc: "how many references away a neighbour may be, 1 to 4; 1 by default"},
			},
			doc: "Returns the network as a picture, laid out: nodes as columns, zones as bands of VNets across them, what carries them below, with states and pending changes. The same network always gives the same picture.",
		},
		{
			method: http.MethodPatch, path: "topology/positions", id: "moveElements", group: group, serve: (*Handler).moveElements, request: of[api.Positions](),
			needs: on("/sdn", access.SDNAllocate),
			doc:   "Moves nodes, zones and VNets of the picture, for all users, at once. At most 4096 elements can be moved.",
		},
		{
			method: http.MethodDelete, path: "topology/positions", id: "resetPositions", group: group, serve: (*Handler).resetPositions, needs: on("/sdn", access.SDNAllocate),
			doc: "Puts every moved element of the picture back to its own place.",
		},
	}
}

func (h *Handler) topology(r *request) (any, error) {
	o, err := topologyOptions(r)
	if err != nil {
		return nil, err
	}
	v, err := h.Config.View(r.Context())
	if err != nil {
		return nil, err
	}
	for _, k := range []model.Kind{model.KindZone, model.KindNode, model.KindGuest} {
		h.notice(r, k)
	}
	t, err := h.picture(r.caller, v, o)
	if err != nil {
		return nil, err
	}
	etag := strconv.Quote(t.Version)
	r.w.Header().Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		r.w.WriteHeader(http.StatusNotModified)
		return written{}, nil
	}
	return t, nil
}

// picture is the picture that a caller sees, with its version.
func (h *Handler) picture(c caller, v *revision.View, o topology.Options) (*api.Topology, error) {
	// What may change while the picture is computed is read before.
	key := pictureKey{caller: fmt.Sprint(c.admin, " ", c.id), options: fmt.Sprintf("%q %q %d %q", o.Detail, o.Focus, o.Depth, o.Expand)}
	from := pictureInput{running: v.Running, pending: v.Pending, live: v.Live, access: h.Access.Changed(), positions: h.Positions.Changed()}
	s, err := h.Fleet.Status()
	if err != nil {
		return nil, err
	}
	from.status = s.Version
	for i := range s.Nodes {
		f, _ := h.Fleet.Facts(s.Nodes[i].Name)
		from.facts = append(from.facts, f)
	}
	return h.pictures.get(key, from, func() (*api.Topology, error) {
		t, ok := topology.Of(h.topologyInput(c, v, s), o)
		if !ok {
			return nil, problem.New(http.StatusNotFound, api.TypeNotFound, "focus %q: the picture shows no such object that you may see; write it like vnet/web, or leave focus out", o.Focus)
		}
		b, err := json.Marshal(t)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(b)
		t.Version = hex.EncodeToString(sum[:12])
		return t, nil
	})
}

func topologyOptions(r *request) (topology.Options, error) {
	q := r.URL.Query()
	o := topology.Options{Detail: q.Get("detail"), Focus: q.Get("focus"), Depth: 1}
	if o.Detail != "" && !slices.Contains(topology.Details(), o.Detail) {
		return o, problem.Invalid("detail %q: must be one of %s", o.Detail, strings.Join(topology.Details(), ", "))
	}
	if s := q.Get("expand"); s != "" {
		o.Expand = strings.Split(s, ",")
	}
	if len(o.Expand) > topology.MaxExpand {
		return o, problem.Invalid("expand: names %d objects; at most %d can be expanded at once", len(o.Expand), topology.MaxExpand)
	}
	for _, ref := range o.Expand {
		switch kind, id, ok := strings.Cut(ref, "/"); {
		case !ok || id == "", kind != string(model.KindZone) && kind != string(model.KindNode):
			return o, problem.Invalid("expand %q: must be a zone or a node, like zone/red or node/node1", ref)
		}
	}
	if s := q.Get("depth"); s != "" {
		var err error
		if o.Depth, err = strconv.Atoi(s); err != nil || o.Depth < 1 || o.Depth > topology.MaxDepth {
			return o, problem.Invalid("depth %q: must be a number, 1 to %d", s, topology.MaxDepth)
		}
	}
	return o, nil
}

// topologyInput is what the caller may see of what the picture shows.
func (h *Handler) topologyInput(c caller, v *revision.View, s *api.Status) topology.Input {
	in := topology.Input{Revision: v.Revision, Facts: make(map[string]*model.Facts)}
	in.Running, in.Pending = h.shownConfig(c, v.Running), h.shownConfig(c, v.Pending)
	in.Live = v.Live
	if !c.admin {
		in.Live = &model.Config{}
		zoneOf := zonesOf(v.Pending)
		for o := range v.Live.Each(model.KindGuest) {
			if h.canRead(c, o, zoneOf) {
				in.Live.Set(o)
			}
		}
	}
	in.Nodes = slices.DeleteFunc(slices.Clone(s.Nodes), func(n api.NodeStatus) bool { return !h.may(c, right{below(pathNodes, n.Name), sysRead}) })
	for i := range in.Nodes {
		if f, ok := h.Fleet.Facts(in.Nodes[i].Name); ok {
			in.Facts[in.Nodes[i].Name] = f
		}
	}
	in.Ranks = h.Positions.Ranks()
	return in
}

// shownConfig is a configuration without the objects that the caller may not see.
func (h *Handler) shownConfig(c caller, cfg *model.Config) *model.Config {
	if c.admin {
		return cfg
	}
	out := &model.Config{}
	zoneOf := zonesOf(cfg)
	for _, k := range topology.Kinds() {
		for o := range cfg.Each(k) {
			if h.canRead(c, o, zoneOf) {
				out.Set(o)
			}
		}
	}
	return out
}

func (h *Handler) moveElements(r *request) (any, error) {
	var req api.Positions
	if err := problem.Decode(r.w, r.Request, maxBody, &req); err != nil {
		return nil, err
	}
	for ref, rank := range req.Positions {
		kind, id, _ := strings.Cut(ref, "/")
		switch {
		case id == "" || len(id) > maxMovedID || !slices.Contains(topology.Movable(), model.Kind(kind)):
			return nil, problem.Invalid("positions: %.100q cannot be moved: it must be a node, zone or VNet, like node/node1", ref)
		case rank != nil && math.Abs(*rank) > api.MaxRank:
			return nil, problem.Invalid("positions: %s: %g is not a rank: it must be between -%d and %d, or null", ref, *rank, api.MaxRank, api.MaxRank)
		}
		r.objects = append(r.objects, ref)
	}
	slices.Sort(r.objects)
	err := h.Positions.Move(r.Context(), req.Positions)
	if errors.Is(err, positions.ErrTooMany) {
		return nil, problem.Invalid("positions: %s; put some back to their own places (null), or all of them by DELETE", err)
	}
	return nil, err
}

// maxMovedID bounds the name of a moved element, in bytes.
const maxMovedID = 253

func (h *Handler) resetPositions(r *request) (any, error) { return nil, h.Positions.Reset(r.Context()) }
