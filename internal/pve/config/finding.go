package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Finding is a message about a line of a directory that was read, or about an object to
// be written.
type Finding struct {
	// File is the name of the file, empty for none; Line counts from 1, 0 is the file as a
	// whole.
	File string
	Line int
	// Left is true if something was left out, or replaced by something stricter.
	// Otherwise it is a note.
	Left bool
	// Problem names the object, the field and the value, and what would be correct.
	model.Problem
}

// String formats the finding on one line: `zones.cfg:3: zone z1: mtu "big": must be ...`.
func (f Finding) String() string {
	text := f.Problem.String()
	switch {
	case f.File == "":
		return text
	case f.Line == 0:
		return f.File + ": " + text
	}
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, text)
}

// place is the location of an object.
type place struct {
	file  string
	line  int
	lines map[string]int // of its properties
}

// of returns the line of a field, or that of the object.
func (p place) of(field string) int {
	name, _, _ := strings.Cut(field, "[")
	if n := p.lines[name]; n != 0 {
		return n
	}
	return p.line
}

// finding returns a finding about an object at a place.
func (p place) finding(left bool, problem model.Problem) Finding {
	problem.Severity = model.Warning
	if left {
		problem.Severity = model.Error
	}
	return Finding{File: p.file, Line: p.of(problem.Field), Left: left, Problem: problem}
}

// Findings returns all findings in the order of the files.
func (d *Directory) Findings() []Finding {
	return slices.Concat(d.read, d.refused, d.settled)
}

// leftOut is the end of messages about objects that are left out.
const leftOut = "; left out"

// Settle sets Config to what is imported of the directory in addition to existing objects:
// without what is left out and what refers to it, and with firewalls that pass nothing
// that those of the files would stop, even if parts of them cannot be imported. existing
// may be nil.
func (d *Directory) Settle(existing *model.Config) {
	if existing == nil {
		existing = &model.Config{}
	}
	d.settled, d.hanging, d.ruleLines = nil, map[string]bool{}, map[string][]int{}
	d.Config = d.all.Clone()
	for _, kind := range model.Kinds() { // referenced objects first
		for _, o := range d.Config.List(kind) {
			ref := model.Ref(kind, o.ObjectID())
			if d.left[ref] {
				d.Config.Delete(kind, o.ObjectID())
				continue
			}
			for _, r := range references(o) {
				if d.Config.Get(r.Kind, r.ID) != nil || existing.Get(r.Kind, r.ID) != nil || !d.isLeftOut(r.Kind, r.ID) {
					continue
				}
				d.Config.Delete(kind, o.ObjectID())
				d.hanging[ref] = true
				d.settled = append(d.settled, d.places[ref].finding(true, model.NewProblem("", kind, o.ObjectID(), r.Field, r.ID, msgReferenceLeftOut.Of(r.Kind, r.ID))))
				break
			}
		}
	}
	d.cutPeers(existing)
	d.protect(existing)
}

// cutPeers removes peers on nodes that were left out from the other nodes of WireGuard
// fabrics, which are valid without them.
func (d *Directory) cutPeers(existing *model.Config) {
	for _, o := range d.Config.List(model.KindFabricNode) {
		n := *o.(*model.FabricNode)
		n.Peers = slices.DeleteFunc(slices.Clone(n.Peers), func(peer model.FabricPeer) bool {
			other := model.FabricNodeID(n.Fabric, peer.Node)
			if !d.isLeftOut(model.KindFabricNode, other) || existing.FabricNodes[other] != nil {
				return false
			}
			d.settled = append(d.settled, d.places[model.Ref(model.KindFabricNode, n.ID)].finding(true, model.NewProblem("", model.KindFabricNode, n.ID, "peers", peer.Node,
				msgPeerLeftOut.Of(model.KindFabricNode, other))))
			return true
		})
		if len(n.Peers) < len(o.(*model.FabricNode).Peers) {
			d.Config.Set(&n)
		}
	}
}

// isLeftOut reports whether an object of the directory was left out.
func (d *Directory) isLeftOut(kind model.Kind, id string) bool {
	ref := model.Ref(kind, id)
	return d.left[ref] || d.hanging[ref]
}

// references returns the objects that an object requires: problems with an ID as value
// and without a message.
func references(o model.Object) []model.Problem {
	var out []model.Problem
	add := func(kind model.Kind, field string, ids ...string) {
		for _, id := range ids {
			if id != "" {
				out = append(out, model.Problem{Kind: kind, ID: id, Field: field})
			}
		}
	}
	switch o := o.(type) {
	case *model.RouteMap:
		for _, e := range o.Entries {
			add(model.KindRouteMap, "call", e.Call)
		}
	case *model.Fabric:
		add(model.KindPrefixList, "route_filter", o.RouteFilter)
		add(model.KindRouteMap, "route_map_in", o.RouteMapIn)
		add(model.KindRouteMap, "route_map_out", o.RouteMapOut)
		for _, r := range o.Redistribute {
			add(model.KindRouteMap, "redistribute", r.RouteMap)
		}
	case *model.FabricNode:
		add(model.KindFabric, "", o.Fabric)
	case *model.Controller:
		add(model.KindFabric, "fabric", o.Fabric)
		add(model.KindRouteMap, "route-map-in", o.RouteMapIn)
		add(model.KindRouteMap, "route-map-out", o.RouteMapOut)
	case *model.Zone:
		add(model.KindController, "controller", o.Controller)
		add(model.KindController, "secondary-controllers", o.SecondaryControllers...)
		add(model.KindFabric, "fabric", o.Fabric)
	case *model.VNet:
		add(model.KindZone, "zone", o.Zone)
	case *model.Subnet:
		add(model.KindVNet, "vnet", o.VNet)
	}
	return out
}
