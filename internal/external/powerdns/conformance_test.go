package powerdns

import (
	"net/http"
	"net/netip"
	"strconv"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/external/rest"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/test/conformance"
)

// TestConformance compares the request of every operation with that of Proxmox VE.
func TestConformance(t *testing.T) {
	conformance.Operations(t, "powerdns", func(t *testing.T, c conformance.Config, o *conformance.Operation, e *conformance.Exchange) {
		n := &model.NameServer{ID: c.Text("id"), Type: model.DNSTypePowerDNS, URL: c.Text("url"), Key: model.Secret(c.Text("key"))}
		if text := c.Text("ttl"); text != "" {
			ttl, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			n.TTL = ttl
		}
		s, err := New(n, rest.Options{Transport: e})
		if err != nil {
			t.Fatal(err)
		}
		e.Lookup = func(*http.Request) (int, string) {
			set := string(o.ExistingRRSet)
			if set == "null" {
				set = ""
			}
			return http.StatusOK, `{"rrsets":[` + set + `]}`
		}
		ctx := t.Context()
		ip, _ := netip.ParseAddr(o.Args.IP)
		switch o.Call {
		case "add_a_record":
			err = s.Add(ctx, o.Args.Zone, o.Args.Hostname, ip)
		case "del_a_record":
			err = s.Remove(ctx, o.Args.Zone, o.Args.Hostname, ip)
		case "add_ptr_record": // the cases give the short name and the forward zone
			err = s.point(ctx, o.Args.Zone, ip, o.Args.Hostname)
		case "del_ptr_record":
			err = s.unpoint(ctx, o.Args.Zone, ip)
		case "verify_api", "on_update_hook":
			e.Lookup = nil
			e.Answer = `{"type":"Server","id":"localhost"}`
			err = s.Ping(ctx)
		case "verify_zone":
			err = s.HasZone(ctx, o.Args.Zone)
		default:
			t.Fatalf("no operation %q is known", o.Call)
		}
		if err != nil {
			t.Error(err)
		}
	})
}
