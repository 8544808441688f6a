package frr

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages of the driver.
var (
	msgFRRNotInstalled = message.Define("frr-not-installed",
		"FRR was not found on this node, so no route can be exchanged with others:",
		"install the package frr",
		"Routing needs FRR on the node.")
	msgFRRDaemonMissing = message.Define("frr-daemon-missing",
		`"{line}" needs FRR's daemon {daemon}, which this node does not have ({path}):`,
		"install a build of FRR that has it, or leave the node out",
		"The build of FRR on the node has no daemon for the protocol.")
	msgFRRLineConflict = message.Define("frr-line-conflict",
		`"{line}" cannot be configured: FRR has "{other}", which was not made by Viaduct and was left untouched:`,
		"remove it from FRR, or change the declaration",
		"FRR's configuration holds a line of the operator that contradicts the declaration.")
	msgFRRLineUnknown = message.Define("frr-line-unknown",
		`FRR does not know "{line}" and it was left out: {reply}`,
		"",
		"FRR refused a line when the configuration was checked. The other lines are in place.")
	msgFRRLineKept = message.Define("frr-line-kept",
		`FRR keeps "{line}", which is no longer wanted: {reply}`,
		"",
		"FRR refused to remove a line.")
	msgFRRLineRefused = message.Define("frr-line-refused",
		`FRR refuses "{line}": {reply}`,
		"",
		"A daemon of FRR refused a line. The other lines are in place.")
)
