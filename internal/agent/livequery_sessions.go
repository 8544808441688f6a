package agent

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/livequery"
)

// bgpSummary is what bgpd prints of the sessions of all VRFs: by VRF, then by address family.
type bgpSummary map[string]map[string]struct {
	Peers map[string]struct {
		State    string `json:"state"`
		Uptime   string `json:"peerUptime"`
		AS       int64  `json:"remoteAs"`
		Prefixes int    `json:"pfxRcd"`
	} `json:"peers"`
}

// listSessions are the sessions of all daemons that run. A daemon that does not run has none.
func listSessions(ctx context.Context, r StateReader, _ *document.Document, _ string) ([]livequery.Session, error) {
	out := bgpSessions(ctx, r)
	var o ospfd
	if showJSON(ctx, r, "ospfd", "show ip ospf neighbor json", &o) == nil {
		for id, list := range o.Neighbours {
			for _, n := range list {
				link, _, _ := strings.Cut(n.Interface, ":")
				out = append(out, livequery.Session{Protocol: "ospf", Neighbour: id + " (" + link + ")", State: n.State, Uptime: n.Uptime})
			}
		}
	}
	for protocol, daemon := range map[string]string{"openfabric": "fabricd", "isis": "isisd"} {
		var d fabricd
		if showJSON(ctx, r, daemon, "show "+protocol+" neighbor detail json", &d) != nil {
			continue
		}
		for _, a := range d.Areas {
			for _, c := range a.Circuits {
				if c.Neighbour != "" {
					out = append(out, livequery.Session{Protocol: protocol, Neighbour: c.Neighbour + " (" + c.Interface.Name + ")", State: c.Interface.State, Uptime: c.Interface.Ago})
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b livequery.Session) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.VRF, b.VRF), cmp.Compare(a.Neighbour, b.Neighbour))
	})
	return out, nil
}

// bgpSessions are BGP's, each once with its address families.
func bgpSessions(ctx context.Context, r StateReader) []livequery.Session {
	type peer struct{ vrf, name string }
	var summary bgpSummary
	if showJSON(ctx, r, "bgpd", "show bgp vrf all summary json", &summary) != nil {
		return []livequery.Session{}
	}
	found := map[peer]livequery.Session{}
	for vrf, families := range summary {
		if vrf == "default" {
			vrf = ""
		}
		for family, f := range families {
			for name, p := range f.Peers {
				s := found[peer{vrf, name}]
				families := slices.Sorted(slices.Values(append(s.Families, family)))
				found[peer{vrf, name}] = livequery.Session{
					Protocol: "bgp", VRF: vrf, Neighbour: name, AS: p.AS, State: p.State, Uptime: p.Uptime, Families: families, Prefixes: s.Prefixes + p.Prefixes,
				}
			}
		}
	}
	return slices.AppendSeq([]livequery.Session{}, maps.Values(found))
}
