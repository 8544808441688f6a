package server_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// A path is computed from the running configuration and what nodes report; what enters a VNet
// that the caller may not read is hidden, and so are guests there.
func TestReach(t *testing.T) {
	c := newCluster(t)
	ctx := t.Context()
	c.edit(t, c.local,
		&model.Subnet{CIDR: netip.MustParsePrefix("10.1.0.0/16"), VNet: "v1", Gateway: netip.MustParseAddr("10.1.0.1")},
		&model.Subnet{CIDR: netip.MustParsePrefix("10.2.0.0/16"), VNet: "v2", Gateway: netip.MustParseAddr("10.2.0.1")},
		&model.Guest{ID: "100", Node: "node2", NICs: []model.NIC{{ID: "net0", VNet: "v1", IPs: []netip.Addr{netip.MustParseAddr("10.1.0.5")}}}},
		&model.Guest{ID: "101", Node: "node2", NICs: []model.NIC{{ID: "net0", VNet: "v1", IPs: []netip.Addr{netip.MustParseAddr("10.1.0.6")}}}},
		&model.Guest{ID: "200", Node: "node2", NICs: []model.NIC{{ID: "net0", VNet: "v2", IPs: []netip.Addr{netip.MustParseAddr("10.2.0.5")}}}})
	if _, err := c.local.Apply(ctx, api.ApplyRequest{AllowErrors: true}); err != nil {
		t.Fatal(err)
	}
	n := c.join(t, "node2")
	unknown := reached(t, c, api.ReachRequest{From: "100", To: "101"})
	if unknown.Verdict != api.ReachUnknown || !strings.Contains(unknown.Steps[0].Text, "has not reported") {
		t.Errorf("before the node has reported: %+v", unknown)
	}
	facts := &model.Facts{Node: "node2", Kernel: "6.12", Interfaces: []model.Interface{{Name: "eth0", MTU: 1500, Up: true, Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.2/24")}}}}
	if status := n.report(t, protocol.Status{State: protocol.Converged, Time: time.Now(), Facts: facts}); status >= 400 {
		t.Fatalf("the report: %d", status)
	}
	for until := time.Now().Add(patience); reached(t, c, api.ReachRequest{From: "100", To: "101"}).Verdict != api.ReachPass; {
		if time.Now().After(until) {
			t.Fatalf("guests of one VNet: %+v", reached(t, c, api.ReachRequest{From: "100", To: "101"}))
		}
		time.Sleep(10 * time.Millisecond) // until the facts are in the server's memory
	}
	if got := reached(t, c, api.ReachRequest{From: "100", To: "200"}); got.Verdict != api.ReachDrop || got.Steps[len(got.Steps)-1].Rule == nil {
		t.Errorf("guests of two zones: %+v", got)
	}
	// A rule that takes effect at once is known with who wrote it.
	c.edit(t, c.local, &model.Firewall{ID: "datacenter", Enable: true}, &model.Firewall{ID: "v1", Enable: true, Rules: []model.FirewallRule{{Type: model.RuleForward, Action: model.FirewallDrop, Proto: "tcp", Dport: "22", Comment: "no shells"}}})
	got := reached(t, c, api.ReachRequest{From: "100", To: "101", Protocol: "tcp", Port: 22})
	rule := got.Steps[len(got.Steps)-1].Rule
	if got.Verdict != api.ReachDrop || rule == nil || rule.Object != "firewall/v1" || rule.Comment != "no shells" || rule.Origin == nil || rule.Origin.Author != "root@local" {
		t.Errorf("a rule: %+v %+v", got, rule)
	}

	reader := c.as(t, auditor) // of zone z1
	if got, err := reader.Reach(ctx, api.ReachRequest{From: "100", To: "101"}); err != nil || got.Verdict != api.ReachPass {
		t.Errorf("in one's own zone: %+v %v", got, err)
	}
	if _, err := reader.Reach(ctx, api.ReachRequest{From: "100", To: "200"}); !api.IsType(err, api.TypeInvalid) {
		t.Errorf("a guest of another zone is told: %v", err)
	}
	hidden, err := reader.Reach(ctx, api.ReachRequest{From: "100", To: "10.2.0.5"})
	if err != nil || hidden.Verdict != api.ReachUnknown || !strings.Contains(hidden.Steps[len(hidden.Steps)-1].Text, "hidden from you") || hidden.To.Guest != "" {
		t.Errorf("the address of a guest of another zone: %+v %v", hidden, err)
	}
	if _, err := c.as(t, nobody).Reach(ctx, api.ReachRequest{From: "100", To: "101"}); !api.IsType(err, api.TypeForbidden) {
		t.Errorf("without permissions: %v", err)
	}
	for _, bad := range []api.ReachRequest{
		{}, {From: "100"}, {From: "100", To: "101", Protocol: "tcp"}, {From: "100", To: "101", Protocol: "nonsense"}, {From: "100", To: "101", Port: 22},
		{From: "100", To: "101", Protocol: "tcp", Port: 70000}, {From: "100", To: "101", View: "past"},
	} {
		if _, err := c.local.Reach(ctx, bad); !api.IsType(err, api.TypeInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func reached(t *testing.T, c *cluster, r api.ReachRequest) *api.ReachAnswer {
	t.Helper()
	got, err := c.local.Reach(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// The macros of rules are listed with what they match.
func TestFirewallMacros(t *testing.T) {
	c := newCluster(t)
	list, err := c.as(t, nobody).FirewallMacros(t.Context())
	if err != nil || len(list) != len(model.Macros()) {
		t.Fatalf("%d macros, %v", len(list), err)
	}
	for _, m := range list {
		want := map[string]string{"Web": "tcp/80, tcp/443", "DHCPfwd": "udp/67:68 from 67:68", "Ping": "icmp/echo-request, icmpv6/echo-request", "GRE": "47"}[m.Name]
		if got := strings.Join(m.Matches, ", "); want != "" && got != want {
			t.Errorf("%s matches %q, want %q", m.Name, got, want)
		}
	}
}
