package model

// table has every kind in dependency order. It is filled by init, not by initializers,
// because what descriptors do leads back to it.
var (
	table  []*Descriptor
	byKind map[Kind]*Descriptor
)

func init() {
	setTable([]*Descriptor{
		nodeKind(),
		prefixListKind(),
		routeMapKind(),
		fabricKind(),
		fabricNodeKind(),
		controllerKind(),
		zoneKind(),
		vnetKind(),
		subnetKind(),
		ipamKind(),
		dnsKind(),
		aliasKind(),
		ipSetKind(),
		securityGroupKind(),
		firewallKind(),
		guestKind(),
	})
}

func setTable(all []*Descriptor) {
	table, byKind = all, make(map[Kind]*Descriptor, len(all))
	for _, d := range all {
		byKind[d.Kind] = d
	}
}
