package model

import (
	"strconv"
	"strings"
)

// ParseRuleName reads the name that counters and logs have for what decides in a firewall:
// "vnet vnet1 rule 3", "vnet vnet1 policy", "group web rule 0", "datacenter rule 2". It returns
// the object with the rule, empty for filters of senders and others without one, and the
// rule's place in its list, -1 for the policy.
func ParseRuleName(text string) (ref string, position int) {
	w := strings.Fields(text)
	switch {
	case len(w) > 2 && w[0] == "vnet":
		ref, w = Ref(KindFirewall, w[1]), w[2:]
	case len(w) > 2 && w[0] == "group":
		ref, w = Ref(KindSecurityGroup, w[1]), w[2:]
	case len(w) > 1 && w[0] == FirewallDatacenter:
		ref, w = Ref(KindFirewall, w[0]), w[1:]
	default:
		return "", -1
	}
	if len(w) > 1 && w[0] == "rule" {
		if i, err := strconv.Atoi(w[1]); err == nil {
			return ref, i
		}
	}
	return ref, -1
}
