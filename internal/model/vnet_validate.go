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
			r.error("vlanaware", "true", msgVLANAwareWithSubnets, plural(len(subnets), "subnet"))
		}
		z := c.cfg.Zones[v.Zone]
		if z == nil {
			if v.Zone == "" {
				r.error("zone", "", msgVNetZoneMissing)
			}
			continue // found when a VNet is created in a missing zone, and when the zone of a VNet is deleted
		}
		switch z.Type {
		case ZoneSimple:
			if v.Tag != 0 {
				r.error("tag", strconv.Itoa(v.Tag), msgVNetTagInSimpleZone, z.ID)
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
				r.error("vlanaware", "true", msgVLANAwareInEVPNZone, z.ID)
			}
		}
		if node, pattern := reservedBy(reserving(z), v.ID); node != "" {
			r.about(Ref(KindNode, node)).error("id", v.ID, msgVNetNameReservedOnNode, node, pattern)
		}
	}
}

func checkVNetID(r report, id string) {
	switch {
	case !idForm.MatchString(id) || len(id) > MaxVNetID:
		r.error("id", id, msgVNetNameInvalid, MaxVNetID)
	case len(id) > pveVNetID:
		r.warn("id", id, msgIDLongerThanProxmox, pveVNetID)
	case id == "lo" || id == "all" || id == "default":
		r.lax("id", id, msgVNetNameOfKernel)
	case guestLinkForm.MatchString(id):
		r.lax("id", id, msgVNetNameOfGuestLink)
	}
}

func checkAlias(r report, alias string) {
	switch {
	case utf8.RuneCountInString(alias) > MaxAlias:
		r.error("alias", alias, msgAliasTooLong, MaxAlias)
	case !aliasForm.MatchString(alias):
		r.error("alias", alias, msgAliasCharacters)
	}
}

// vlanTag checks a VLAN, which must be unique in the zone.
func vlanTag(r report, z *Zone, v *VNet, used map[int]*VNet) {
	switch {
	case v.Tag == 0 && z.Type == ZoneVLAN:
		r.error("tag", "", msgVLANTagMissing, MaxVLAN)
		return
	case v.Tag == MaxVLAN+1 || v.Tag == MaxVLAN+2: // Proxmox VE's limit is 4096
		r.lax("tag", strconv.Itoa(v.Tag), msgVLANTagInvalid, MaxVLAN)
		return
	case v.Tag < 0 || v.Tag > MaxVLAN:
		r.error("tag", strconv.Itoa(v.Tag), msgVLANTagInvalid, MaxVLAN)
		return
	}
	other := used[v.Tag]
	switch {
	case other == nil:
		used[v.Tag] = v
	case v.Tag == 0:
		r.about(Ref(KindVNet, other.ID)).error("tag", "", msgQinQTagMissing, other.ID, MaxVLAN)
	default:
		r.about(Ref(KindVNet, other.ID)).error("tag", strconv.Itoa(v.Tag), msgVLANTagUsed, other.ID)
	}
}

func (c *checker) vxlanTag(r report, v *VNet, tags map[int]*VNet) {
	switch {
	case v.Tag == 0:
		r.error("tag", "", msgVXLANTagMissing, MaxTag)
		return
	case v.Tag < 1 || v.Tag > MaxTag:
		row(KindVNet, "tag").checkNumber(r, "tag", v.Tag)
		return
	}
	if other := tags[v.Tag]; other != nil {
		r.about(Ref(KindVNet, other.ID)).error("tag", strconv.Itoa(v.Tag), msgVXLANTagUsed, other.ID, other.Zone)
		return
	}
	if z := c.l3vnis[v.Tag]; z != nil {
		r.about(Ref(KindZone, z.ID)).lax("tag", strconv.Itoa(v.Tag), msgVXLANTagIsL3VNI, z.ID)
	}
	tags[v.Tag] = v
}
