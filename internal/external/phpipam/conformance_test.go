package phpipam_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/external/phpipam"
	"github.com/viaduct-sdn/viaduct/internal/external/rest"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/test/conformance"
)

// TestConformance compares the request of every operation with that of Proxmox VE.
func TestConformance(t *testing.T) {
	conformance.Operations(t, "phpipam", func(t *testing.T, c conformance.Config, o *conformance.Operation, e *conformance.Exchange) {
		section, err := strconv.Atoi(c.Text("section"))
		if err != nil {
			t.Fatal(err)
		}
		s, err := phpipam.New(&model.IPAM{
			ID: c.Text("id"), Type: model.IPAMTypePHPIPAM, URL: c.Text("url"), Token: model.Secret(c.Text("token")), Section: section,
		}, rest.Options{Transport: e})
		if err != nil {
			t.Fatal(err)
		}
		sub, old := o.Network(t)
		cidr := sub.CIDR
		entry := external.Entry{Name: o.Args.Hostname, MAC: o.Args.MAC, Guest: o.Args.Description, Gateway: o.Args.IsGateway}
		e.Lookup = func(r *http.Request) (int, string) {
			one := fmt.Sprintf(`{"id":"%d","subnetId":"%d","ip":%q}`, o.Lookups.IPID, o.Lookups.PrefixID, o.Args.IP)
			switch {
			case strings.Contains(r.URL.Path, "/subnets/") && o.Call == "add_subnet", strings.HasSuffix(r.URL.Path, "/addresses/"): // there is none
				one = ""
			case strings.Contains(r.URL.Path, "/subnets/"):
				one = fmt.Sprintf(`{"id":"%d","subnet":%q,"mask":"%d","sectionId":"%d"}`, o.Lookups.PrefixID, cidr.Addr(), cidr.Bits(), section)
			}
			return http.StatusOK, `{"code":200,"success":true,"data":[` + one + `]}`
		}
		e.Answer = fmt.Sprintf(`{"code":201,"success":true,"data":%q}`, cidr.Addr().Next())
		ctx := t.Context()
		ip, _ := netip.ParseAddr(o.Args.IP)
		switch o.Call {
		case "verify_api", "on_update_hook":
			err = s.Ping(ctx)
		case "add_subnet":
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
			_, err = s.Next(ctx, sub, nil, entry)
		case "add_range_next_freeip":
			_, err = s.Next(ctx, sub, o.From(t), entry)
		default:
			t.Fatalf("no operation %q is known", o.Call)
		}
		if err != nil {
			t.Error(err)
		}
	})
}
