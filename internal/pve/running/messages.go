package running

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages about a running configuration of Proxmox VE.
var (
	msgValueInvalid = message.Define("pve-value-invalid",
		"{error}",
		"",
		"A value in .running-config has another form than this release expects. The object is left out.")
	msgFabricInvalid = message.Define("pve-fabric-invalid",
		"{error}",
		"",
		"A fabric or one of its members in the running configuration breaks a rule of Proxmox VE.")
	msgFabricSectionSkipped = message.Define("pve-fabric-section-skipped",
		"{reason}",
		"",
		"A section of fabrics.cfg is not of a kind that this release renders.")
	msgFabricWireGuard = message.Define("pve-fabric-wireguard",
		"is of wireguard, of which this release writes no files",
		"the section is skipped",
		"This release renders no files for WireGuard fabrics.")
)
