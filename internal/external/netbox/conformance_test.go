package netbox_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/external/netbox"
	"github.com/viaduct-sdn/viaduct/internal/external/rest"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/test/conformance"
)

// TestConformance compares the request of every operation with that of Proxmox VE.
func TestConformance(t *testing.T) {
	conformance.Operations(t, "netbox", func(t *testing.T, c conformance.Config, o *conformance.Operation, e *conformance.Exchange) {
		s, err := netbox.New(&model.IPAM{
			ID: c.Text("id"), Type: model.IPAMTypeNetBox, URL: c.Text("url"), Token: model.Secret(c.Text("token")),
		}, rest.Options{Transport: e})
		if err != nil {
			t.Fatal(err)
		}
		sub, old := o.Network(t)
		cidr := sub.CIDR
		entry := external.Entry{Name: o.Args.Hostname, MAC: o.Args.MAC, Guest: o.Args.Description, Gateway: o.Args.IsGateway}
		address := fmt.Sprintf(`{"id":%d,"address":"%s/%d","vrf":null}`, o.Lookups.IPID, o.Args.IP, cidr.Bits())
		e.Lookup = func(r *http.Request) (int, string) {
			query, one := r.URL.Query(), address
			switch {
			case strings.Contains(r.URL.Path, "/prefixes/") && o.Call == "add_subnet", query.Has("parent"): // there is none
				one = ""
			case strings.Contains(r.URL.Path, "/prefixes/"):
				one = fmt.Sprintf(`{"id":%d,"prefix":%q,"vrf":null}`, o.Lookups.PrefixID, cidr)
			case strings.Contains(r.URL.Path, "/ip-ranges/"):
				if one = ""; o.Lookups.RangeID != 0 {
					one = fmt.Sprintf(`{"id":%d,"start_address":"%s/%d","end_address":"%s/%d","vrf":null}`,
						o.Lookups.RangeID, query.Get("start_address"), cidr.Bits(), query.Get("end_address"), cidr.Bits())
				}
			}
			return http.StatusOK, `{"count":1,"next":null,"previous":null,"results":[` + one + `]}`
		}
		e.Answer = address
		ctx := t.Context()
		ip, _ := netip.ParseAddr(o.Args.IP)
		switch o.Call {
		case "verify_api", "on_update_hook":
			e.Answer = `{}`
			err = s.Ping(ctx)
		case "add_subnet":
			e.Answer = fmt.Sprintf(`{"id":1,"prefix":%q}`, cidr)
			err = s.AddSubnet(ctx, sub)
		case "update_subnet":
			err = s.UpdateSubnet(ctx, old, sub)
		case "del_subnet":
			err = s.DeleteSubnet(ctx, sub)
		case "add_ip":
			entry.IP = ip
			err = s.Add(ctx, sub, entry)
		case "update_ip":
			entry.IP = ip
			err = s.Update(ctx, sub, entry)
		case "del_ip":
			err = s.Delete(ctx, sub, ip)
		case "add_next_freeip":
			e.Answer = fmt.Sprintf(`{"id":7,"address":"%s/%d"}`, cidr.Addr().Next(), cidr.Bits())
			_, err = s.Next(ctx, sub, nil, entry)
		case "add_range_next_freeip":
			from := o.From(t)
			e.Answer = fmt.Sprintf(`{"id":7,"address":"%s/%d"}`, from.Start, cidr.Bits())
			_, err = s.Next(ctx, sub, from, entry)
		default:
			t.Fatalf("no operation %q is known", o.Call)
		}
		if err != nil {
			t.Error(err)
		}
	})
}
