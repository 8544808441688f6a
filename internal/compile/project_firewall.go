package compile

import (
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// firewalls adds the firewalls of the VNets in a document, and all that their rules
// lead to: groups, IP sets, aliases, and of sets of other VNets their subnets.
func (p *Projector) firewalls(out *model.Config) {
	if p.live == nil || len(p.live.Firewalls) == 0 {
		return
	}
	if all := p.live.Firewalls[model.FirewallDatacenter]; all != nil {
		set(&out.Firewalls, all.ID, all)
		p.firewallRules(out, all.Rules)
	}
	for id := range out.VNets {
		if f := p.live.Firewalls[id]; f != nil {
			set(&out.Firewalls, id, f)
			p.firewallRules(out, f.Rules)
		}
	}
}

func (p *Projector) firewallRules(out *model.Config, rules []model.FirewallRule) {
	for i := range rules {
		r := &rules[i]
		if r.Type == model.RuleGroup {
			if g := p.live.SecurityGroups[r.Action]; g != nil && out.SecurityGroups[g.ID] == nil {
				set(&out.SecurityGroups, g.ID, g)
				p.firewallRules(out, g.Rules)
			}
			continue
		}
		for _, text := range []string{r.Source, r.Dest} {
			peers, _ := model.ParsePeers(text)
			for _, peer := range peers {
				p.firewallPeer(out, peer)
			}
		}
	}
}

func (p *Projector) firewallPeer(out *model.Config, peer model.Peer) {
	switch {
	case peer.Alias != "":
		if a := p.live.Aliases[peer.Alias]; a != nil {
			set(&out.Aliases, a.ID, a)
		}
	case peer.Scope == model.ScopeDatacenter:
		s := p.live.IPSets[peer.Set]
		if s == nil || out.IPSets[s.ID] != nil {
			return
		}
		set(&out.IPSets, s.ID, s)
		for _, e := range s.Entries {
			if inside, ok := model.ParsePeer(e.CIDR); ok && inside.Alias != "" {
				p.firewallPeer(out, inside)
			}
		}
	default:
		if vnet, _, _, _ := model.SplitSDNSet(peer.Set); vnet != "" {
			for _, s := range p.subnets[vnet] {
				set(&out.Subnets, s.ID, s)
			}
		}
	}
}
