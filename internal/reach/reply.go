package reach

import "github.com/viaduct-sdn/viaduct/internal/naming"

// back is the path of the first reply to a packet that arrived or left; nil without one.
func (w *walk) back() *Reply {
	r := &walk{n: w.n, q: Query{From: w.q.To, To: w.q.From, Proto: w.q.Proto}, packet: w.packet.answered(), seen: w.seen, reply: true}
	// On its way the packet's place changed, its addresses did not.
	switch w.end.kind {
	case endNowhere:
		return nil
	case endGuest:
		r.run()
	case endNode:
		r.step(w.end.at.Name, w.q.From.VNet, Pass, nil, "Node %s replies: nothing filters what it sends itself", w.end.at.Name)
	case endOutside:
		r.inward(w.end)
	}
	return &Reply{Verdict: r.out.Steps[len(r.out.Steps)-1].Verdict, Steps: r.out.Steps}
}

// inward is the way of a reply from outside to a guest, the same way that its packet left. Until
// it comes to the node it is not known: routers in between are others'.
func (w *walk) inward(e end) {
	to := w.q.To
	z := w.n.Config.Zones[to.Zone]
	how := "the node must be the way back to " + w.packet.Dst.String() + " for the routers outside"
	if e.translated {
		how = "the node undoes the source NAT: to " + w.packet.Dst.String()
	}
	w.step(e.at.Name, to.VNet, Pass, nil, "A reply comes in by %s; %s", e.dev, how)
	w.packet.In, w.packet.InOurs, w.packet.Out, w.packet.OutOurs = e.dev, e.at.ours(e.dev), to.VNet, true
	if e.through != nil {
		w.packet.Out = naming.VRFBridge.OfVRF(z.ID, z.VRFVXLAN)
	}
	if !w.filter(e.at, to.VNet, "inet", "forward", "The filters of routed traffic") {
		return
	}
	if e.through != nil {
		w.step(e.at.Name, to.VNet, Pass, nil, "By %s to node %s", w.packet.Out, e.through.Name)
		w.packet.In, w.packet.InOurs, w.packet.Member, w.packet.Out = naming.VRF.OfVRF(z.ID, z.VRFVXLAN), true, naming.VRFBridge.OfVRF(z.ID, z.VRFVXLAN), to.VNet
		if !w.filter(e.through, to.VNet, "inet", "forward", "The filters of routed traffic") {
			return
		}
	}
	if to.Kind == KindGuest {
		w.arrived()
	}
}
