package main

import (
	"context"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/desired"
	pveinterfaces "github.com/viaduct-sdn/viaduct/internal/pve/render/interfaces"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
	"github.com/viaduct-sdn/viaduct/test/bench/workload"
)

// What the floor tells FRR is what a VNet adds to the node's configuration, and
// nothing else.
func TestNewLines(t *testing.T) {
	state := func(vnets int) *desired.Space {
		w := workload.EVPN{Nodes: 2, Zones: 2, VNets: vnets, Outside: true}
		cfg, err := w.Config()
		if err != nil {
			t.Fatal(err)
		}
		n, notes := compile.Node(compile.Project(cfg, nil, 1, workload.Node(0)), w.Facts(0))
		if n.FRR == nil {
			t.Fatalf("no configuration of FRR: %v", notes)
		}
		return &n.Space
	}
	want := `router bgp 65001
 address-family l2vpn evpn
  vni 200004
   route-target import 65000:200004
   route-target export 65000:200004
`
	if got := newLines(state(4).FRR, state(5).FRR); got != want {
		t.Errorf("new lines:\n%s", got)
	}
}

// The two forms of a configuration say the same: as many links in one as stanzas
// in the other.
func TestWorkload(t *testing.T) {
	w := workload.EVPN{Nodes: 2, Zones: 2, VNets: 4, Outside: true}
	run, problems, err := running.Parse(w.Running())
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	text, problems := pveinterfaces.Render(run, w.Facts(0))
	if n := strings.Count(string(text), "\nauto "); n != 2*4+3*2 || len(problems) > 0 {
		t.Errorf("%d stanzas, problems %v", n, problems)
	}
}

func TestCalibrate(t *testing.T) {
	f, err := calibrate(context.Background())
	if err != nil || f["compute"] <= 0 || f["fork"] <= 0 {
		t.Errorf("%v %v", f, err)
	}
}
