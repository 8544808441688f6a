package api

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/audit"
	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/reach"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func reachRoutes() []route {
	return []route{{
		method: http.MethodPost, path: "reach", id: "reach", group: "Live state", serve: (*Handler).reach, request: of[api.ReachRequest](), answer: of[api.ReachAnswer](), readOnly: true,
		needs: somewhere(pathZones, "ends in VNets that the caller may read; the rest of a path that enters another VNet is hidden", sdnRead),
		doc:   "Computes whether a packet from one guest reaches another one or an address, step by step, with the rule that decides. Nothing is sent.",
	}}
}

func (h *Handler) reach(r *request) (any, error) {
	var req api.ReachRequest
	if err := problem.Decode(r.w, r.Request, maxBody, &req); err != nil {
		return nil, err
	}
	q, err := reachQuery(req)
	if err != nil {
		return nil, err
	}
	v, err := h.Config.View(r.Context())
	if err != nil {
		return nil, err
	}
	cfg := v.Running
	if req.View == "pending" {
		cfg = v.Pending
	}
	n := h.network(r.caller, v, cfg)
	if q.From, q.To, err = n.Pair(req.From, req.To); err != nil {
		return nil, problem.Invalid("%s", err)
	}
	answer := n.Ask(q)
	h.hideSteps(r.caller, v, answer)
	steps := answer.Steps
	if answer.Reply != nil {
		steps = slices.Concat(steps, answer.Reply.Steps)
	}
	for i := range steps {
		if rule := steps[i].Rule; rule != nil {
			if rule.Origin, err = h.origin(r, rule.Object); err != nil {
				return nil, err
			}
		}
	}
	return answer, nil
}

// reachQuery reads protocol and port of a request.
func reachQuery(req api.ReachRequest) (q reach.Query, err error) {
	if req.View != "" && req.View != "running" && req.View != "pending" {
		return q, problem.Invalid("view %q: must be running or pending", req.View)
	}
	switch {
	case req.From == "":
		return q, problem.Invalid("from is missing: name a guest, a NIC (100/net0), an address or a node")
	case req.To == "":
		return q, problem.Invalid("to is missing: name a guest, a NIC (100/net0), a node or any address")
	}
	if req.Protocol != "" {
		var ok bool
		if q.Proto, ok = model.ParseProtocol(req.Protocol); !ok {
			return q, problem.Invalid("protocol %q: must be a name like tcp, udp or icmp, or a number from 0 to 255", req.Protocol)
		}
	}
	if q.Proto == model.ProtoICMP || q.Proto == model.ProtoICMPv6 {
		q.Proto = 0 // a ping of the family of the addresses
	}
	switch ports := model.HasPorts(q.Proto); {
	case req.Port < 0 || req.Port > 65535:
		return q, problem.Invalid("port %d: must be 1 to 65535", req.Port)
	case ports && req.Port == 0:
		return q, problem.Invalid("port is missing: %s needs the destination port, 1 to 65535", req.Protocol)
	case !ports && req.Port != 0:
		return q, problem.Invalid("port %d: protocol %q has no ports; name tcp or udp", req.Port, req.Protocol)
	}
	q.Port = uint16(req.Port) // checked above
	return q, nil
}

// network is what a path is computed of. The guests in it are those that have an interface in
// a VNet that the caller may read, with these interfaces.
func (h *Handler) network(c caller, v *revision.View, cfg *model.Config) *reach.Network {
	merged := *cfg
	merged.Firewalls, merged.SecurityGroups = v.Live.Firewalls, v.Live.SecurityGroups
	n := &reach.Network{Config: &merged, Guests: map[string]*model.Guest{}}
	for id, g := range v.Live.Guests {
		seen := *g
		seen.NICs = slices.DeleteFunc(slices.Clone(g.NICs), func(nic model.NIC) bool {
			return !h.may(c, right{vnetPath(zonesOf(cfg)(nic.VNet), nic.VNet), sdnRead})
		})
		if len(seen.NICs) > 0 {
			n.Guests[id] = &seen
		}
	}
	for _, zone := range slices.Sorted(maps.Keys(cfg.Zones)) {
		n.Bindings = append(n.Bindings, h.Addresses.Bindings(zone)...)
	}
	projector := compile.NewProjector(cfg, v.Live, v.Revision)
	lost := sync.OnceValue(h.unreachable)
	known := map[string]*reach.Node{}
	n.Node = func(name string) *reach.Node {
		if _, ok := known[name]; !ok {
			known[name] = h.reachNode(projector, n.Bindings, name, lost)
		}
		return known[name]
	}
	return n
}

