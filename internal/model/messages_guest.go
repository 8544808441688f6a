package model

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages about guests and their NICs.
var (
	msgGuestIDInvalid = message.Define("guest-id-invalid",
		"is not a guest number:",
		"use {min} to {max}",
		"Guests have numbers as in Proxmox VE.")
	msgGuestNameInvalid = message.Define("guest-name-invalid",
		"is not a DNS name:",
		"use letters, digits and hyphens, like web1",
		"The name of a guest is registered in the DNS.")
	msgGuestNodeNotJoined = message.Define("guest-node-not-joined",
		"has not joined{hint}",
		"the guest's NICs are connected once it has",
		"No node of this name has joined the cluster.")
	msgNICNameInvalid = message.Define("nic-name-invalid",
		"is not a NIC name:",
		"use net0 to net{max}",
		"NICs have names as in Proxmox VE.")
	msgNICNameUsed = message.Define("nic-name-used",
		"is used twice in this guest",
		"every NIC has its own number",
		"Two NICs of a guest have the same name.")
	msgNICVNetMissing = message.Define("nic-vnet-missing",
		"is missing:",
		"name the vnet that the NIC joins",
		"A NIC is a port of a VNet.")
	msgNICVNetUnknown = message.Define("nic-vnet-unknown",
		"does not exist: vnet {vnet} is used by guest {guest}",
		"{hint}",
		"A guest uses a VNet that does not exist, or that the edit deletes.")
	msgNICVNetNotOnNode = message.Define("nic-vnet-not-on-node",
		"is not on node {node}: its zone {zone} is deployed on {nodes} only",
		"add the node to the zone, or move the guest",
		"The VNet exists on the nodes of its zone only, and the guest is on another one.")
	msgNICMACInvalid = message.Define("nic-mac-invalid",
		"is not the MAC address of a host:",
		"write it like BC:24:11:00:00:01",
		"The MAC address cannot be read, or is a multicast address.")
	msgNICMACUsed = message.Define("nic-mac-used",
		"is already that of {owner} in vnet {vnet}",
		"",
		"Frames for a MAC address that two NICs of a network have reach one of them only.")
	msgNICAddressNotUnicast = message.Define("nic-address-not-unicast",
		"is not an address a guest can have",
		"",
		"A guest can have unicast addresses only.")
	msgNICAddressUsed = message.Define("nic-address-used",
		"is already that of {owner} in vnet {vnet}",
		"",
		"Two NICs of a network with one address disturb each other.")
	msgNICAddressOutside = message.Define("nic-address-outside",
		"is in no subnet of vnet {vnet}, which has {subnets}",
		"use an address of it",
		"The VNet has subnets, and the address is in none of them.")
	msgNICAddressReserved = message.Define("nic-address-reserved",
		"is the {role} of subnet {cidr}, which no host can have",
		"",
		"The first and the last address of an IPv4 network belong to no host.")
	msgNICAddressGateway = message.Define("nic-address-gateway",
		"is the gateway of subnet {cidr}, which the node itself has",
		"choose another",
		"The node has the gateway's address as the guests' router.")
)
