package ifupdown2

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages of the driver.
var (
	msgIfupdown2Missing = message.Define("ifupdown2-missing",
		"ifupdown2 is not installed on this node, so links are created without it:",
		"apt install ifupdown2, or set the node's backend to netlink",
		"The node's property backend selects ifupdown2, which is not installed.")
	msgIfupdown2StanzaRefused = message.Define("ifupdown2-stanza-refused",
		"ifupdown2 does not understand the stanza of interface {interface} as it is meant, and the link is made without it: {output}",
		"",
		"ifupdown2 checked the stanza and refused it.")
	msgIfupdown2Failed = message.Define("ifupdown2-failed",
		"ifupdown2 failed on interface {interface}, and the link is made without it: {output}",
		"",
		"ifupdown2 could not bring the interface up.")
)
