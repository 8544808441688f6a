package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/livequery"
)

var _ StateReader = (*Host)(nil)

// Show implements StateReader.
func (h *Host) Show(ctx context.Context, daemon, command string) (string, error) {
	for _, d := range all[shower](h.stages) {
		return d.Show(ctx, daemon, command)
	}
	return "", errors.New("this node runs no routing suite")
}

// Bridges implements StateReader.
func (h *Host) Bridges(ctx context.Context) ([]livequery.Bridge, error) {
	links, err := h.conn.Links(ctx)
	if err != nil {
		return nil, err
	}
	vlans, err := h.conn.PortVLANs(ctx)
	if err != nil {
		return nil, err
	}
	out := []livequery.Bridge{}
	for _, b := range links {
		if b.Bridge == nil {
			continue
		}
		bridge := livequery.Bridge{Name: b.Name, VLANFiltering: b.Bridge.VLANFiltering != nil && *b.Bridge.VLANFiltering, Ports: []livequery.BridgePort{}}
		for _, l := range links {
			if l.Master != b.Index {
				continue
			}
			port := livequery.BridgePort{Name: l.Name}
			for _, r := range vlans[l.Index] {
				if r.PVID {
					port.PVID = int(r.First)
				}
				text := fmt.Sprint(r.First)
				if r.Last != r.First {
					text = fmt.Sprintf("%d-%d", r.First, r.Last)
				}
				if bridge.VLANFiltering {
					port.VLANs = append(port.VLANs, text)
				}
			}
			if !bridge.VLANFiltering {
				port.PVID = 0
			}
			bridge.Ports = append(bridge.Ports, port)
		}
		slices.SortFunc(bridge.Ports, func(a, b livequery.BridgePort) int { return cmp.Compare(a.Name, b.Name) })
		out = append(out, bridge)
	}
	slices.SortFunc(out, func(a, b livequery.Bridge) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}
