package agent

import (
	"cmp"
	"context"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver/nft"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/linux/foreign"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

var _ Inspector = (*Host)(nil)

// inspection is the state that the node keeps between two inspections.
type inspection struct {
	filters *nft.Watcher
	reach   reach
	// want is the state that was last inspected: ends are the remote VTEPs of its tunnels,
	// dropped is what rules drop of its traffic.
	want    *desired.Node
	ends    tunnelEnds
	rules   *foreign.Ruleset
	through bridged
	dropped []protocol.ObjectStatus
}

// Inspect implements Inspector.
func (h *Host) Inspect(ctx context.Context, cfg *model.Config, want *desired.Node) []protocol.ObjectStatus {
	i := &h.inspection
	if want != i.want {
		i.want, i.rules, i.ends = want, nil, endsOf(cfg, want)
	}
	return append(i.foreignFilters(ctx, cfg, want), i.unreached(time.Now())...)
}

// foreignFilters reports what filters drop. If they cannot be read, it reports nothing.
func (i *inspection) foreignFilters(ctx context.Context, cfg *model.Config, want *desired.Node) []protocol.ObjectStatus {
	rules, err := i.filters.Forwarding(ctx)
	if err != nil {
		return nil
	}
	through := bridged{bridgeCalls("iptables"), bridgeCalls("ip6tables")}
	if rules != i.rules || through != i.through {
		i.rules, i.through = rules, through
		i.dropped = droppedTraffic(rules, cfg, want, through)
	}
	return slices.Clone(i.dropped)
}

// bridgeCalls reports whether frames of bridges pass the filters of routed packets
// (br_netfilter, ip-sysctl).
func bridgeCalls(program string) bool {
	b, err := os.ReadFile("/proc/sys/net/bridge/bridge-nf-call-" + program)
	return err == nil && strings.TrimSpace(string(b)) == "1"
}

// tunnelEnds are the remote VTEPs, and the zones of each. Those of EVPN zones are not
// among them: their BGP sessions show whether they are up.
type tunnelEnds struct {
	targets []target
	zones   map[netip.Addr][]string
}

func endsOf(cfg *model.Config, want *desired.Node) tunnelEnds {
	devices := map[string]*desired.Link{}
	for k := range want.Links {
		if l := &want.Links[k]; l.VXLAN != nil && l.VXLAN.Local.IsValid() {
			devices[l.Name] = l
		}
	}
	out := tunnelEnds{zones: map[netip.Addr][]string{}}
	first := map[string]string{} // the device that represents a zone's
	for _, n := range want.Neighbours {
		l := devices[n.Link]
		if n.MAC != desired.FloodMAC || l == nil {
			continue
		}
		_, id, _ := strings.Cut(l.Owner, "/")
		v := cfg.VNets[id]
		if v == nil || first[v.Zone] != "" && first[v.Zone] != n.Link {
			continue
		}
		first[v.Zone] = n.Link
		if t := (target{l.VXLAN.Local, n.Dst, l.VXLAN.Port}); !slices.Contains(out.targets, t) {
			out.targets = append(out.targets, t)
		}
		out.zones[n.Dst] = append(out.zones[n.Dst], v.Zone)
	}
	return out
}

// unreached reports remote VTEPs that cannot be reached.
func (i *inspection) unreached(now time.Time) []protocol.ObjectStatus {
	var out []protocol.ObjectStatus
	for remote, why := range i.reach.probe(now, i.ends.targets) {
		for _, zone := range i.ends.zones[remote] {
			m := msgVTEPUnreachable.Of(remote, why)
			out = append(out, protocol.ObjectStatus{
				Object: model.Ref(model.KindZone, zone), State: protocol.Converged, Class: fault.Peer, Peers: []string{remote.String()},
				Message: m.Text, Details: m.Details,
			})
		}
	}
	slices.SortFunc(out, func(a, b protocol.ObjectStatus) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Message, b.Message))
	})
	return out
}
