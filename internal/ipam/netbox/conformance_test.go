package netbox_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/ipam/netbox"
	"github.com/viaduct-sdn/viaduct/internal/ipam/plugin"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/remote"
	"github.com/viaduct-sdn/viaduct/test/conformance"
)

// TestConformance compares the request of every operation with that of Proxmox VE.
func TestConformance(t *testing.T) {
	conformance.Operations(t, "netbox", func(t *testing.T, c conformance.Config, o *conformance.Operation, e *conformance.Exchange) {
		s, err := netbox.New(&model.IPAM{
			ID: c.Text("id"), Type: model.IPAMTypeNetBox, URL: c.Text("url"), Token: model.Secret(c.Text("token")),
		}, remote.Options{Transport: e})
		if err != nil {
			t.Fatal(err)
		}
		_, cidr, _ := model.ParseSubnetID(o.Args.Subnet)
		sub := &model.Subnet{ID: o.Args.Subnet, CIDR: cidr}
		entry := plugin.Entry{Name: o.Args.Hostname, MAC: o.Args.MAC, Guest: o.Args.Description, Gateway: o.Args.IsGateway}
		address := fmt.Sprintf(`{"id":%d,"address":"%s/%d","vrf":null}`, o.Lookups.IPID, o.Args.IP, cidr.Bits())
		e.Lookup = func(r *http.Request) (int, string) {
			one := address
			if strings.Contains(r.URL.Path, "/prefixes/") {
				one = fmt.Sprintf(`{"id":%d,"prefix":%q,"vrf":null}`, o.Lookups.PrefixID, cidr)
			}
			return http.StatusOK, `{"count":1,"next":null,"previous":null,"results":[` + one + `]}`
		}
		e.Answer = address
		ctx := t.Context()
		switch o.Call {
		case "add_ip":
			entry.IP = netip.MustParseAddr(o.Args.IP)
			err = s.Add(ctx, sub, entry)
		case "update_ip":
			entry.IP = netip.MustParseAddr(o.Args.IP)
			err = s.Update(ctx, sub, entry)
		case "add_next_freeip":
			e.Answer = fmt.Sprintf(`{"id":7,"address":"%s/%d"}`, cidr.Addr().Next(), cidr.Bits())
			_, err = s.Next(ctx, sub, nil, entry)
		default:
			t.Fatalf("no operation %q is known", o.Call)
		}
		if err != nil {
			t.Error(err)
		}
	})
}
