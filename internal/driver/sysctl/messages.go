package sysctl

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages of the driver.
var (
	msgSysctlMissing = message.Define("sysctl-missing",
		"this kernel has no setting {setting}, or the interface it belongs to could not be made: {error}",
		"",
		"A kernel setting does not exist.")
	msgSysctlRefused = message.Define("sysctl-refused",
		`the kernel refused to change setting {setting} from "{old}" to "{new}": {error}`,
		"",
		"Linux refused the value of a setting.")
)
