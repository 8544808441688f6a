package model

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages about firewalls, security groups, aliases and IP sets.
var (
	msgCommentInvalid = message.Define("comment-invalid",
		"must be one line of up to {max} bytes",
		"",
		"A comment is one line in the files of Proxmox VE.")
	msgFirewallNameInvalid = message.Define("firewall-name-invalid",
		"is no name:",
		"use 2 to {max} lower-case letters, digits, - and _, a letter first",
		"The name of an alias, an IP set or a security group is also a name in Proxmox VE's files.")
	msgAliasAddressInvalid = message.Define("alias-address-invalid",
		"is no address or network",
		"write it like 10.0.0.5, 10.0.1.0/24 or fd00::/64",
		"An alias is a name for one address or network.")
	msgIPSetTooLarge = message.Define("ip-set-too-large",
		"has {count} entries",
		"an IP set has up to {max}",
		"The number of entries is bounded to keep a node's rules small enough to load.")
	msgIPSetEntryInvalid = message.Define("ip-set-entry-invalid",
		"is no address, network, range or alias",
		"write it like 10.0.0.5, 10.0.1.0/24, 10.0.0.5-10.0.0.9 or dc/myalias",
		"An entry of an IP set cannot be read.")
	msgIPSetEntryRepeated = message.Define("ip-set-entry-repeated",
		"is already entries[{entry}]",
		"leave one of them out",
		"An IP set contains the entry more than once.")
	msgIPSetEntryAll = message.Define("ip-set-entry-all",
		"is every address, which needs no set",
		"",
		"A set of all addresses matches everything, and so does a rule without a set.")
	msgLogLevelForwardIdle = message.Define("log-level-forward-idle",
		"has no effect: it logs what the policy drops, and policy-forward is {accept}",
		"set it to {drop}, or log of rules",
		"The level is that of packets that the policy drops.")
	msgFirewallOptionDatacenterOnly = message.Define("firewall-option-datacenter-only",
		"is an option of firewall {datacenter} only",
		"remove it",
		"The option belongs to the cluster's firewall.")
	msgFirewallVNetMissing = message.Define("firewall-vnet-missing",
		"is no vnet",
		"{hint}",
		"A firewall has the name of its VNet.")
	msgIPFilterWithSlaac = message.Define("ip-filter-with-slaac",
		"lets guests of subnet {cidr} use only the address that they derive from their MAC address",
		"other addresses that they generate (RFC 7217, RFC 8981) are blocked",
		"The filter accepts the address that a guest derives from its MAC address (EUI-64), not the random ones of its privacy extensions.")
	// FirewallOff reports that a VNet's firewall has no effect because the datacenter's is
	// off.
	FirewallOff = message.Define("firewall-off",
		"is not in force, since firewall datacenter, the cluster-wide enable switch, is off",
		"switch it on: viaduct set firewall datacenter enable=true",
		"The firewall of a VNet takes effect while the firewall of the datacenter is enabled.")
	msgFirewallOptionNoEffect = message.Define("firewall-option-no-effect",
		"{option} {value} has no effect: Viaduct filters networks, not hosts and guests themselves",
		"the firewall of Proxmox VE on the nodes does",
		"Viaduct filters what passes networks. The option is kept for Proxmox VE's own firewall.")
	msgFirewallRuleNoEffect = message.Define("firewall-rule-no-effect",
		"rules[{rule}] ({type}) has no effect: Viaduct filters networks, not hosts and guests themselves",
		"use rules of type forward for routed traffic",
		"Viaduct filters what passes networks. The rule is kept for Proxmox VE's own firewall.")
	msgFirewallOptionVNetOnly = message.Define("firewall-option-vnet-only",
		"is an option of VNets",
		"give it to their firewalls",
		"The option belongs to the firewalls of VNets.")
	msgLogRatelimitInvalid = message.Define("log-ratelimit-invalid",
		"cannot be read: {error}",
		"write it like enable=1,rate=1/second,burst=5",
		"The limit of log messages cannot be read.")
	msgFirewallTooManyRules = message.Define("firewall-too-many-rules",
		"has {count} rules",
		"up to {max} are possible",
		"The number of rules is bounded to keep a node's rules small enough to load.")
	msgFirewallTooManyConditions = message.Define("firewall-too-many-conditions",
		"is more than a firewall can hold: rules to here come to {count} conditions of {max}",
		"put what they list into fewer IP sets",
		"The size of all rules in the kernel is bounded; a rule counts once for each pair of sets and each part of a macro.")
	msgRuleTypeNotPossible = message.Define("rule-type-not-possible",
		"is not possible here:",
		"use {types}",
		"The type does not apply to this firewall or security group.")
	msgRuleActionUnknown = message.Define("rule-action-unknown",
		"is not known:",
		"use ACCEPT, DROP or REJECT",
		"A rule accepts, drops or rejects packets.")
	msgRuleFamiliesDiffer = message.Define("rule-families-differ",
		"is of another IP version than source {source}, so nothing would ever match",
		"",
		"No packet has addresses of two IP versions.")
	msgRuleInterfaceDatacenterOnly = message.Define("rule-interface-datacenter-only",
		"is for rules of firewall {datacenter} only",
		"remove it",
		"Interfaces belong to rules of the cluster's firewall.")
	msgRuleInterfaceForward = message.Define("rule-interface-forward",
		"is not possible in a rule of type forward, as in Proxmox VE",
		"use source and dest",
		"Proxmox VE accepts no interface in rules for forwarded packets.")
	msgRuleInterfaceInvalid = message.Define("rule-interface-invalid",
		"is no name of an interface",
		"",
		"The name cannot be that of an interface in a rule.")
	msgSecurityGroupMissing = message.Define("security-group-missing",
		"is no security group",
		"{hint}",
		"A rule of type group names a security group.")
	msgRuleGroupHasConditions = message.Define("rule-group-has-conditions",
		"is a reference to the rules of a group, which have conditions themselves",
		"leave out all but action, disable, comment and, in the datacenter, iface",
		"The rules of a security group have conditions; the rule that includes the group has none.")
	msgRulePeerInvalid = message.Define("rule-peer-invalid",
		"is no address, network, range or name",
		"write it like 10.0.0.5, 10.0.1.0/24, 10.0.0.5-10.0.0.9, dc/<alias>, +dc/<ip set>, +sdn/<vnet>-all or +sdn/guest-ipam-<vmid>",
		"The source or destination of a rule cannot be read.")
	msgRuleTooManyPeers = message.Define("rule-too-many-peers",
		"has {count} items",
		"use an IP set for more than {max}",
		"The number of addresses in a rule is bounded.")
	msgAliasMissing = message.Define("alias-missing",
		"does not exist: alias {alias} is used by {kind} {user}",
		"{hint}",
		"A rule or an IP set names an alias that does not exist.")
	msgIPSetMissing = message.Define("ip-set-missing",
		"does not exist: ip-set {set} is used by {kind} {user}",
		"{hint}",
		"A rule names an IP set that does not exist.")
	msgVNetSetMissing = message.Define("vnet-set-missing",
		"does not exist: set {set} is that of vnet {vnet}",
		"{hint}",
		"A rule names a set that is generated for a VNet, and there is no such VNet.")
	msgMacroUnknown = message.Define("macro-unknown",
		"is not known",
		"{hint}",
		"No macro has this name.")
	msgMacroWithProtocol = message.Define("macro-with-protocol",
		"determines protocol and ports itself",
		"leave out proto, sport, dport and icmp-type, or the macro",
		"A macro determines protocols and ports.")
	msgProtocolUnknown = message.Define("protocol-unknown",
		"is no protocol",
		"{hint}",
		"No IP protocol has this name or number.")
	msgProtocolFamilyDiffers = message.Define("protocol-family-differs",
		"is not that of the addresses' IP version, so nothing would ever match",
		"",
		"ICMP belongs to IPv4 and ICMPv6 to IPv6, and the addresses of the rule are of the other version.")
	msgPortsInvalid = message.Define("ports-invalid",
		"is no list of ports",
		"write up to {max} ports like 80, 8000:8010 or https, separated by commas",
		"The list of ports cannot be read.")
	msgPortsWithoutProtocol = message.Define("ports-without-protocol",
		"needs a protocol that has ports:",
		"set proto to tcp, udp, udplite, dccp or sctp",
		"Only some protocols have ports.")
	msgICMPTypeWithoutICMP = message.Define("icmp-type-without-icmp",
		"needs proto icmp or icmpv6",
		"",
		"Only ICMP and ICMPv6 packets have a type.")
	msgICMPTypeUnknown = message.Define("icmp-type-unknown",
		"is not known",
		"{hint}",
		"The protocol has no such ICMP type.")
)
