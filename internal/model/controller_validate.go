package model

import (
	"regexp"
	"strconv"
)

// MaxASN is the highest autonomous system number that may be used (RFC 6793; RFC 7300 reserves
// the last one).
const MaxASN = 1<<32 - 2

var (
	// controllerForm is the format pve-sdn-controller-id of Proxmox VE.
	controllerForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,62}[A-Za-z0-9]$`)
	// netForm is a network entity title: an area of two digits, 3 to 9 groups of
	// four, and a selector of two (ISO 10589, section 7.1).
	netForm = regexp.MustCompile(`^[0-9A-Fa-f]{2}(\.[0-9A-Fa-f]{4}){3,9}\.[0-9A-Fa-f]{2}$`)
	// wordForm is a name in FRR's configuration.
	wordForm = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
)

// controllers checks controllers: EVPN controllers on a common node must have different peer
// groups, and a node has at most one controller of each other type.
func (c *checker) controllers(ids []string) {
	groups := map[string][]*Controller{} // EVPN controllers by peer group
	onNode := map[string]*Controller{}   // by type and node
	for _, id := range ids {
		o := c.cfg.Controllers[id]
		r := c.report(o)
		if !controllerForm.MatchString(id) {
			r.error("id", id, msgControllerNameInvalid)
		}
		switch o.Type {
		case ControllerEVPN:
			c.controllerEVPN(r, o)
			for _, other := range groups[o.PeerGroup()] {
				if node, shared := sharedNode(o, other); shared {
					r.about(Ref(KindController, other.ID)).error("peer-group-name", o.PeerGroup(), msgControllerPeerGroupUsed, other.ID, node)
				}
			}
			groups[o.PeerGroup()] = append(groups[o.PeerGroup()], o)
		case ControllerBGP:
			c.controllerBGP(r, o)
		case ControllerISIS:
			c.controllerISIS(r, o)
		default:
			continue
		}
		if o.Type == ControllerEVPN || o.Node == "" {
			continue
		}
		key := string(o.Type) + " " + o.Node
		if other := onNode[key]; other != nil {
			r.about(Ref(KindController, other.ID)).lax("node", o.Node, msgControllerNodeUsed, o.Type, other.ID)
		}
		onNode[key] = o
	}
}

// sharedNode names a node on which two EVPN controllers may both run.
func sharedNode(a, b *Controller) (name string, ok bool) {
	if len(a.Nodes) == 0 {
		a, b = b, a
	}
	if len(a.Nodes) == 0 {
		return "every node", true
	}
	for _, n := range a.Nodes {
		if b.OnNode(n) {
			return "node " + n, true
		}
	}
	return "", false
}

func needsASN(r report, asn int) {
	if asn == 0 {
		r.error("asn", "", msgASNMissing, MaxASN)
	}
}

func (c *checker) controllerEVPN(r report, o *Controller) {
	needsASN(r, o.ASN)
	switch {
	case len(o.Peers) > 0 && o.Fabric != "":
		r.error("peers", joinAddrs(o.Peers), msgControllerPeersAndFabric, o.Fabric)
	case len(o.Peers) == 0 && o.Fabric == "":
		r.error("peers", "", msgControllerPeersMissing)
	}
	c.fabricRef(r, o.Fabric)
	checkPeers(r, o.Peers)
	c.nodeList(r, o.Nodes, msgControllerNodeNotJoined)
	switch f := c.cfg.Fabrics[o.PeerGroup()]; {
	case o.PeerGroupName != "" && !controllerForm.MatchString(o.PeerGroupName):
		r.error("peer-group-name", o.PeerGroupName, msgPeerGroupNameInvalid)
	case o.PeerGroupName == bgpPeerGroup:
		r.error("peer-group-name", o.PeerGroupName, msgPeerGroupNameReserved)
	case f != nil && f.Protocol == FabricBGP:
		r.about(Ref(KindFabric, f.ID)).error("peer-group-name", o.PeerGroup(), msgPeerGroupNameOfFabric, f.ID)
	}
	if o.EBGPMultihop > 0 && o.BGPMode == ModeInternal {
		r.warn("ebgp-multihop", strconv.Itoa(o.EBGPMultihop), msgEBGPMultihopInternal)
	}
}

// bgpPeerGroup is the peer group of BGP controllers.
const bgpPeerGroup = "BGP"

func (c *checker) controllerBGP(r report, o *Controller) {
	needsASN(r, o.ASN)
	c.controllerNode(r, o)
	if len(o.Peers) == 0 {
		r.error("peers", "", msgBGPPeersMissing)
	}
	checkPeers(r, o.Peers)
	if o.EBGPMultihop > 0 && !o.EBGP {
		r.warn("ebgp-multihop", strconv.Itoa(o.EBGPMultihop), msgEBGPMultihopWithoutEBGP)
	}
	checkIfname(r, "loopback", o.Loopback)
}

func (c *checker) controllerISIS(r report, o *Controller) {
	c.controllerNode(r, o)
	checkIfname(r, "loopback", o.Loopback)
	switch {
	case o.ISISDomain == "":
		r.error("isis-domain", "", msgISISDomainMissing)
	case !wordForm.MatchString(o.ISISDomain):
		r.error("isis-domain", o.ISISDomain, msgISISDomainInvalid)
	}
	switch {
	case o.ISISNet == "":
		r.error("isis-net", "", msgISISNetMissing)
	case !netForm.MatchString(o.ISISNet):
		r.error("isis-net", o.ISISNet, msgISISNetInvalid)
	}
	if len(o.ISISIfaces) == 0 {
		r.error("isis-ifaces", "", msgISISInterfacesMissing)
	}
	for _, name := range o.ISISIfaces {
		checkIfname(r, "isis-ifaces", name)
	}
}

func (c *checker) controllerNode(r report, o *Controller) {
	switch {
	case o.Node == "":
		r.error("node", "", msgControllerNodeMissing)
	case !IsLabel(o.Node):
		r.error("node", o.Node, msgHostNameInvalid)
	case !c.known[o.Node]:
		r.warn("node", o.Node, msgControllerNodeNotJoined, c.nearestNode(o.Node))
	}
}

func checkIfname(r report, field, name string) {
	if name != "" && !ifnameForm.MatchString(name) {
		r.error(field, name, msgInterfaceNameInvalid)
	}
}
