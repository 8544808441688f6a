package cli

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// report makes a node join and report.
func (s *session) report(node string, status protocol.Status) {
	s.t.Helper()
	tok, err := s.client().CreateToken(s.t.Context(), api.TokenRequest{Node: node})
	if err != nil {
		s.t.Fatal(err)
	}
	cert, key, ca, err := pki.Join(s.t.Context(), "https://"+s.address, tok.Token, node)
	if err != nil {
		s.t.Fatal(err)
	}
	cfg, err := pki.AgentTLS(cert, key, ca)
	if err != nil {
		s.t.Fatal(err)
	}
	b, err := json.Marshal(status)
	if err != nil {
		s.t.Fatal(err)
	}
	agent := &http.Client{Transport: &http.Transport{TLSClientConfig: cfg, Protocols: pki.OnlyHTTP2(), DisableKeepAlives: true}, Timeout: 20 * time.Second}
	resp, err := agent.Post("https://"+s.address+"/agent/v1/status", "application/json", bytes.NewReader(b))
	if err != nil {
		s.t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		s.t.Fatalf("the report is answered %s", resp.Status)
	}
}

// What a node reports of itself is shown: by get nodes -o wide, and all of it by
// describe.
func TestNodeFactsAreShown(t *testing.T) {
	s := startSession(t)
	s.report("node1", protocol.Status{State: protocol.Converged, Time: time.Now(), Facts: &model.Facts{
		Version: "1.2.3", Kernel: "6.12.9-pve", FRR: &model.FRRFacts{Version: "10.3"}, OVS: true, OVSBridges: []string{"vmbr7"},
		Features: map[model.Feature]bool{model.FeatureVRF: false, model.FeatureVLAN: true}, Resolvers: []netip.Addr{netip.MustParseAddr("192.0.2.53")},
		Interfaces:  []model.Interface{{Name: "vmbr0", Kind: "bridge", Up: true, MTU: 9000, MAC: "bc:24:11:00:00:09", VLANFiltering: true, Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.9/24")}}},
		Routes:      []model.FactRoute{{Dst: netip.MustParsePrefix("0.0.0.0/0"), Dev: "vmbr0"}},
		BridgeVLANs: []model.BridgeVLANs{{Bridge: "vmbr0", Native: 1, Ports: []model.PortVLANs{{Name: "bond0", Native: 1, Tagged: []model.VLANRange{{First: 10, Last: 10}, {First: 20, Last: 29}}}}}},
	}})
	for line, wants := range map[string][]string{
		"get nodes -o wide": {"1.2.3", "6.12.9-pve", "10.3, stock"},
		"describe node node1": {
			"viaduct        1.2.3", "kernel         6.12.9-pve", "frr            10.3, stock; EVPN tunnels over IPv4 only", "answers, bridges vmbr7", "192.0.2.53",
			"lacks          vrf\n", "IPv4 by vmbr0", "bridge, vlan-aware", "9000", "192.0.2.9/24",
			"vmbr0   bond0  1         10, 20-29",
		},
	} {
		out := s.must(line)
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("viaduct %s: no %q in\n%s", line, want, out)
			}
		}
	}
}

// The command for the new node names the servers that the caller used, or else those that
// the cluster advertises.
func TestJoinURLs(t *testing.T) {
	for _, c := range []struct {
		target     string
		advertised []string
		want       string
	}{
		{"https://192.0.2.1:8006", []string{"https://10.0.0.1:8006"}, "https://192.0.2.1:8006"},
		{"https://192.0.2.1:8006,https://192.0.2.2:8006", nil, "https://192.0.2.1:8006,https://192.0.2.2:8006"},
		{"unix:///run/api.sock", []string{"https://10.0.0.1:8006", "https://10.0.0.2:8006"}, "https://10.0.0.1:8006,https://10.0.0.2:8006"},
		{"unix:///run/api.sock", nil, "https://SERVER:PORT"},
	} {
		a := &app{Config: Config{Getenv: func(string) string { return "" }}, server: c.target}
		if got := a.serverURLs(c.advertised); got != c.want {
			t.Errorf("%s with %v: %s, want %s", c.target, c.advertised, got, c.want)
		}
	}
}
