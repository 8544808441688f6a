package frr

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages about the rendering of frr.conf.
var (
	msgNotRendered = message.Define("pve-frr-not-rendered",
		"{reason}",
		"",
		"An object of the running configuration is left out of frr.conf, or loses a part there.")
	msgLocalLineLost = message.Define("pve-frr-local-line",
		"{reason}",
		"",
		"A line of frr.conf.local does not fit into the rendered file.")
)
