package model

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
)

// policyForm is the ID of prefix lists and route maps, as in Proxmox VE.
var policyForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$`)

// reservedLists and reservedMaps are names of generated lists and maps.
var (
	reservedLists = []string{"only_default", "only_default_v6", "loopbacks_ips"}
	reservedMaps  = []string{"MAP_VTEP_IN", "MAP_VTEP_OUT", "correct_src"}
)

// reservedPrefix is the name prefix of lists and maps generated for fabrics.
const reservedPrefix = "pve_"

// mapAllName is a map that only Viaduct generates; Proxmox VE accepts the name.
const mapAllName = "MAP_ALL"

func parseHost(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	return a, err == nil && a.Zone() == "" && !a.Is4In6()
}

func policyID(r report, id, what string) {
	if !policyForm.MatchString(id) {
		r.error("id", id, msgPolicyNameInvalid, what)
	}
}

func (c *checker) prefixLists(ids []string) {
	for _, id := range ids {
		l := c.cfg.PrefixLists[id]
		r := c.report(l)
		policyID(r, id, "prefix list")
		if slices.Contains(reservedLists, id) {
			r.error("id", id, msgPrefixListNameReserved)
		}
		seqs := map[int]int{}
		for i, e := range l.Entries {
			field := fmt.Sprintf("entries[%d].", i)
			needsAction(r, field, e.Action)
			prefixEntry(r, field, e)
			if first, taken := seqs[e.Seq]; e.Seq != 0 && taken {
				r.error(field+"seq", strconv.Itoa(e.Seq), msgPrefixListSeqUsed, first)
			}
			seqs[e.Seq] = i
		}
		if len(l.Entries) == 0 {
			r.warn("entries", "", msgPrefixListEmpty)
		}
	}
}

func needsAction(r report, field, action string) {
	if action == "" {
		r.error(field+"action", "", msgEntryActionMissing)
	}
}

// prefixEntry checks the lengths: the network's own, then ge, then le.
func prefixEntry(r report, field string, e PrefixEntry) {
	if !e.Prefix.IsValid() {
		r.error(field+"prefix", "", msgPrefixMissing)
		return
	}
	if e.Prefix != e.Prefix.Masked() {
		r.lax(field+"prefix", e.Prefix.String(), msgPrefixHostBits, e.Prefix.Masked())
	}
	bits, longest := e.Prefix.Bits(), e.Prefix.Addr().BitLen()
	bound := func(name string, n, least int) {
		if n != 0 && (n < least || n > longest) {
			r.error(field+name, strconv.Itoa(n), msgPrefixLengthInvalid, e.Prefix, least, longest)
		}
	}
	bound("ge", e.Ge, bits)
	bound("le", e.Le, max(bits, e.Ge))
}
