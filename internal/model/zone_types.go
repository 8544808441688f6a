package model

import (
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// MaxVLAN is the highest VLAN identifier (IEEE 802.1Q: 0 and 4095 are reserved).
const MaxVLAN = 4094

// optionText returns a value as a problem quotes it.
func optionText(v reflect.Value) string {
	switch v.Kind() { // the Go kinds of options
	case reflect.String:
		return v.String()
	case reflect.Int:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	}
	switch list := v.Interface().(type) {
	case []string:
		return strings.Join(list[:min(len(list), maxListed)], ", ")
	case []netip.Addr:
		return joinAddrs(list)
	}
	return ""
}

// ifnameForm is an interface name that every program accepts.
var ifnameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$`)

func zoneBridge(r report, z *Zone) {
	switch {
	case z.Bridge == "":
		r.errorf("bridge", "", "is missing: name the bridge of the nodes that carries the VLANs, like vmbr0")
	case !ifnameForm.MatchString(z.Bridge):
		r.errorf("bridge", z.Bridge, "is not the name of an interface: up to 15 letters, digits, dots, hyphens and underscores")
	}
}

func zoneQinQ(r report, z *Zone) {
	if z.Tag == 0 {
		r.errorf("tag", "", "is missing: the zone's service VLAN, 1 to %d", MaxVLAN)
	}
}

// rtForm is a route target: two decimal numbers.
var rtForm = regexp.MustCompile(`^([0-9]{1,10}):([0-9]{1,10})$`)

func (c *checker) zoneEVPN(r report, z *Zone) {
	c.zoneController(r, z)
	switch {
	case z.VRFVXLAN == 0:
		r.errorf("vrf-vxlan", "", "is missing: the VXLAN identifier of the zone's routed traffic, 1 to %d, that no vnet has", MaxTag)
	case z.VRFVXLAN >= 1 && z.VRFVXLAN <= MaxTag && c.l3vnis[z.VRFVXLAN] != z:
		r.about(Ref(KindZone, c.l3vnis[z.VRFVXLAN].ID)).errorf("vrf-vxlan", strconv.Itoa(z.VRFVXLAN), "is already that of zone %s; every evpn zone has its own", c.l3vnis[z.VRFVXLAN].ID)
	}
	if z.MAC != "" {
		if mac, ok := NormalizeMAC(z.MAC); !ok {
			r.errorf("mac", z.MAC, "is not a hardware address; write it like BC:24:11:00:00:01")
		} else if first, _ := strconv.ParseUint(mac[:2], 16, 8); first&1 != 0 {
			r.errorf("mac", z.MAC, "is a multicast address (its first byte is odd), which no gateway can have; use one like BC:24:11:00:00:01")
		}
	}
	c.exitNodes(r, z)
	c.egress(r, z)
	for _, rt := range z.RTImport {
		m := rtForm.FindStringSubmatch(rt)
		if m == nil || !isUint32(m[1]) || !isUint32(m[2]) {
			r.errorf("rt-import", rt, "is not a route target: write it as two numbers up to 4294967295, like 65000:1")
		}
	}
}

func isUint32(s string) bool {
	_, err := strconv.ParseUint(s, 10, 32)
	return err == nil
}

func (c *checker) zoneController(r report, z *Zone) {
	if z.Controller == "" {
		r.errorf("controller", "", "is missing: name the evpn controller that the zone's routes go through")
	} else {
		c.controllerRef(r, "controller", z.Controller)
	}
	seen := map[string]bool{z.Controller: true}
	for _, id := range z.SecondaryControllers {
		if seen[id] {
			r.errorf("secondary-controllers", id, "is a controller of the zone already; once is enough")
			continue
		}
		seen[id] = true
		c.controllerRef(r, "secondary-controllers", id)
	}
	for _, node := range z.Nodes {
		if z.Controller != "" && !c.hasController(z, node) {
			r.warnf("controller", z.Controller, "does not run on node %s of the zone, and no secondary controller does: the zone has no routing there; add the node to the controller's nodes", node)
		}
	}
}

// controllerRef checks that a zone names an EVPN controller.
func (c *checker) controllerRef(r report, field, id string) {
	if ctl := c.cfg.Controllers[id]; ctl != nil && ctl.Type != ControllerEVPN {
		r.about(Ref(KindController, id)).errorf(field, id, "is a controller of type %s; an evpn zone needs one of type evpn", ctl.Type)
	}
}

// hasController reports whether a controller of the zone runs on the node, or does not exist.
func (c *checker) hasController(z *Zone, node string) bool {
	return slices.ContainsFunc(z.Controllers(), func(id string) bool {
		ctl := c.cfg.Controllers[id]
		return ctl == nil || ctl.OnNode(node)
	})
}

func (c *checker) exitNodes(r report, z *Zone) {
	seen := make(map[string]bool, len(z.ExitNodes))
	for _, n := range z.ExitNodes {
		switch {
		case !IsLabel(n):
			r.errorf("exitnodes", n, "is not a host name: use up to 63 letters, digits and hyphens")
		case seen[n]:
			r.warnf("exitnodes", n, "is listed twice; once is enough")
		case !z.OnNode(n):
			r.laxf("exitnodes", n, "is not a node of the zone, which is deployed on %s; add it to nodes, or take it out of exitnodes", firstNames(z.Nodes))
		case !c.known[n]:
			r.warnf("exitnodes", n, "has not joined%s; it routes for the zone once it has", c.nearestNode(n))
		}
		seen[n] = true
	}
	if p := z.ExitNodesPrimary; p != "" && !seen[p] {
		r.laxf("exitnodes-primary", p, "is not one of exitnodes (%s); add it there, or choose one of them", firstNames(z.ExitNodes))
	}
	if z.ExitNodesLocalRouting && len(z.ExitNodes) == 0 {
		r.warnf("exitnodes-local-routing", "true", "has no effect without exitnodes")
	}
}

func firstNames(names []string) string {
	text := strings.Join(names[:min(len(names), maxListed)], ", ")
	if len(names) > maxListed {
		text += ", ..."
	}
	return text
}