// unreachable are the nodes that no server has a connection of.
func (h *Handler) unreachable() map[string]bool {
	out := map[string]bool{}
	s, err := h.Fleet.Status()
	if err != nil {
		return out
	}
	for _, n := range s.Nodes {
		out[n.Name] = n.State == protocol.Unreachable
	}
	return out
}

// reachNode is the state of a node; nil for none of this name.
func (h *Handler) reachNode(p *compile.Projector, bindings []*model.Binding, name string, lost func() map[string]bool) *reach.Node {
	if !slices.Contains(h.Fleet.Names(), name) {
		return nil
	}
	out := &reach.Node{Name: name, Facts: &model.Facts{}, Faults: map[string]string{}}
	facts, ok := h.Fleet.Facts(name)
	if !ok {
		return out
	}
	doc := p.Node(name)
	for _, b := range bindings {
		if doc.Config.Zones[b.Zone] != nil {
			doc.Bindings = append(doc.Bindings, b)
		}
	}
	want, notes := compile.Node(doc, facts)
	out.Facts, out.Want = facts, &want.Space
	for _, note := range notes {
		if note.Level == compile.LevelError {
			out.Faults[note.Object] = note.Message
		}
	}
	if lost()[name] {
		out.Lost = "node " + name + " is unreachable: whether it forwards packets is not known"
	}
	return out
}

// hideSteps ends a path where it enters a VNet that the caller may not read, and hides rules
// of objects that the caller may not read.
func (h *Handler) hideSteps(c caller, v *revision.View, a *reach.Answer) {
	if c.admin {
		return
	}
	var hidden bool
	if a.Steps, hidden = h.shownSteps(c, v, a.Steps); hidden {
		a.Verdict, a.Reply = reach.Unknown, nil // a reply would tell whether the packet arrives
		return
	}
	if a.Reply == nil {
		return
	}
	if a.Reply.Steps, hidden = h.shownSteps(c, v, a.Reply.Steps); hidden {
		a.Verdict, a.Reply.Verdict = reach.Unknown, reach.Unknown
	}
}

// shownSteps are the steps up to a VNet that the caller may not read.
func (h *Handler) shownSteps(c caller, v *revision.View, steps []reach.Step) (shown []reach.Step, hidden bool) {
	for i := range steps {
		s := &steps[i]
		if s.VNet != "" && !h.may(c, right{vnetPath(s.Zone, s.VNet), sdnRead}) {
			return append(steps[:i:i], reach.Step{Text: "The rest of the path is hidden from you", Verdict: reach.Unknown}), true
		}
		if s.Rule != nil && h.has(c).Hides(v, s.Rule.Object) {
			s.Rule, s.Text = nil, "A rule that is hidden from you decides"
		}
	}
	return steps, false
}

// Bounds of the search for the last change of an object.
const (
	originRevisions = 50
	originEntries   = 1000
)

// origin is the last change of an object: of the revision that changed it last, or for those
// that take effect at once, of the audit. It is nil if it is older than the bounds, or if the
// caller may not read it there.
func (h *Handler) origin(r *request, ref string) (*reach.Origin, error) {
	kind, id, _ := strings.Cut(ref, "/")
	k := model.Kind(kind)
	if !slices.Contains(model.Kinds(), k) {
		return nil, nil
	}
	if k.Revisioned() {
		if !h.may(r.caller, right{"/sdn", sdnRead}) {
			return nil, nil
		}
		return h.originInHistory(r.Context(), k, id)
	}
	if h.Audit == nil || !h.may(r.caller, right{"/", sysRead}) {
		return nil, nil
	}
	entries, err := h.Audit.List(r.Context(), audit.Query{Limit: originEntries})
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		done := e.Status < http.StatusBadRequest && !strings.HasPrefix(e.Operation, "check") && !strings.HasPrefix(e.Operation, "plan")
		if done && (slices.Contains(e.Objects, ref) || strings.HasSuffix(e.Target, "/"+k.Plural()+"/"+id)) {
			return &reach.Origin{Time: e.Time.UTC().Format(time.RFC3339), Author: e.Author}, nil
		}
	}
	return nil, nil
}

func (h *Handler) originInHistory(ctx context.Context, k model.Kind, id string) (*reach.Origin, error) {
	history, err := h.Config.History(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(history, func(a, b revision.Past) int { return cmp.Compare(b.Number, a.Number) })
	for _, past := range history[:min(len(history), originRevisions)] {
		rev, err := h.Config.Revision(ctx, past.Number)
		if err != nil {
			return nil, err
		}
		for _, c := range rev.Changes {
			if c.Type == string(k) && c.Name == id {
				return &reach.Origin{Time: rev.Time.UTC().Format(time.RFC3339), Author: rev.Author, Revision: rev.Number}, nil
			}
		}
	}
	return nil, nil
}
