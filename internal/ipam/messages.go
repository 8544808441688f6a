package ipam

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages about addresses in edits.
var (
	msgSubnetInUse = message.Define("subnet-in-use",
		"cannot delete subnet '{subnet}', not empty: {addresses}",
		"remove them first (viaduct address list)",
		"Addresses of the subnet are allocated to guests.")
	msgSubnetInUseHidden = message.Define("subnet-in-use-hidden",
		"cannot delete subnet '{subnet}', not empty: guests that you may not see have addresses of it",
		"ask an administrator",
		"Addresses of the subnet are allocated to guests that the user has no permission to read.")
	msgAddressRefused = message.Define("address-refused",
		"{error}",
		"",
		"The address management of the zone could not allocate an address to a NIC of the guest, or refused the declared one.")
)
