package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
)

// proxmox reads a path of the Proxmox API, as whoever may open the server's socket.
func (c *cluster) proxmox(path string, out any) error {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", c.lab.SocketPath())
	}
	client := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	resp, err := client.Get("http://local/api2/json" + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s: %s", path, resp.Status, b)
	}
	return json.Unmarshal(b, &struct{ Data any }{out})
}

// What the Proxmox API tells of nodes is what stands on them.
func TestProxmoxSeesNodes(t *testing.T) {
	c := newCluster(t, 2)
	c.apply(`
kind: zone
id: simple1
type: simple
---
kind: vnet
id: green
zone: simple1
---
kind: guest
id: 100
name: vm1
node: node1
nics: [{id: net0, vnet: green}]
`)
	c.labRun("guest", "start", "--all")
	var zones []struct{ Zone, Status string }
	if err := c.proxmox("/nodes/node1/sdn/zones", &zones); err != nil || len(zones) != 1 || zones[0].Status != "available" {
		t.Errorf("zones %v %v", zones, err)
	}
	var bridges []struct {
		Name  string
		Ports []struct {
			Name, Index string
			VMID        int
		}
	}
	for node, ports := range map[string]int{"node1": 1, "node2": 0} {
		if err := c.proxmox("/nodes/"+node+"/sdn/zones/simple1/bridges", &bridges); err != nil || len(bridges) != 1 || bridges[0].Name != "green" || len(bridges[0].Ports) != ports {
			t.Errorf("%s: bridges %+v %v", node, bridges, err)
			continue
		}
		if ports > 0 && (bridges[0].Ports[0].VMID != 100 || bridges[0].Ports[0].Index != "net0") {
			t.Errorf("%s: port %+v", node, bridges[0].Ports[0])
		}
	}
	var ifaces []struct{ Iface, Type string }
	if err := c.proxmox("/nodes/node1/network?type=any_bridge", &ifaces); err != nil || !slices.ContainsFunc(ifaces, func(i struct{ Iface, Type string }) bool { return i.Iface == "green" && i.Type == "vnet" }) {
		t.Errorf("interfaces %v %v", ifaces, err)
	}
	if err := c.proxmox("/nodes/node1/sdn/zones/simple1/ip-vrf", &ifaces); err == nil {
		t.Error("a simple zone has a VRF")
	}
}

// seenByProxmox demands that the Proxmox API tells of the routes and hosts of the
// manual's EVPN example.
func (c *cluster) seenByProxmox() {
	c.t.Helper()
	var routes []struct {
		IP, Protocol string
		NextHops     []string
	}
	if err := c.proxmox("/nodes/node1/sdn/zones/myevpnzone/ip-vrf", &routes); err != nil {
		c.t.Error(err)
	}
	if !slices.ContainsFunc(routes, func(r struct {
		IP, Protocol string
		NextHops     []string
	}) bool {
		return r.IP == "10.0.2.100/32" && r.Protocol == "bgp" && slices.Equal(r.NextHops, []string{"192.168.0.3"})
	}) {
		c.t.Errorf("no route to vm2 in %+v", routes)
	}
	var hosts []struct{ IP, MAC, NextHop string }
	if err := c.proxmox("/nodes/node1/sdn/vnets/myvnet2/mac-vrf", &hosts); err != nil {
		c.t.Error(err)
	}
	if !slices.ContainsFunc(hosts, func(h struct{ IP, MAC, NextHop string }) bool {
		return h.IP == "10.0.2.100" && h.MAC != "" && h.NextHop == "192.168.0.3"
	}) {
		c.t.Errorf("vm2 is not among %+v", hosts)
	}
	c.proved("the Proxmox API tells of the zone's routes and hosts on node1")
}
