package frr

import (
	"net/netip"
	"strings"
)

// squeeze removes blanks around a line and all but one between its words.
func squeeze(line string) string { return strings.Join(strings.Fields(line), " ") }

// canonical returns the form in which lines that are the same to FRR are equal:
// addresses in their shortest form and lower case, networks without host bits,
// "Null0" as FRR writes it, the default sub-family named.
func canonical(text string) string {
	switch text {
	case "address-family ipv4", "address-family ipv6":
		return text + " unicast"
	}
	if !strings.ContainsAny(text, ".:") && !strings.Contains(text, "ull0") {
		return text
	}
	words := strings.Fields(text)
	if words[0] == "description" || len(words) > 2 && words[2] == "description" {
		return text
	}
	// An interface's own address keeps its host bits.
	keep := len(words) > 1 && words[1] == "address"
	for i, w := range words {
		switch {
		case strings.EqualFold(w, "null0"):
			words[i] = "Null0"
		case !strings.ContainsAny(w, ".:"):
		case strings.Contains(w, "/"):
			if p, err := netip.ParsePrefix(w); err == nil && keep {
				words[i] = p.String()
			} else if err == nil {
				words[i] = p.Masked().String()
			}
		default:
			if a, err := netip.ParseAddr(w); err == nil {
				words[i] = a.String()
			}
		}
	}
	return strings.Join(words, " ")
}

// unnumbered is the key of a list's entry without the sequence number that FRR
// assigns to an entry without one.
func unnumbered(key string) string {
	before, after, ok := strings.Cut(key, " seq ")
	if !ok || !strings.Contains(before, "list ") {
		return key
	}
	_, rest, ok := strings.Cut(after, " ")
	if !ok {
		return key
	}
	return before + " " + rest
}

// slots are the commands that hold one value: writing another replaces it. An
// asterisk matches any word; these words are part of the slot's identity.
var slots = splitAll(
	"bgp router-id", "bgp cluster-id", "bgp graceful-restart restart-time", "bgp graceful-restart select-defer-time", "coalesce-time", "maximum-paths", "maximum-paths ibgp",
	"neighbor * remote-as", "neighbor * interface remote-as", "neighbor * update-source",
	"neighbor * ebgp-multihop", "neighbor * description", "neighbor * password", "neighbor * timers",
	"neighbor * timers connect", "neighbor * advertisement-interval", "neighbor * local-as",
	"neighbor * allowas-in", "neighbor * maximum-prefix",
	"redistribute connected", "redistribute kernel", "redistribute static",
	"match evpn vni", "match evpn route-type", "match extcommunity", "match metric", "match local-preference", "match peer", "match tag",
	"match ip next-hop prefix-list", "match ipv6 next-hop prefix-list", "match ip next-hop address", "match ipv6 next-hop address",
	"set src", "set community", "set metric", "set local-preference", "set ip next-hop", "set ipv6 next-hop global", "set tag", "set weight",
	"call", "on-match", "bgp extcommunity-list * * seq *",
	"match ip address", "match ip address prefix-list", "match ipv6 address", "match ipv6 address prefix-list",
	"ip protocol *", "ipv6 protocol *", "ospf router-id", "ip ospf area", "ip ospf network", "ip ospf cost",
	"openfabric hello-interval", "openfabric hello-multiplier", "openfabric csnp-interval", "openfabric metric",
	"isis circuit-type", "isis metric", "is-type", "rd",
	"ip prefix-list * seq *", "ipv6 prefix-list * seq *", "access-list * seq *", "ipv6 access-list * seq *",
)

// slotVNI is the VNI of a VRF. It is the one value that has to be removed before
// another is set.
const slotVNI = "vni"

// mayDiffer reports whether a line sets a value that need not be Viaduct's: a router has one
// identifier, and only its stability matters; and timers are a matter of preference.
func mayDiffer(where string) bool {
	_, line, _ := strings.Cut(where, separator)
	return strings.HasPrefix(line, "bgp router-id ") || strings.HasPrefix(line, "coalesce-time ") ||
		strings.HasPrefix(line, "bgp graceful-restart ")
}

func splitAll(patterns ...string) map[string][][]string {
	m := map[string][][]string{}
	for _, p := range patterns {
		w := strings.Fields(p)
		m[w[0]] = append(m[w[0]], w)
	}
	return m
}

// slot names the single value that a line sets; empty if it sets none: "neighbor
// VTEP route-map in".
func slot(key string) string {
	words := strings.Fields(key)
	if len(words) == 0 {
		return ""
	}
	best := 0
	for _, pattern := range slots[words[0]] {
		if len(pattern) > best && fits(pattern, words) {
			best = len(pattern)
		}
	}
	if best > 0 {
		return strings.Join(words[:best], " ")
	}
	// neighbor X route-map NAME in
	if len(words) == 5 && words[0] == "neighbor" && (words[2] == "route-map" || words[2] == "prefix-list") {
		return strings.Join([]string{words[0], words[1], words[2], words[4]}, " ")
	}
	return ""
}

func fits(pattern, words []string) bool {
	if len(words) < len(pattern) {
		return false
	}
	for i, p := range pattern {
		if p != "*" && p != words[i] {
			return false
		}
	}
	return true
}

// opposite returns the line that undoes another one.
func opposite(text string) string {
	if rest, ok := strings.CutPrefix(text, "no "); ok {
		return rest
	}
	return "no " + text
}

// vrfOf returns the VRF that the head of a context is about; empty if none.
func vrfOf(head string) string {
	if name, ok := strings.CutPrefix(head, "vrf "); ok {
		return name
	}
	if strings.HasPrefix(head, "router ") {
		if _, name, ok := strings.Cut(head, " vrf "); ok {
			return name
		}
	}
	return ""
}
