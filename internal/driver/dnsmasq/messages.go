package dnsmasq

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages of the driver.
var (
	msgDnsmasqMissing = message.Define("dnsmasq-missing",
		"the zone has DHCP, but this node has no dnsmasq: its guests get no addresses here",
		"install it (apt install dnsmasq-base), it is found within a minute",
		"The DHCP server of a zone needs the program dnsmasq on every node of the zone.")
	msgDnsmasqConfigRefused = message.Define("dnsmasq-config-refused",
		"dnsmasq refuses the configuration of vnet {vnet}, so {consequence}: {output}",
		"correct the file that it names ({error})",
		"dnsmasq checked its configuration and refused it.")
	msgDnsmasqStartFailed = message.Define("dnsmasq-start-failed",
		"dnsmasq of vnet {vnet} does not start: {error}: {output}",
		"",
		"dnsmasq was started and ended with an error.")
	msgDnsmasqEnded = message.Define("dnsmasq-ended",
		"dnsmasq of vnet {vnet} ended right after its start",
		"its reason is in the system's log (journalctl -t dnsmasq)",
		"dnsmasq was started and ended at once.")
)
