package ipam

import (
	"encoding/json"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/test/conformance"
)

// sequence is a case: operations on the addresses of one subnet.
type sequence struct {
	CIDR  netip.Prefix
	IPAM  string
	Steps []struct {
		Op   string
		Args struct {
			Hostname, IP, MAC, Subnet, VMID string
			IsGateway                       bool `json:"is_gateway"`
		}
		Expect, Result, Note string
		After                any `json:"ipam_db_after"`
	}
}

// TestConformanceSubnets does what is done to the addresses of subnets, and compares
// what is known of them with what Proxmox knows then. A gateway is registered by making
// it the subnet's.
func TestConformanceSubnets(t *testing.T) {
	conformance.Subnets(t, func(t *testing.T, c *conformance.Case) {
		var cases sequence
		c.Decode(t, "cases.json", &cases)
		w := newWorld(t)
		s := w.server(t)
		edit(t, s, &model.NameServer{ID: "names", Type: model.DNSTypePowerDNS, URL: "http://127.0.0.1:1", Key: "k"})
		z := &model.Zone{ID: "myzone", Type: model.ZoneSimple, IPAM: cases.IPAM, DNS: "names", ReverseDNS: "names", DNSZone: "lab.example"}
		edit(t, s, z, &model.VNet{ID: "myvnet", Zone: "myzone"})
		id := model.SubnetID("myzone", cases.CIDR)
		for i, step := range cases.Steps {
			if step.Expect == "error" && step.Op == "add_ip" && i > 3 {
				w.far.fail("Names.Add", external.ErrUnreachable)
			}
			err := do(t, s, id, cases.CIDR, step.Op, step.Args.IP, step.Args.IsGateway, step.Result,
				NIC{VNet: "myvnet", MAC: step.Args.MAC, Guest: step.Args.VMID, Name: step.Args.Hostname})
			w.far.fail("", nil)
			if (err != nil) != (step.Expect == "error") {
				t.Fatalf("step %d, %s: %v, want %s", i, step.Op, err, step.Expect)
			}
			if step.After == nil || cases.IPAM == "" {
				continue
			}
			v, err := s.config.View(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(s.Export(v))
			if err != nil {
				t.Fatal(err)
			}
			var got any
			if err := json.Unmarshal(b, &got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(step.After, got); d != "" {
				t.Errorf("step %d, %s: %s", i, step.Op, d)
			}
		}
	})
}

// do does one operation.
func do(t *testing.T, s *Service, id string, cidr netip.Prefix, op, ip string, gateway bool, result string, n NIC) error {
	t.Helper()
	address, _ := netip.ParseAddr(ip)
	sub := &model.Subnet{ID: id, CIDR: cidr, VNet: "myvnet"}
	switch op {
	case "add_subnet", "update_subnet":
		return tryEdit(t, s, sub)
	case "del_subnet":
		return remove(t, s, model.KindSubnet, id)
	case "add_ip":
		if gateway {
			sub.Gateway = address
			return tryEdit(t, s, sub)
		}
		_, err := s.Reserve(t.Context(), n, address)
		return err
	case "update_ip": // whose the address is from now on
		old, ok := s.Get("myzone", address)
		if !ok {
			return external.ErrMissing
		}
		if _, err := s.Release(t.Context(), "myzone", old.Owner(), address); err != nil {
			return err
		}
		_, err := s.Reserve(t.Context(), n, address)
		return err
	case "add_next_free_ip", "add_next_freeip":
		return next(t, s, n, result)
	case "del_ip":
		v, err := s.config.View(t.Context())
		if err != nil {
			return err
		}
		if v.Pending.Subnets[id].Gateway == address && address.IsValid() {
			return tryEdit(t, s, sub)
		}
		a, ok := s.Get("myzone", address)
		if !ok {
			return nil
		}
		_, err = s.Release(t.Context(), "myzone", a.Owner(), address)
		return err
	}
	t.Fatalf("no operation %q is known", op)
	return nil
}

// next gives a NIC one more address, and compares it with the one that Proxmox gives:
// in IPv6 that may be the network's own, which every router of the network answers.
// Guests that join are not given that one.
func next(t *testing.T, s *Service, n NIC, want string) error {
	t.Helper()
	v, err := s.config.View(t.Context())
	if err != nil {
		return err
	}
	p, err := find(v.Pending, v.Live, n.VNet)
	if err != nil || !p.managed() {
		return err
	}
	p.avoid = func(all []*model.Subnet, _ *model.Subnet) func(netip.Addr) bool {
		return func(ip netip.Addr) bool {
			return slices.ContainsFunc(all, func(sub *model.Subnet) bool { return sub.Gateway == ip })
		}
	}
	_, seen := s.book.Of(p.zone.ID, n.owner())
	got, err := s.allocate(t.Context(), p, n, []int{familyOf(p.subnets[0].CIDR.Addr())}, seen)
	if err == nil && want != "" && got[0].IP.String() != want {
		t.Errorf("the next free address is %s, want %s", got[0].IP, want)
	}
	return err
}
