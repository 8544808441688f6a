package model

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages about backplanes and sectors.
var (
	msgBackplaneNetworkFamily = message.Define("backplane-network-family",
		"is of the other IP version:",
		"cidr and address are of IPv4, cidr6 and address6 of IPv6",
		"A backplane has at most one network of each IP version, and a sector one address in each.")
	msgSlicesNotPowerOfTwo = message.Define("slices-not-power-of-two",
		"is not a power of two:",
		"use {next}, or a smaller one that has room for all members",
		"The source ports of a sector's address are divided into equal parts, one for each node.")
	msgMemberAddressInvalid = message.Define("member-address-invalid",
		"is not an address that a node can have",
		"give the address at which the other nodes reach it",
		"The address of a member is its end of the tunnels.")
	msgMemberAddressFamily = message.Define("member-address-family",
		"is of another IP version than {other}, the address of the first member:",
		"give all members addresses of one version",
		"Tunnels run between addresses of one IP version.")
	msgSliceTooHigh = message.Define("slice-too-high",
		"is more than the {slices} slices that there are, so node {node} has no source ports:",
		"raise slices",
		"Every member needs a part of the source ports of its own.")
	msgSliceUsed = message.Define("slice-used",
		"is the slice of node {node} already:",
		"leave it out, to have a free one chosen",
		"Two nodes with the same source ports would get each other's replies.")
	msgSectorNameInvalid = message.Define("sector-name-invalid",
		"is not a DNS label in lower case:",
		"use up to 63 of a to z, 0 to 9 and hyphens, no hyphen at either end",
		"The ID of a sector is part of the names of its guests.")
	msgSectorVNetUsed = message.Define("sector-vnet-used",
		"is the vnet of sector {sector} already:",
		"leave it out, to have one made",
		"A sector is a VNet of its own.")
	msgSectorWithoutSubnet = message.Define("sector-without-subnet",
		"is missing:",
		"give the sector at least one network, like 172.16.0.0/24",
		"Guests of a sector need addresses.")
	msgSectorOverlapsBackplane = message.Define("sector-overlaps-backplane",
		"overlaps {cidr} of backplane {backplane}, through which the sector's guests leave:",
		"choose another network; those of other sectors may be the same",
		"The gateway of a sector has a leg in both networks, which therefore must be apart.")
	msgSectorAddressUsed = message.Define("sector-address-used",
		"is an address of sector {sector} already:",
		"leave it out, to have a free one chosen",
		"Replies to an address of the backplane go to one sector.")
	msgSectorAddressOutside = message.Define("sector-address-outside",
		"is not one of the addresses that backplane {backplane} has for sectors:",
		"use one of {ranges}, or leave it out to have a free one chosen",
		"A backplane keeps its first addresses for services of the cluster, and the upper half for guests with a NIC in it.")
	msgSectorTooManyForwards = message.Define("sector-too-many-forwards",
		"are too many:",
		"the limit is {limit} in one sector",
		"The number of forwards and of floating addresses of a sector is limited.")
	msgForwardPortInvalid = message.Define("forward-port-invalid",
		"is not a protocol and a port or range:",
		"write it like tcp/80 or udp/6000-6010",
		"A forward leads ports of TCP or UDP to a guest.")
	msgForwardPortTooHigh = message.Define("forward-port-too-high",
		"is above {highest}:",
		"use a lower port, or a floating IP; ports from {first-source} on are those that the sector's guests leave with",
		"The upper half of the ports of a sector's address belongs to connections that guests open.")
	msgForwardRangeTooHigh = message.Define("forward-range-too-high",
		"leaves no room for {count} ports up to {highest}",
		"use a lower one",
		"A range of ports leads to as many ports of the guest, in order.")
	msgForwardPortUsed = message.Define("forward-port-used",
		"has ports of the forward {other}:",
		"leave one of them out",
		"A port of the sector's address leads to one guest.")
	msgForwardWithoutAddress = message.Define("forward-without-address",
		"is of an IP version in which the sector has no address:",
		"give the backplane a network of it (cidr or cidr6)",
		"A forward translates between addresses of one IP version.")
	msgFloatingAddressMissing = message.Define("floating-address-missing",
		"is missing:",
		"give an address of the backplane that is free",
		"A floating IP is an address of the backplane that leads to one guest.")
	msgFloatingFamily = message.Define("floating-family",
		"is of another IP version than {address}",
		"lead it to an address of the same version",
		"A floating IP translates between addresses of one IP version.")
	msgFloatingTwice = message.Define("floating-twice",
		"has the floating IP {other} already, with which it leaves:",
		"leave one of them out",
		"A guest leaves with one address.")
	msgSectorTargetMissing = message.Define("sector-target-missing",
		"is missing:",
		"give the address of a guest of the sector",
		"A forward and a floating IP lead to a guest.")
	msgSectorTargetOutside = message.Define("sector-target-outside",
		"is not in the sector's networks ({subnets})",
		"give the address of a guest of the sector",
		"A forward and a floating IP lead to a guest of their own sector.")
	msgSectorTargetGateway = message.Define("sector-target-gateway",
		"is the sector's gateway itself:",
		"give the address of a guest",
		"A forward and a floating IP lead to a guest.")
)
