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
			r.errorf("id", id, "is not a controller name: use 2 to 64 letters, digits, _ and -, a letter first, a letter or digit last")
		}
		switch o.Type {
		case ControllerEVPN:
			c.controllerEVPN(r, o)
			for _, other := range groups[o.PeerGroup()] {
				if node, shared := sharedNode(o, other); shared {
					r.about(Ref(KindController, other.ID)).errorf("peer-group-name", o.PeerGroup(), "is already that of controller %s, which runs on %s too; give one of them another name, or nodes of its own", other.ID, node)
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
			r.about(Ref(KindController, other.ID)).laxf("node", o.Node, "runs the %s controller %s already; a node runs one of a type: give both peers to one, or choose another node", o.Type, other.ID)
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
		r.errorf("asn", "", "is missing: the autonomous system number, 1 to %d; 64512 to 65534 and 4200000000 to 4294967294 are for private use (RFC 6996)", MaxASN)
	}
}

func (c *checker) controllerEVPN(r report, o *Controller) {
	needsASN(r, o.ASN)
	switch {
	case len(o.Peers) > 0 && o.Fabric != "":
		r.errorf("peers", joinAddrs(o.Peers), "excludes fabric %q: an evpn controller has one of the two; remove the other", o.Fabric)
	case len(o.Peers) == 0 && o.Fabric == "":
		r.errorf("peers", "", "is missing: list the address of every node, like 192.168.0.1, 192.168.0.2, or name a fabric")
	}
	c.fabricRef(r, o.Fabric)
	checkPeers(r, o.Peers)
	c.nodeList(r, o.Nodes, "the controller runs there once it has")
	switch f := c.cfg.Fabrics[o.PeerGroup()]; {
	case o.PeerGroupName != "" && !controllerForm.MatchString(o.PeerGroupName):
		r.errorf("peer-group-name", o.PeerGroupName, "is not a name: use 2 to 64 letters, digits, _ and -, a letter first, a letter or digit last")
	case o.PeerGroupName == bgpPeerGroup:
		r.errorf("peer-group-name", o.PeerGroupName, "is the peer group of bgp controllers; choose another")
	case f != nil && f.Protocol == FabricBGP:
		r.about(Ref(KindFabric, f.ID)).errorf("peer-group-name", o.PeerGroup(), "is the peer group of fabric %s; choose another", f.ID)
	}
	if o.EBGPMultihop > 0 && o.BGPMode == ModeInternal {
		r.warnf("ebgp-multihop", strconv.Itoa(o.EBGPMultihop), "has no effect with bgp-mode internal")
	}
}

// bgpPeerGroup is the peer group of BGP controllers.
const bgpPeerGroup = "BGP"

func (c *checker) controllerBGP(r report, o *Controller) {
	needsASN(r, o.ASN)
	c.controllerNode(r, o)
	if len(o.Peers) == 0 {
		r.errorf("peers", "", "is missing: list the addresses of the routers outside")
	}
	checkPeers(r, o.Peers)
	if o.EBGPMultihop > 0 && !o.EBGP {
		r.warnf("ebgp-multihop", strconv.Itoa(o.EBGPMultihop), "has no effect without ebgp")
	}
	checkIfname(r, "loopback", o.Loopback)
}

func (c *checker) controllerISIS(r report, o *Controller) {
	c.controllerNode(r, o)
	checkIfname(r, "loopback", o.Loopback)
	switch {
	case o.ISISDomain == "":
		r.errorf("isis-domain", "", "is missing: a name for the domain, like evpn")
	case !wordForm.MatchString(o.ISISDomain):
		r.errorf("isis-domain", o.ISISDomain, "is not a name: use up to 64 letters, digits, dots, hyphens and underscores")
	}
	switch {
	case o.ISISNet == "":
		r.errorf("isis-net", "", "is missing: the node's network entity title, like 49.0001.1921.6800.1002.00")
	case !netForm.MatchString(o.ISISNet):
		r.errorf("isis-net", o.ISISNet, "is not a network entity title: write it like 49.0001.1921.6800.1002.00, with 3 to 9 groups of four hexadecimal digits in the middle")
	}
	if len(o.ISISIfaces) == 0 {
		r.errorf("isis-ifaces", "", "is missing: list the interfaces that lead to the other routers")
	}
	for _, name := range o.ISISIfaces {
		checkIfname(r, "isis-ifaces", name)
	}
}

func (c *checker) controllerNode(r report, o *Controller) {
	switch {
	case o.Node == "":
		r.errorf("node", "", "is missing: name the node that the controller runs on")
	case !IsLabel(o.Node):
		r.errorf("node", o.Node, "is not a host name: use up to 63 letters, digits and hyphens")
	case !c.known[o.Node]:
		r.warnf("node", o.Node, "has not joined%s; the controller runs there once it has", c.nearestNode(o.Node))
	}
}

func checkIfname(r report, field, name string) {
	if name != "" && !ifnameForm.MatchString(name) {
		r.errorf(field, name, "is not the name of an interface: up to 15 letters, digits, dots, hyphens and underscores")
	}
}
