package model

import (
	"regexp"
	"strconv"
	"unicode/utf8"
)

// Limits of VNet properties.
const (
	// MaxVNetID is the maximum length of a VNet's ID: it is the name of the bridge and,
	// with a prefix of at most 6 characters, of other interfaces; the kernel limits names
	// to 15. Proxmox VE checks for 8, but its manual's own example is called qinqvnet1.
	MaxVNetID = 9
	// pveVNetID is the maximum length of an ID in the Proxmox API.
	pveVNetID = 8
	// MaxTag is the highest VXLAN network identifier (RFC 7348: 24 bits).
	MaxTag = 1<<24 - 1
	// MaxAlias is the maximum length of an alias in characters; the bridge's alias is
	// truncated to the kernel's limit of 255 bytes.
	MaxAlias = 256
)

var (
	// aliasForm is Proxmox VE's character set, including its odd range: letters and digits
	// of any script, underscore, white space and ( ) * + , - . / : ; < = > ? @ [ \ ] ^
	aliasForm = regexp.MustCompile(`^[\p{L}\p{M}\p{N}_\s()*+,\-./:;<=>?@\[\\\]^]*$`)
	// guestLinkForm is Proxmox's name of a guest NIC's link.
	guestLinkForm = regexp.MustCompile(`^(tap|veth|fwbr|fwpr|fwln)[0-9]+[ip][0-9]+$`)
)

// vnets checks VNets and that their tags differ.
func (c *checker) vnets(ids []string) {
	tags := make(map[int]*VNet)             // across all vxlan and evpn zones
	vlans := make(map[string]map[int]*VNet) // by zone; 0 is the untagged one
	reserving := c.reservingNodes()
	for _, id := range ids {
		v := c.cfg.VNets[id]
		r := c.report(v)
		checkVNetID(r, v.ID)
		checkAlias(r, v.Alias)
		if subnets := c.subnetsOf[v.ID]; v.VLANAware && len(subnets) > 0 {
			r.errorf("vlanaware", "true", "is not compatible with subnets: the vnet has %s; delete them or turn vlanaware off", plural(len(subnets), "subnet"))
		}
		z := c.cfg.Zones[v.Zone]
		if z == nil {
			if v.Zone == "" {
				r.errorf("zone", "", "is missing: name the zone that the vnet belongs to")
			}
			continue // found when a VNet is created in a missing zone, and when the zone of a VNet is deleted
		}
		switch z.Type {
		case ZoneSimple:
			if v.Tag != 0 {
				r.errorf("tag", strconv.Itoa(v.Tag), "is not allowed in simple zone %s, which separates its vnets without tags; remove it", z.ID)
			}
		case ZoneVLAN, ZoneQinQ:
			if vlans[z.ID] == nil {
				vlans[z.ID] = make(map[int]*VNet)
			}
			vlanTag(r, z, v, vlans[z.ID])
		case ZoneVXLAN:
			c.vxlanTag(r, v, tags)
		case ZoneEVPN:
			c.vxlanTag(r, v, tags)
			if v.VLANAware {
				r.errorf("vlanaware", "true", "is not possible in evpn zone %s, whose vnets are routed; turn it off", z.ID)
			}
		}
		if node, pattern := reservedBy(reserving(z), v.ID); node != "" {
			r.about(Ref(KindNode, node)).errorf("id", v.ID, "would be the name of a bridge that node %s reserves (pattern %q); choose another name, or change the node's reserved list", node, pattern)
		}
	}
}

func checkVNetID(r report, id string) {
	switch {
	case !idForm.MatchString(id) || len(id) > MaxVNetID:
		r.errorf("id", id, "is not a vnet name: use 2 to %d letters and digits, a letter first (it becomes the name of a bridge)", MaxVNetID)
	case len(id) > pveVNetID:
		r.warnf("id", id, "is longer than the %d characters that Proxmox VE itself takes; it works here, but not in a file moved there", pveVNetID)
	case id == "lo" || id == "all" || id == "default":
		r.laxf("id", id, "means something else to the Linux kernel and cannot be the name of a bridge; choose another")
	case guestLinkForm.MatchString(id):
		r.laxf("id", id, "has the form of the name of a guest's network link; choose another, or it would stand in a guest's way")
	}
}

func checkAlias(r report, alias string) {
	switch {
	case utf8.RuneCountInString(alias) > MaxAlias:
		r.errorf("alias", alias, "is longer than %d characters; shorten it", MaxAlias)
	case !aliasForm.MatchString(alias):
		r.errorf("alias", alias, `has a character that is not allowed: use letters, digits, spaces and ( ) * + , - . / : ; < = > ? @ [ \ ] ^ _`)
	}
}

// vlanTag checks a VLAN, which must be unique in the zone.
func vlanTag(r report, z *Zone, v *VNet, used map[int]*VNet) {
	switch {
	case v.Tag == 0 && z.Type == ZoneVLAN:
		r.errorf("tag", "", "is missing: every vnet of a vlan zone has its own VLAN, 1 to %d", MaxVLAN)
		return
	case v.Tag == MaxVLAN+1 || v.Tag == MaxVLAN+2: // Proxmox VE's limit is 4096
		r.laxf("tag", strconv.Itoa(v.Tag), "is not a VLAN: use 1 to %d", MaxVLAN)
		return
	case v.Tag < 0 || v.Tag > MaxVLAN:
		r.errorf("tag", strconv.Itoa(v.Tag), "is not a VLAN: use 1 to %d", MaxVLAN)
		return
	}
	other := used[v.Tag]
	switch {
	case other == nil:
		used[v.Tag] = v
	case v.Tag == 0:
		r.about(Ref(KindVNet, other.ID)).errorf("tag", "", "is missing as in vnet %s: one vnet of a qinq zone may do without; give this one a VLAN, 1 to %d", other.ID, MaxVLAN)
	default:
		r.about(Ref(KindVNet, other.ID)).errorf("tag", strconv.Itoa(v.Tag), "is already that of vnet %s in the same zone; choose another VLAN", other.ID)
	}
}

func (c *checker) vxlanTag(r report, v *VNet, tags map[int]*VNet) {
	switch {
	case v.Tag == 0:
		r.errorf("tag", "", "is missing: every vnet of a vxlan or evpn zone has its own VXLAN network identifier, 1 to %d", MaxTag)
		return
	case v.Tag < 1 || v.Tag > MaxTag:
		row(KindVNet, "tag").checkNumber(r, "tag", v.Tag)
		return
	}
	if other := tags[v.Tag]; other != nil {
		r.about(Ref(KindVNet, other.ID)).errorf("tag", strconv.Itoa(v.Tag), "is already that of vnet %s in zone %s; tags differ over all vxlan and evpn zones", other.ID, other.Zone)
		return
	}
	if z := c.l3vnis[v.Tag]; z != nil {
		r.about(Ref(KindZone, z.ID)).laxf("tag", strconv.Itoa(v.Tag), "is the vrf-vxlan of zone %s; a VXLAN network identifier is that of one network", z.ID)
	}
	tags[v.Tag] = v
}
