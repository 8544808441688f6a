package frr_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
	pvefrr "github.com/viaduct-sdn/viaduct/internal/pve/render/frr"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
	"github.com/viaduct-sdn/viaduct/internal/render/frr"
	"github.com/viaduct-sdn/viaduct/internal/routing"
	"github.com/viaduct-sdn/viaduct/test/conformance"
)

// TestConformanceZones renders FRR's configuration of every zone case that has
// controllers, and compares it with Proxmox's byte for byte. Cases without any
// make no such file; reading them must work nevertheless.
func TestConformanceZones(t *testing.T) {
	conformance.Zones(t, func(t *testing.T, c *conformance.Case) {
		run, facts, problems := c.Environment(t)
		if run.Controllers == nil {
			return
		}
		want := c.Read(t, "expected_controller_config")
		// The release that a file is written for is a part of the environment.
		version, _, _ := strings.Cut(strings.TrimPrefix(want, "frr version "), "\n")
		facts.FRR = &model.FRRFacts{Version: version}
		got, more := pvefrr.Render(run, facts, c.ReadOptional(t, "frr.conf.local"))
		if d := cmp.Diff(want, string(got)); d != "" {
			t.Errorf("(-want +got)\n%s\n%s", d, append(problems, more...))
		}
	})
}

// expectation is expect.json of a fabric case.
type expectation struct {
	// Parse is ok, error, or anything else if nothing is known.
	Parse        string
	Reason, Note string
	Nodes        []string
	// Router is a BGP router that the node has before the fabrics come.
	Router *struct {
		ASN            uint32
		RouterID       netip.Addr `json:"router-id"`
		CoalesceTime   int        `json:"coalesce-time"`
		DefaultUnicast *bool      `json:"default-ipv4-unicast"`
		HardReset      *bool      `json:"hard-administrative-reset"`
		RestartNotice  *bool      `json:"graceful-restart-notification"`
		EVPN           *struct {
			AdvertiseAllVNI bool `json:"advertise-all-vni"`
		} `json:"l2vpn-evpn"`
	} `json:"existing_default_router"`
}

// TestConformanceFabrics reads the fabrics of every case, which must work or be
// refused, and compares what FRR gets on each node with Proxmox's.
func TestConformanceFabrics(t *testing.T) {
	conformance.Fabrics(t, func(t *testing.T, c *conformance.Case) {
		var want expectation
		d := json.NewDecoder(strings.NewReader(c.Read(t, "expect.json")))
		d.DisallowUnknownFields() // what is not understood must not pass
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		run, problems, err := running.ParseFabrics(c.Read(t, "fabrics.cfg"))
		if err == nil && len(problems.Errors(false)) > 0 {
			err = problems
		}
		switch {
		case want.Parse == "error" && err == nil:
			t.Errorf("not refused: %s", want.Reason)
		case want.Parse == "ok" && err != nil:
			t.Fatal(err)
		}
		for _, node := range want.Nodes {
			built := want.existing()
			routing.Extend(built, &routing.Intent{Node: node, Dialect: routing.Proxmox(), Fabrics: pvefrr.Fabrics(run, node)})
			text := strings.TrimRight(c.Read(t, "expected_frr."+node), "\n")
			if d := cmp.Diff(text, strings.TrimRight(built.Body(), "\n")); d != "" {
				t.Errorf("%s (-want +got)\n%s", node, d)
			}
		}
	})
}

// existing is the configuration that a node has before the fabrics come.
func (e *expectation) existing() *frr.Config {
	c := &frr.Config{}
	if e.Router == nil {
		return c
	}
	no := func(b *bool) bool { return b != nil && !*b }
	r := &frr.Router{
		ASN: e.Router.ASN, RouterID: e.Router.RouterID, CoalesceTime: e.Router.CoalesceTime,
		NoDefaultUnicast: no(e.Router.DefaultUnicast), NoHardReset: no(e.Router.HardReset), NoRestartNotice: no(e.Router.RestartNotice),
	}
	if e.Router.EVPN != nil {
		r.L2VPN().AdvertiseAllVNI = frr.Own("", e.Router.EVPN.AdvertiseAllVNI)
	}
	frr.Put(&c.Routers, frr.DefaultVRF, r)
	return c
}
