package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/driver/nft"
	"github.com/viaduct-sdn/viaduct/internal/livequery"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Counters implements StateReader.
func (h *Host) Counters(ctx context.Context) ([]livequery.FirewallCounter, error) {
	out := []livequery.FirewallCounter{}
	for family, where := range map[string]string{"bridge": livequery.FirewallInside, "inet": livequery.FirewallRouted} {
		counters, err := nft.Counters(ctx, nil, family, compile.FirewallTable)
		if err != nil {
			return nil, err
		}
		for _, c := range counters {
			out = append(out, livequery.FirewallCounter{Where: where, What: c.Comment, Packets: c.Packets, Bytes: c.Bytes})
		}
	}
	slices.SortStableFunc(out, func(a, b livequery.FirewallCounter) int { return strings.Compare(a.Where, b.Where) })
	return out, nil
}

// listCounters are the counters of a VNet's firewall: of its own rules and policy, and of
// the groups that it uses, which other VNets may use too. Filters of senders count for
// all VNets together, which is for those who administer the node.
func listCounters(ctx context.Context, v StateReader, doc *document.Document, vnet string) ([]livequery.FirewallCounter, error) {
	if doc.Config.VNets[vnet] == nil {
		return nil, fmt.Errorf("vnet %s is not on this node", vnet)
	}
	all, err := v.Counters(ctx)
	return slices.DeleteFunc(all, func(c livequery.FirewallCounter) bool {
		kind, rest, _ := strings.Cut(c.What, " ")
		name, _, _ := strings.Cut(rest, " ")
		switch kind {
		case "vnet":
			return name != vnet
		case "group":
			f := doc.Config.Firewalls[vnet]
			return f == nil || !slices.ContainsFunc(f.Rules, func(r model.FirewallRule) bool { return r.Type == model.RuleGroup && r.Action == name })
		}
		return true
	}), err
}
