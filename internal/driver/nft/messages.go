package nft

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages of the driver.
var (
	msgNFTMissing = message.Define("nft-missing",
		"the program nft was not found, so that source NAT and isolation cannot be set up:",
		"install the package nftables",
		"Filters and address translation are programmed by nft(8).")
	msgNFTRulesRefused = message.Define("nft-rules-refused",
		"its rules were left out of table {table}: {error}",
		"",
		"The kernel refused the rules of one object. The rules of the others are in place.")
)
