package pveapi_test

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/ipam"
	"github.com/viaduct-sdn/viaduct/test/conformance"
)

// vnetCase is what is done to a NIC in a VNet, and how many addresses it has then.
type vnetCase struct {
	Name, Operation string
	PrecreatedIPs   []string         `json:"precreated_ips"`
	Subnets         []map[string]any `json:"subnets"`
	Expect          struct {
		Error         bool
		IPCount       *int   `json:"ip_count"`
		GatewayIP     string `json:"gateway_ip"`
		IPv4Unchanged string `json:"ipv4_unchanged"`
		IPv6Unchanged string `json:"ipv6_unchanged"`
	}
}

// TestConformanceVNets makes networks through the Proxmox API, lets a NIC join them,
// and counts what the status of the built-in address management tells of it.
func TestConformanceVNets(t *testing.T) {
	conformance.VNets(t, func(t *testing.T, c *conformance.Case) {
		var cases struct {
			Cases []vnetCase
			Setup struct {
				Zone, VNet, NIC map[string]string
			}
		}
		c.Decode(t, "cases.json", &cases)
		for _, one := range cases.Cases {
			t.Run(one.Name, func(t *testing.T) { one.run(t, cases.Setup.Zone, cases.Setup.VNet, cases.Setup.NIC) })
		}
	})
}

// form writes values as a request has them.
func form(values map[string]any) string {
	q := url.Values{}
	for name, v := range values {
		switch v := v.(type) {
		case string:
			q.Set(name, v)
		case []any:
			for _, x := range v {
				q.Add(name, x.(string))
			}
		}
	}
	return q.Encode()
}

func anys(m map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

func (one *vnetCase) run(t *testing.T, zone, vnet, nic map[string]string) {
	e, root := sdnEnv(t)
	must := func(path, body string) {
		t.Helper()
		if a := e.call(t, root, "POST", path, body); a.Status != 200 {
			t.Fatalf("%s: %d %s", path, a.Status, a.Message)
		}
	}
	must("/cluster/sdn/zones", form(anys(zone)))
	must("/cluster/sdn/vnets", form(anys(vnet)))
	path := "/cluster/sdn/vnets/" + vnet["vnet"]
	for _, s := range one.Subnets {
		s["type"] = "subnet"
		must(path+"/subnets", form(s))
	}
	for _, ip := range one.PrecreatedIPs {
		must(path+"/ips", form(map[string]any{"zone": zone["zone"], "mac": nic["mac"], "ip": ip}))
	}
	var err error
	switch one.Operation {
	case "none":
	case "nic_join", "nic_start":
		_, err = e.Addresses.Join(t.Context(), ipam.NIC{VNet: vnet["vnet"], MAC: nic["mac"], Guest: nic["vmid"], Name: nic["hostname"]})
	default:
		t.Fatalf("no operation %q is known", one.Operation)
	}
	if (err != nil) != one.Expect.Error {
		t.Errorf("%s: %v", one.Operation, err)
	}
	got := map[string]bool{}
	gateways := map[string]bool{}
	for _, row := range e.call(t, root, "GET", "/cluster/sdn/ipams/pve/status", "").Data.([]any) {
		x := row.(map[string]any)
		ip := x["ip"].(string)
		if x["gateway"] != nil {
			gateways[ip] = true
		}
		if x["mac"] == nil {
			continue
		}
		if !strings.EqualFold(x["mac"].(string), nic["mac"]) || x["zone"] != zone["zone"] || x["vnet"] != vnet["vnet"] {
			t.Errorf("status tells %v", x)
		}
		if _, err := netip.ParseAddr(ip); err != nil {
			t.Error(err)
		}
		got[ip] = true
	}
	if n := one.Expect.IPCount; n != nil && len(got) != *n {
		t.Errorf("the NIC has %v, want %d addresses", got, *n)
	}
	for _, ip := range []string{one.Expect.IPv4Unchanged, one.Expect.IPv6Unchanged} {
		if ip != "" && !got[ip] {
			t.Errorf("the NIC has lost %s: %v", ip, got)
		}
	}
	if ip := one.Expect.GatewayIP; ip != "" && !gateways[ip] {
		t.Errorf("the gateway %s is not told: %v", ip, gateways)
	}
}
