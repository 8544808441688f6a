package compile

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages about sectors.
var (
	msgSectorWithoutVNet = message.Define("sector-without-vnet",
		"has no gateway on node {node}, because vnet {vnet} could not be made there",
		"see vnet {vnet}",
		"The gateway of a sector joins the VNet of the sector and that of the backplane, and needs both.")
	msgSectorBackplaneNotRouted = message.Define("sector-backplane-not-routed",
		"has no gateway on node {node}, because backplane {backplane} is not routed there",
		"see zone {backplane}",
		"The gateway of a sector sends to the backplane, which node and backplane have to route.")
	msgSectorTargetNowhere = message.Define("sector-target-nowhere",
		"{what} leads to {address}, which no guest of the sector has",
		"start the guest, or correct the address (viaduct get nics)",
		"Whatever is sent there is lost until a guest has the address.")
)
