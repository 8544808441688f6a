package revision

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages about guests of VNets that an edit deletes.
var (
	msgVNetHasNIC = message.Define("vnet-has-nic",
		"guest {guest} has a NIC in it, which loses its network when this is applied",
		"",
		"A VNet is deleted while guests use it. Their NICs lose their connection with the next apply.")
	msgVNetHasHiddenNIC = message.Define("vnet-has-hidden-nic",
		"a guest that you may not see has a NIC in it, which loses its network when this is applied",
		"",
		"A VNet is deleted while a guest uses it that the user has no permission to read.")
)
