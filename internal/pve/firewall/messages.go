package firewall

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages about firewall files of Proxmox VE.
var (
	msgLineLeftOut = message.Define("pve-firewall-line",
		"{reason}",
		"",
		"A line of a firewall file cannot be read or has no effect here.")
)
