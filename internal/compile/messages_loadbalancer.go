package compile

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages about load balancers.
var (
	msgHAProxyMissing = message.Define("load-balancer-needs-haproxy",
		"does not serve on node {node}, which has no HAProxy:",
		"install it there (apt install haproxy), it is found within a minute",
		"Every node with a gateway of a sector serves the load balancers of the sector, by HAProxy 2.6 or later.")
	msgPoolEmpty = message.Define("load-balancer-pool-empty",
		"has no guest that runs, so clients are rejected:",
		"start a guest of its pool with an address in the sector (viaduct get nics)",
		"A guest serves while it runs and has an address of the sector.")
	msgPoolGuestsMissing = message.Define("load-balancer-guests-missing",
		"does without the guests {guests} of its pool, which do not run or have no address in the sector",
		"start them, or remove them from the pool (viaduct get nics)",
		"A guest serves while it runs and has an address of the sector.")
)
