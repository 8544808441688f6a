package phpipam

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/external/rest"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// address is phpIPAM's form of an address.
type address struct {
	ID      number `json:"id"`
	Subnet  number `json:"subnetId"`
	IP      string `json:"ip"`
	Gateway number `json:"is_gateway"`
	Name    string `json:"hostname"`
	MAC     string `json:"mac"`
}

func (a *address) addr() netip.Addr {
	ip, _ := netip.ParseAddr(a.IP)
	return ip
}

// body is the written form of an address.
type body struct {
	IP          string  `json:"ip,omitempty"`
	Subnet      number  `json:"subnetId,omitempty"`
	Hostname    *string `json:"hostname,omitempty"`
	Description *string `json:"description,omitempty"`
	Gateway     int     `json:"is_gateway,omitempty"`
	MAC         *string `json:"mac,omitempty"`
}

// written returns the body for an entry without its subnet; a body that replaces another
// has all properties.
func written(e external.Entry, replace bool) body {
	set := func(s string) *string {
		if s == "" && !replace {
			return nil
		}
		return &s
	}
	b := body{Hostname: set(e.Name), Description: set(e.Guest), MAC: set(e.MAC)}
	if e.Gateway {
		b.Gateway = 1
	}
	return b
}

// inside lists the addresses of a subnet.
func (s *System) inside(ctx context.Context, subnet number) ([]address, error) {
	var all []address
	err := s.find(ctx, fmt.Sprintf("/subnets/%d/addresses/", subnet), &all)
	return all, err
}

// registered finds the entry of an address in a subnet; nil if there is none.
func (s *System) registered(ctx context.Context, subnet number, ip netip.Addr) (*address, error) {
	var all []address
	if err := s.find(ctx, "/addresses/search/"+ip.String(), &all); err != nil {
		return nil, err
	}
	for _, a := range all {
		if a.Subnet == subnet && a.addr() == ip {
			return &a, nil
		}
	}
	return nil, nil
}

// Add implements external.Addresses.
func (s *System) Add(ctx context.Context, sub *model.Subnet, e external.Entry) error {
	return s.client.Operation(ctx, "register "+e.IP.String(), func(ctx context.Context) error {
		id, err := s.existing(ctx, sub)
		if err != nil {
			return err
		}
		return s.add(ctx, id, e)
	})
}

func (s *System) add(ctx context.Context, subnet number, e external.Entry) error {
	b := written(e, false)
	b.IP, b.Subnet = e.IP.String(), subnet
	err := s.call(ctx, http.MethodPost, "/addresses/", b, nil)
	if rest.Refused(err) != http.StatusConflict {
		return err
	}
	// It returns this error also for an address outside the subnet.
	a, lookup := s.registered(ctx, subnet, e.IP)
	switch {
	case lookup != nil:
		return errors.Join(err, lookup)
	case a == nil:
		return err
	case e.Gateway && a.Gateway == 1:
		return nil
	}
	return fmt.Errorf("%w: %s (%s)", external.ErrTaken, a.IP, a.Name)
}

// Update implements external.Addresses.
func (s *System) Update(ctx context.Context, sub *model.Subnet, e external.Entry) error {
	return s.client.Operation(ctx, "change "+e.IP.String(), func(ctx context.Context) error {
		id, err := s.existing(ctx, sub)
		if err != nil {
			return err
		}
		a, err := s.registered(ctx, id, e.IP)
		if err != nil {
			return err
		}
		if a == nil {
			return external.ErrMissing
		}
		err = s.call(ctx, http.MethodPatch, fmt.Sprintf("/addresses/%d", a.ID), written(e, true), nil)
		if rest.Refused(err) == http.StatusNotFound {
			return fmt.Errorf("%w: %w", external.ErrMissing, err)
		}
		return err
	})
}

// Delete implements external.Addresses.
func (s *System) Delete(ctx context.Context, sub *model.Subnet, ip netip.Addr) error {
	return s.client.Operation(ctx, "free "+ip.String(), func(ctx context.Context) error {
		id, err := s.subnet(ctx, sub)
		if err != nil || id == 0 {
			return err
		}
		a, err := s.registered(ctx, id, ip)
		if err != nil || a == nil {
			return err
		}
		return ignoreMissing(s.call(ctx, http.MethodDelete, fmt.Sprintf("/addresses/%d", a.ID), nil, nil))
	})
}

// Next implements external.Addresses.
func (s *System) Next(ctx context.Context, sub *model.Subnet, r *model.Range, e external.Entry) (netip.Addr, error) {
	where := sub.CIDR.String()
	if r != nil {
		where = r.String()
	}
	var got netip.Addr
	err := s.client.Operation(ctx, "register the next free address of "+where, func(ctx context.Context) error {
		id, err := s.existing(ctx, sub)
		if err != nil {
			return err
		}
		if r != nil {
			got, err = s.ofRange(ctx, sub, id, *r, e)
		} else {
			got, err = s.firstFree(ctx, sub, id, e)
		}
		return err
	})
	return got, err
}

// firstFree makes phpIPAM choose an address.
func (s *System) firstFree(ctx context.Context, sub *model.Subnet, id number, e external.Entry) (netip.Addr, error) {
	var text string
	err := s.call(ctx, http.MethodPost, fmt.Sprintf("/addresses/first_free/%d/", id), written(e, false), &text)
	if rest.Refused(err) == http.StatusNotFound {
		return netip.Addr{}, external.ErrNone
	}
	if err != nil {
		return netip.Addr{}, err
	}
	got, err := netip.ParseAddr(text)
	if err != nil || !sub.CIDR.Contains(got) {
		return netip.Addr{}, fmt.Errorf("%w as it should: it gave out %q", external.ErrUnreachable, text)
	}
	return got, nil
}

// races bounds how often another client may be faster before the search fails.
const races = 50

// ofRange searches for a free address of a range, since phpIPAM has no ranges. It skips an
// address that another client registers concurrently.
func (s *System) ofRange(ctx context.Context, sub *model.Subnet, id number, r model.Range, e external.Entry) (netip.Addr, error) {
	all, err := s.inside(ctx, id)
	if err != nil {
		return netip.Addr{}, err
	}
	used := map[netip.Addr]bool{sub.Gateway: true}
	for _, a := range all {
		used[a.addr()] = true
	}
	lost := 0
	for ip := r.Start; ip.IsValid() && !r.End.Less(ip); ip = ip.Next() {
		if used[ip] || model.RoleOf(sub.CIDR, ip) != "" {
			continue
		}
		e.IP = ip
		err := s.add(ctx, id, e)
		if err == nil {
			return ip, nil
		}
		if lost++; !errors.Is(err, external.ErrTaken) || lost == races {
			return netip.Addr{}, err
		}
	}
	return netip.Addr{}, external.ErrNone
}

// Of implements external.Addresses.
func (s *System) Of(ctx context.Context, sub *model.Subnet, mac string) ([]netip.Addr, error) {
	var out []netip.Addr
	err := s.client.Operation(ctx, "look "+mac+" up", func(ctx context.Context) error {
		id, err := s.subnet(ctx, sub)
		if err != nil || id == 0 {
			return err
		}
		var all []address
		err = s.find(ctx, "/addresses/search_mac/"+mac, &all)
		for _, a := range all {
			if a.Subnet == id && strings.EqualFold(a.MAC, mac) && a.addr().IsValid() {
				out = append(out, a.addr())
			}
		}
		return err
	})
	slices.SortFunc(out, netip.Addr.Compare)
	return out, err
}
