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
		r.error("bridge", "", msgZoneBridgeMissing)
	case !ifnameForm.MatchString(z.Bridge):
		r.error("bridge", z.Bridge, msgInterfaceNameInvalid)
	}
}

func zoneQinQ(r report, z *Zone) {
	if z.Tag == 0 {
		r.error("tag", "", msgQinQServiceVLANMissing, MaxVLAN)
	}
}

// rtForm is a route target: two decimal numbers.
var rtForm = regexp.MustCompile(`^([0-9]{1,10}):([0-9]{1,10})$`)

func (c *checker) zoneEVPN(r report, z *Zone) {
	c.zoneController(r, z)
	switch {
	case z.VRFVXLAN == 0:
		r.error("vrf-vxlan", "", msgL3VNIMissing, MaxTag)
	case z.VRFVXLAN >= 1 && z.VRFVXLAN <= MaxTag && c.l3vnis[z.VRFVXLAN] != z:
		r.about(Ref(KindZone, c.l3vnis[z.VRFVXLAN].ID)).error("vrf-vxlan", strconv.Itoa(z.VRFVXLAN), msgL3VNIUsed, c.l3vnis[z.VRFVXLAN].ID)
	}
	gatewayMAC(r, z)
	c.exitNodes(r, z)
	c.egress(r, z)
	for _, rt := range z.RTImport {
		m := rtForm.FindStringSubmatch(rt)
		if m == nil || !isUint32(m[1]) || !isUint32(m[2]) {
			r.error("rt-import", rt, msgRouteTargetInvalid)
		}
	}
}

// gatewayMAC checks the anycast MAC address of a zone's gateways.
func gatewayMAC(r report, z *Zone) {
	if z.MAC == "" {
		return
	}
	if mac, ok := NormalizeMAC(z.MAC); !ok {
		r.error("mac", z.MAC, msgGatewayMACInvalid)
	} else if first, _ := strconv.ParseUint(mac[:2], 16, 8); first&1 != 0 {
		r.error("mac", z.MAC, msgGatewayMACMulticast)
	}
}

func isUint32(s string) bool {
	_, err := strconv.ParseUint(s, 10, 32)
	return err == nil
}

func (c *checker) zoneController(r report, z *Zone) {
	if z.Controller == "" {
		r.error("controller", "", msgZoneControllerMissing)
	} else {
		c.controllerRef(r, "controller", z.Controller)
	}
	seen := map[string]bool{z.Controller: true}
	for _, id := range z.SecondaryControllers {
		if seen[id] {
			r.error("secondary-controllers", id, msgZoneControllerRepeated)
			continue
		}
		seen[id] = true
		c.controllerRef(r, "secondary-controllers", id)
	}
	for _, node := range z.Nodes {
		if z.Controller != "" && !c.hasController(z, node) {
			r.warn("controller", z.Controller, msgZoneControllerNotOnNode, node)
		}
	}
}

// controllerRef checks that a zone names an EVPN controller.
func (c *checker) controllerRef(r report, field, id string) {
	if ctl := c.cfg.Controllers[id]; ctl != nil && ctl.Type != ControllerEVPN {
		r.about(Ref(KindController, id)).error(field, id, msgZoneControllerType, ctl.Type)
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
			r.error("exitnodes", n, msgHostNameInvalid)
		case seen[n]:
			r.warn("exitnodes", n, msgValueRepeated)
		case !z.OnNode(n):
			r.lax("exitnodes", n, msgExitNodeNotInZone, firstNames(z.Nodes))
		case !c.known[n]:
			r.warn("exitnodes", n, msgExitNodeNotJoined, c.nearestNode(n))
		}
		seen[n] = true
	}
	if p := z.ExitNodesPrimary; p != "" && !seen[p] {
		r.lax("exitnodes-primary", p, msgExitNodePrimaryUnknown, firstNames(z.ExitNodes))
	}
	if z.ExitNodesLocalRouting && len(z.ExitNodes) == 0 {
		r.warn("exitnodes-local-routing", "true", msgLocalRoutingWithoutExitNodes)
	}
}

func firstNames(names []string) string {
	text := strings.Join(names[:min(len(names), maxListed)], ", ")
	if len(names) > maxListed {
		text += ", ..."
	}
	return text
}
