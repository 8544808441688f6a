package dnsserver

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages of the driver.
var (
	msgDNSServerZoneFailed = message.Define("dns-server-zone-failed",
		"the DNS server {error}",
		"{consequence}",
		"The DNS server of the node cannot serve the names of a zone.")
)
