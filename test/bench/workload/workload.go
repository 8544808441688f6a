// Package workload makes the large configurations that the benchmarks measure:
// as objects of Viaduct, and as the running configuration of Proxmox VE, which
// say the same. It is used by the programs below test/bench only.
package workload

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// EVPN is a cluster with EVPN zones, each a VRF with VNets of one IPv4 subnet.
type EVPN struct {
	// Nodes are at most 250, Zones at most 250, VNets, those of all zones together,
	// at most 60,000 and a multiple of Zones.
	Nodes, Zones, VNets int
	// Exits is how many of the nodes, the first ones, are exit nodes of all zones.
	Exits int
	// Outside gives the first node a BGP controller with an AS number of its own.
	// FRR then has to be given the route targets of every VNet.
	Outside bool
}

// ASN is the AS number of the cluster, OutsideASN that of the node that talks to
// routers outside.
const (
	ASN        = 65000
	OutsideASN = 65001
)

// outside is a router that does not exist.
const outside = "192.168.0.251"

// Node is the name of a node, from 0.
func Node(i int) string { return "node" + strconv.Itoa(i+1) }

// Address is a node's own end of the tunnels.
func Address(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 168, 0, byte(i + 1)}) }

// zone and vnet are the names of those of a number, from 0.
func zone(i int) string { return "z" + strconv.Itoa(i) }
func vnet(i int) string { return "v" + strconv.Itoa(i) }

// network is the subnet of a VNet.
func network(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)
}

func (e *EVPN) peers() (out []netip.Addr) {
	for i := range e.Nodes {
		out = append(out, Address(i))
	}
	return out
}

func (e *EVPN) exits() (out []string) {
	for i := range e.Exits {
		out = append(out, Node(i))
	}
	return out
}

// Config is the configuration as objects.
func (e *EVPN) Config() (*model.Config, error) {
	cfg := &model.Config{}
	objs := []model.Object{&model.Controller{ID: "evpn", Type: model.ControllerEVPN, ASN: ASN, Peers: e.peers()}}
	if e.Outside {
		objs = append(objs, &model.Controller{ID: "bgp" + Node(0), Type: model.ControllerBGP, Node: Node(0), ASN: OutsideASN,
			EBGP: true, Peers: []netip.Addr{netip.MustParseAddr(outside)}})
	}
	for i := range e.Zones {
		objs = append(objs, &model.Zone{
			ID: zone(i), Type: model.ZoneEVPN, Controller: "evpn", VRFVXLAN: 100_000 + i, ExitNodes: e.exits(), AdvertiseSubnets: true,
		})
	}
	for i := range e.VNets {
		p := network(i)
		objs = append(objs,
			&model.VNet{ID: vnet(i), Zone: zone(i % e.Zones), Tag: 200_000 + i},
			&model.Subnet{CIDR: p, VNet: vnet(i), Gateway: p.Addr().Next()})
	}
	for _, o := range objs {
		if err := cfg.Put(o); err != nil {
			return nil, err
		}
	}
	return cfg, nil
}

// Running is the configuration as Proxmox's file .running-config.
func (e *EVPN) Running() []byte {
	type ids map[string]map[string]any
	var peers []string
	for _, p := range e.peers() {
		peers = append(peers, p.String())
	}
	zones, vnets, subnets := ids{}, ids{}, ids{}
	controllers := ids{"evpn": {"type": "evpn", "asn": ASN, "peers": strings.Join(peers, ",")}}
	if e.Outside {
		controllers["bgp"+Node(0)] = map[string]any{"type": "bgp", "node": Node(0), "asn": OutsideASN, "ebgp": 1, "peers": outside}
	}
	for i := range e.Zones {
		zones[zone(i)] = map[string]any{"type": "evpn", "controller": "evpn", "vrf-vxlan": 100_000 + i, "advertise-subnets": 1, "ipam": "pve"}
		if e.Exits > 0 {
			zones[zone(i)]["exitnodes"] = strings.Join(e.exits(), ",")
		}
	}
	for i := range e.VNets {
		z, p := zone(i%e.Zones), network(i)
		vnets[vnet(i)] = map[string]any{"type": "vnet", "zone": z, "tag": 200_000 + i}
		subnets[fmt.Sprintf("%s-%s-%d", z, p.Addr(), p.Bits())] = map[string]any{"type": "subnet", "vnet": vnet(i), "gateway": p.Addr().Next().String()}
	}
	b, err := json.Marshal(map[string]any{
		"version":     1,
		"controllers": map[string]any{"ids": controllers},
		"zones":       map[string]any{"ids": zones},
		"vnets":       map[string]any{"ids": vnets},
		"subnets":     map[string]any{"ids": subnets},
	})
	if err != nil { // plain values only: cannot happen
		panic(err)
	}
	return b
}

// Facts are those of a node, from 0, on an underlay of 1500 bytes.
func (e *EVPN) Facts(i int) *model.Facts {
	return &model.Facts{
		Node:       Node(i),
		Interfaces: []model.Interface{{Name: "eth0", MTU: 1500, Up: true, Addresses: []netip.Prefix{netip.PrefixFrom(Address(i), 24)}}},
		Routes:     []model.FactRoute{{Dst: netip.MustParsePrefix("192.168.0.0/24"), Dev: "eth0"}},
	}
}
