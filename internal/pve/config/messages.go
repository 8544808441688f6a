package config

import "github.com/viaduct-sdn/viaduct/internal/message"

// The findings in a configuration directory of Proxmox VE.
var (
	msgNotImported = message.Define("pve-not-imported",
		"{reason}",
		"",
		"Something in the files cannot be imported as it is, so it is left out or replaced by something stricter.")
	msgReferenceLeftOut = message.Define("pve-reference-left-out",
		"refers to {kind} {id}, which was left out",
		"left out",
		"An object refers to one that could not be imported.")
	msgPeerLeftOut = message.Define("pve-peer-left-out",
		"refers to {kind} {id}, which was left out",
		"the peer was left out, the node was imported",
		"A peer of a WireGuard node could not be imported.")
	msgVNetLeftOut = message.Define("pve-vnet-left-out",
		"has a firewall that could not be imported, without which it must not exist",
		"left out",
		"A VNet without its firewall would pass what the firewall blocks.")
	msgLineUnreadable = message.Define("pve-line-unreadable",
		"{error}",
		"left out",
		"A line of a file has no form that Proxmox VE knows.")
	msgRunningUnreadable = message.Define("pve-running-unreadable",
		"the file cannot be read, so it is not known whether everything was applied: {error}",
		"",
		"The file .running-config cannot be read. The configuration itself is imported.")
	msgNotExported = message.Define("pve-not-exported",
		"{reason}",
		"left out",
		"Proxmox VE has no such object or property.")
	msgPolicyType = message.Define("pve-policy-type",
		"is not a type that this release knows, which is {type}",
		"",
		"The section is not a prefix list or a route map.")
	msgPolicyLine = message.Define("pve-policy-line",
		"is a line that cannot be read, so it is not known what was meant",
		"",
		"A line of a prefix list or a route map could be a condition.")
	msgPolicyOption = message.Define("pve-policy-option",
		"is no option that this release knows",
		"it may be a condition",
		"An unknown option of a prefix list or a route map could be a condition.")
	msgPolicyOptionRepeated = message.Define("pve-policy-option-repeated",
		"is given twice",
		"remove one of them",
		"An option of a prefix list or a route map has one value.")
)
