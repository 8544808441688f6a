package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/livequery"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// showJSON reads what a daemon prints in JSON.
func showJSON(ctx context.Context, v StateReader, daemon, command string, out any) error {
	text, err := v.Show(ctx, daemon, command)
	if err != nil || strings.TrimSpace(text) == "" {
		return err
	}
	if err := json.Unmarshal([]byte(text), out); err != nil {
		return fmt.Errorf("FRR's answer to %q cannot be read: %w", command, err)
	}
	return nil
}

// fabricd is what fabricd prints of neighbours and of interfaces.
type fabricd struct {
	Areas []struct {
		Area     string `json:"area"`
		Circuits []struct {
			Neighbour string `json:"adj"`
			Interface struct {
				Name  string `json:"name"`
				State string `json:"state"`
				Type  string `json:"type"`
				Ago   string `json:"last-ago"`
			} `json:"interface"`
		} `json:"circuits"`
	} `json:"areas"`
}

// ospfd is what ospfd prints of neighbours and of interfaces.
type ospfd struct {
	Neighbours map[string][]struct {
		State     string `json:"nbrState"`
		Uptime    string `json:"upTime"`
		Address   string `json:"ifaceAddress"`
		Interface string `json:"ifaceName"`
	} `json:"neighbors"`
	Interfaces map[string]struct {
		Up      bool   `json:"ifUp"`
		Network string `json:"networkType"`
		// By address since FRR 10.
		Addresses map[string]struct {
			Network string `json:"networkType"`
		} `json:"interfaceIp"`
	} `json:"interfaces"`
}

// bgpPeers are the sessions of one address family that bgpd prints.
type bgpPeers map[string]struct {
	Peers map[string]struct {
		State  string `json:"state"`
		Uptime string `json:"peerUptime"`
	} `json:"peers"`
}

const unknown = "Unknown"

// in picks a word of a table, or Unknown.
func in(words map[string]string, key string) string { return cmp.Or(words[key], unknown) }

var (
	fabricdStates = map[string]string{"Initializing": "Initializing", "Up": "Up", "Down": "Down"}
	circuitStates = map[string]string{"Init": "Init", "Config": "Config", "Up": "Up"}
	circuitTypes  = map[string]string{"p2p": "Point-To-Point", "lan": "Broadcast", "bcast": "Broadcast", "loopback": "Loopback"}
	networkTypes  = map[string]string{
		"Null": "Null", "POINTOPOINT": "Point-To-Point", "BROADCAST": "Broadcast", "NBMA": "NBMA",
		"POINTOMULTIPOINT": "Point-To-Multipoint", "VIRTUALLINK": "Virtual Link", "LOOPBACK": "Loopback",
	}
)

func fabricNeighbours(ctx context.Context, v StateReader, f *model.Fabric, m *model.FabricNode) ([]livequery.FabricNeighbour, error) {
	out := []livequery.FabricNeighbour{}
	var err error
	switch links := fabricLinks(f, m); f.Protocol {
	case model.FabricOpenFabric:
		var d fabricd
		err = showJSON(ctx, v, "fabricd", "show openfabric neighbor detail json", &d)
		for _, a := range d.Areas {
			for _, c := range a.Circuits {
				if a.Area == f.ID && c.Neighbour != "" {
					out = append(out, livequery.FabricNeighbour{Name: c.Neighbour, State: in(fabricdStates, c.Interface.State), Uptime: c.Interface.Ago})
				}
			}
		}
	case model.FabricOSPF:
		var d ospfd
		err = showJSON(ctx, v, "ospfd", "show ip ospf neighbor json", &d)
		for _, list := range d.Neighbours {
			for _, n := range list {
				if name, _, _ := strings.Cut(n.Interface, ":"); slices.Contains(links, name) {
					out = append(out, livequery.FabricNeighbour{Name: n.Address, State: n.State, Uptime: n.Uptime})
				}
			}
		}
	case model.FabricBGP:
		out, err = bgpNeighbours(ctx, v, links)
	case model.FabricWireGuard: // which has no routing protocol
	}
	slices.SortFunc(out, func(a, b livequery.FabricNeighbour) int { return cmp.Compare(a.Name, b.Name) })
	return out, err
}

// bgpNeighbours are the sessions over links, each once, whatever families it has.
func bgpNeighbours(ctx context.Context, v StateReader, links []string) ([]livequery.FabricNeighbour, error) {
	var families bgpPeers
	err := showJSON(ctx, v, "bgpd", "show bgp summary json", &families)
	out := []livequery.FabricNeighbour{}
	for _, link := range links {
		for _, family := range families {
			if p, ok := family.Peers[link]; ok {
				out = append(out, livequery.FabricNeighbour{Name: link, State: p.State, Uptime: p.Uptime})
				break
			}
		}
	}
	return out, err
}

func fabricInterfaces(ctx context.Context, v StateReader, f *model.Fabric, m *model.FabricNode) ([]livequery.FabricLink, error) {
	out := []livequery.FabricLink{}
	links := fabricLinks(f, m)
	var err error
	switch f.Protocol {
	case model.FabricOpenFabric:
		var d fabricd
		err = showJSON(ctx, v, "fabricd", "show openfabric interface json", &d)
		for _, a := range d.Areas {
			for _, c := range a.Circuits {
				if a.Area == f.ID && c.Interface.Name != "" {
					out = append(out, livequery.FabricLink{Name: c.Interface.Name, Type: in(circuitTypes, c.Interface.Type), State: in(circuitStates, c.Interface.State)})
				}
			}
		}
	case model.FabricOSPF:
		var d ospfd
		err = showJSON(ctx, v, "ospfd", "show ip ospf interface json", &d)
		for name, i := range d.Interfaces {
			for _, a := range i.Addresses {
				i.Network = cmp.Or(i.Network, a.Network)
			}
			state := "down"
			if i.Up {
				state = "up"
			}
			if slices.Contains(links, name) {
				out = append(out, livequery.FabricLink{Name: name, Type: in(networkTypes, i.Network), State: state})
			}
		}
	case model.FabricBGP:
		var sessions []livequery.FabricNeighbour
		sessions, err = bgpNeighbours(ctx, v, links)
		for _, s := range sessions {
			state := "Down"
			if s.State == "Established" {
				state = "Up"
			}
			out = append(out, livequery.FabricLink{Name: s.Name, Type: "Point-To-Point", State: state})
		}
	case model.FabricWireGuard: // which has no routing protocol
	}
	slices.SortFunc(out, func(a, b livequery.FabricLink) int { return cmp.Compare(a.Name, b.Name) })
	return out, err
}
