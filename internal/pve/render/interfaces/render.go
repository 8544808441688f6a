package interfaces

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
	"github.com/viaduct-sdn/viaduct/internal/render/interfaces"
)

// maxName is the maximum length of an interface's name, in bytes (IFNAMSIZ without the
// final zero).
const maxName = 15

// block has the lines of one interface.
type block []string

func (b *block) line(format string, args ...any) { *b = append(*b, fmt.Sprintf(format, args...)) }

// renderer is the state while one file is rendered.
type renderer struct {
	run      *running.Running
	facts    *model.Facts
	subnets  map[string][]*model.Subnet // by VNet, each sorted by ID
	blocks   map[string]block           // by interface
	evpn     map[string]*evpnZone       // those of the node, by zone
	problems model.Problems
}

// Render returns the file for the node of the facts. Objects that cannot be rendered are
// left out and reported as problems, in the order of the objects; the file is otherwise
// complete. It uses the node's name, interfaces (addresses, and of bridges their kind and
// their ports) and routes from the facts.
func Render(run *running.Running, facts *model.Facts) ([]byte, model.Problems) {
	r := &renderer{run: run, facts: facts, subnets: map[string][]*model.Subnet{}, blocks: map[string]block{}, evpn: map[string]*evpnZone{}}
	for _, id := range slices.Sorted(maps.Keys(run.Subnets)) {
		s := run.Subnets[id]
		r.subnets[s.VNet] = append(r.subnets[s.VNet], s)
	}
	usable := r.zones()
	for _, id := range slices.Sorted(maps.Keys(run.VNets)) {
		r.vnet(run.VNets[id], usable)
	}
	var out bytes.Buffer
	if run.Zones != nil || run.VNets != nil {
		fmt.Fprintf(&out, "#version:%d\n", run.Version)
	}
	for _, name := range slices.Sorted(maps.Keys(r.blocks)) {
		r.blocks[name].write(&out, name, "")
	}
	r.fabrics(&out)
	return out.Bytes(), r.problems
}

// write adds the stanza of an interface to the file; its family and method are
// empty if ifupdown2 omits them.
func (b block) write(out *bytes.Buffer, name, method string) {
	for _, s := range []string{"\nauto ", name, "\niface ", name, method, "\n"} {
		out.WriteString(s)
	}
	for _, line := range b {
		out.WriteByte('\t')
		out.WriteString(line)
		out.WriteByte('\n')
	}
}

// zones returns the node's zones that can be rendered, and refuses the others by name.
func (r *renderer) zones() map[string]bool {
	usable := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(r.run.Zones)) {
		z := r.run.Zones[id]
		if r.run.Broken(z) || !z.OnNode(r.facts.Node) {
			continue // already reported, or not on this node
		}
		switch z.Type {
		case model.ZoneSimple:
			usable[id] = true
		case model.ZoneVXLAN:
			usable[id] = r.hasVTEPs(z)
		case model.ZoneVLAN, model.ZoneQinQ:
			usable[id] = r.bridgeOf(z)
		case model.ZoneEVPN:
			usable[id] = r.routed(z)
		default:
			r.refuse(model.KindZone, id, "type", string(z.Type), "is not a type that this release renders; the zone and its vnets are left out")
		}
	}
	return usable
}

// vnet renders one VNet, unless its zone does not allow it.
func (r *renderer) vnet(v *model.VNet, usable map[string]bool) {
	z := r.run.Zones[v.Zone]
	switch {
	case v.Zone == "":
		r.warn(model.KindVNet, v.ID, "zone", "", "is not set, so the vnet is left out, as Proxmox does")
		return
	case z == nil:
		r.warn(model.KindVNet, v.ID, "zone", v.Zone, "is not in the running configuration, so the vnet is left out, as Proxmox does")
		return
	case !usable[z.ID]:
		return
	}
	if strings.HasSuffix(v.Alias, `\`) {
		r.warn(model.KindVNet, v.ID, "alias", v.Alias, "ends in a backslash, which makes ifupdown2 take the line after it for a part of the alias; change the alias")
	}
	switch z.Type {
	case model.ZoneSimple:
		r.simple(z, v)
	case model.ZoneVLAN:
		r.vlan(z, v)
	case model.ZoneQinQ:
		r.qinq(z, v)
	case model.ZoneVXLAN:
		r.vxlan(z, v)
	case model.ZoneEVPN:
		r.routedVNet(z, v)
	}
}

// add adds the blocks of a VNet to the file, and those that it shares with others unless
// one of them has added them. It refuses the VNet if a block's name is not valid for an
// interface, and reports whether it was added.
func (r *renderer) add(v *model.VNet, own, shared map[string]block) bool {
	for _, blocks := range []map[string]block{own, shared} {
		for _, name := range slices.Sorted(maps.Keys(blocks)) {
			if len(name) > maxName || !interfaces.PlainName(name) {
				r.refuse(model.KindVNet, v.ID, "", "", fmt.Sprintf("is left out: %q cannot be the name of an interface (letters and digits, at most %d in all)", name, maxName))
				return false
			}
		}
	}
	maps.Copy(r.blocks, own)
	for name, b := range shared {
		if _, made := r.blocks[name]; !made {
			r.blocks[name] = b
		}
	}
	return true
}

func (r *renderer) refuse(kind model.Kind, id, field, value, message string) {
	r.problem(model.Error, kind, id, field, value, message)
}

func (r *renderer) warn(kind model.Kind, id, field, value, message string) {
	r.problem(model.Warning, kind, id, field, value, message)
}

func (r *renderer) problem(severity model.Severity, kind model.Kind, id, field, value, reason string) {
	r.problems = append(r.problems, model.NewProblem(severity, kind, id, field, value, msgNotRendered.Of(reason)))
}

// bridge adds the common lines of every VNet's bridge, in their fixed order.
func (b *block) bridge(v *model.VNet, ports string, mtu int) {
	b.line("bridge_ports %s", ports)
	b.line("bridge_stp off")
	b.line("bridge_fd 0")
	if v.VLANAware {
		b.line("bridge-vlan-aware yes")
		b.line("bridge-vids 2-4094")
	}
	if mtu != 0 {
		b.line("mtu %d", mtu)
	}
	if v.Alias != "" {
		b.line("alias %s", v.Alias)
	}
}
