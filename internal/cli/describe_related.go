package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// reference is what an object says of another: that it refers to it, and where.
type reference struct {
	kind model.Kind
	id   string
	// as is what the object calls the reference, empty where the kind says it.
	as string
}

// references lists the objects that an object refers to, without repetition. Nodes are
// named where an object is on a single one.
func references(o model.Object) []reference {
	var out []reference
	add := func(k model.Kind, id, as string) {
		r := reference{k, id, as}
		if id != "" && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	switch o := o.(type) {
	case *model.RouteMap:
		for _, id := range o.PrefixLists() {
			add(model.KindPrefixList, id, "")
		}
		for _, id := range o.Calls() {
			add(model.KindRouteMap, id, "")
		}
	case *model.Fabric:
		add(model.KindPrefixList, o.RouteFilter, "")
		add(model.KindRouteMap, o.RouteMapIn, "")
		add(model.KindRouteMap, o.RouteMapOut, "")
		for _, r := range o.Redistribute {
			add(model.KindRouteMap, r.RouteMap, "")
		}
	case *model.FabricNode:
		add(model.KindFabric, o.Fabric, "")
		add(model.KindNode, o.Node, "")
	case *model.Controller:
		add(model.KindFabric, o.Fabric, "")
		add(model.KindNode, o.Node, "")
		add(model.KindRouteMap, o.RouteMapIn, "")
		add(model.KindRouteMap, o.RouteMapOut, "")
	case *model.Zone:
		add(model.KindController, o.Controller, "")
		for _, id := range o.SecondaryControllers {
			add(model.KindController, id, "")
		}
		add(model.KindFabric, o.Fabric, "")
		add(model.KindIPAM, o.IPAM, "")
		add(model.KindDNS, o.DNS, "")
		add(model.KindDNS, o.ReverseDNS, "")
	case *model.VNet:
		add(model.KindZone, o.Zone, "")
	case *model.Subnet:
		add(model.KindVNet, o.VNet, "")
		zone, _, _ := model.ParseSubnetID(o.ID)
		add(model.KindZone, zone, "")
	case *model.Guest:
		for _, n := range o.NICs {
			add(model.KindVNet, n.VNet, n.ID)
		}
		add(model.KindNode, o.Node, "")
	default:
		firewallReferences(o, add)
	}
	return out
}

// firewallReferences is references for what firewalls are made of.
func firewallReferences(o model.Object, add func(k model.Kind, id, as string)) {
	var rules []model.FirewallRule
	switch o := o.(type) {
	case *model.Firewall:
		if o.ID != model.FirewallDatacenter {
			add(model.KindVNet, o.ID, "")
		}
		rules = o.Rules
	case *model.SecurityGroup:
		rules = o.Rules
	case *model.IPSet:
		for _, e := range o.Entries {
			if p, ok := model.ParsePeer(e.CIDR); ok {
				add(model.KindAlias, p.Alias, "")
			}
		}
	}
	for _, r := range rules {
		if r.Type == model.RuleGroup {
			add(model.KindSecurityGroup, r.Action, "")
		}
		peers, _ := model.ParsePeers(r.Source)
		to, _ := model.ParsePeers(r.Dest)
		for _, p := range append(peers, to...) {
			add(model.KindAlias, p.Alias, "")
			if p.Scope == model.ScopeDatacenter {
				add(model.KindIPSet, p.Set, "")
			}
		}
	}
}

// maxRelated bounds how many objects of one kind are listed as related.
const maxRelated = 100

// relatedText lists the objects one step away: those the object refers to, then those
// that refer to it.
func (d *description) relatedText() string {
	o := cmp.Or(d.pending, d.running)
	var b strings.Builder
	for _, r := range references(o) {
		text := fmt.Sprintf("  %s %s", r.kind, r.id)
		if r.as != "" {
			text += " (" + r.as + ")"
		}
		b.WriteString(printed(text) + "\n")
	}
	for _, kind := range model.Kinds() {
		n := 0
		for _, other := range d.config.List(kind) {
			for _, r := range references(other) {
				if r.kind != d.kind || r.id != d.id {
					continue
				}
				if n++; n <= maxRelated {
					b.WriteString(d.referentLine(other, r))
				}
			}
		}
		if n > maxRelated {
			fmt.Fprintf(&b, "  ... and %d more %s\n", n-maxRelated, kind.Plural())
		}
	}
	return b.String()
}

// referentLine is the line of an object that refers to the one that is described.
func (d *description) referentLine(o model.Object, r reference) string {
	words := []string{string(o.ObjectKind()), o.ObjectID()}
	switch o := o.(type) {
	case *model.Subnet:
		words[1] = o.CIDR.String()
	case *model.Guest:
		words = append(words, o.Name, r.as)
		if i := slices.IndexFunc(o.NICs, func(n model.NIC) bool { return n.ID == r.as }); i >= 0 {
			words = append(words, strings.Join(d.book.of(o, &o.NICs[i]), ", "))
		}
	}
	return wordLine(words...)
}

// wordLine joins the words that are not empty.
func wordLine(words ...string) string {
	words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
	return "  " + printed(strings.Join(words, " ")) + "\n"
}
