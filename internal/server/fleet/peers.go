package fleet

import (
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/revision"
)

// addressBook maps addresses to nodes; a node does not know the addresses of others.
type addressBook map[string]string

// book returns the addresses of all members: declared, in fabrics, and reported.
func (f *Fleet) book(v *revision.View) addressBook {
	b := addressBook{}
	for _, name := range f.members.Names() {
		facts, ok := f.Facts(name)
		if !ok {
			continue
		}
		for _, i := range facts.Interfaces {
			for _, p := range i.Addresses {
				if !p.Addr().IsLoopback() && !p.Addr().IsLinkLocalUnicast() {
					b[p.Addr().String()] = name
				}
			}
		}
	}
	for _, m := range v.Running.FabricNodes {
		b[m.IP.String()], b[m.IP6.String()] = m.Node, m.Node
	}
	for _, o := range v.Running.List(model.KindNode) {
		n := o.(*model.Node)
		b[n.Address.String()] = n.ID
	}
	return b
}

// withNames returns a report with the names of nodes added to the addresses in its
// messages. It calls book only if there are any; r may be nil and is not changed.
func withNames(r *protocol.Status, book func() addressBook) *protocol.Status {
	if r == nil || !slices.ContainsFunc(r.Objects, func(o protocol.ObjectStatus) bool { return len(o.Peers) > 0 }) {
		return r
	}
	out := *r
	out.Objects = slices.Clone(r.Objects)
	for i := range out.Objects {
		o := &out.Objects[i]
		for _, peer := range o.Peers {
			if node := book()[peer]; node != "" {
				o.Message = strings.Replace(o.Message, " "+peer, " "+peer+" ("+node+")", 1)
			}
		}
	}
	return &out
}
