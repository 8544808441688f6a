package route

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages of the driver.
var (
	msgRouteInterfaceMissing = message.Define("route-interface-missing",
		"route {route}: interface {interface} is not on this node",
		"the route is made as soon as it is",
		"The route leads to an interface that does not exist yet.")
	msgRouteNextHopUnreachable = message.Define("route-next-hop-unreachable",
		"the kernel refused to add route {route}: {error}",
		"its next hop is in no network of this node: check the subnet's gateway",
		"The next hop of a route has to be in a network that the node is connected to.")
	msgRouteInterfaceDown = message.Define("route-interface-down",
		"the kernel refused to add route {route}: {error}",
		"the interface it leads to is down: bring it up (ip link set DEV up)",
		"Linux refuses routes by interfaces that are down.")
	msgRouteRefused = message.Define("route-refused",
		"the kernel refused to add route {route}: {error}",
		"",
		"Linux refused a route for another reason.")
	msgRouteRuleRefused = message.Define("route-rule-refused",
		"the kernel refused to add rule {rule} (ip rule): {error}",
		"",
		"Linux refused a rule of policy routing.")
	msgRouteRemovalRefused = message.Define("route-removal-refused",
		"the kernel refused to remove {type} {name}: {error}",
		"",
		"Linux refused to remove a route or rule.")
)
