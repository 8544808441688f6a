package interfaces

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages about the rendering of interfaces.
var (
	msgNotRendered = message.Define("pve-interfaces-not-rendered",
		"{reason}",
		"",
		"An object of the running configuration is left out of /etc/network/interfaces.d/sdn, or loses a part there.")
)
