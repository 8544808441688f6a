package netbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/external/rest"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

func first(all []object) *object {
	if len(all) == 0 {
		return nil
	}
	return &all[0]
}

func sortByID(all []object) {
	slices.SortFunc(all, func(a, b object) int { return cmp.Compare(a.ID, b.ID) })
}

// gateway is the description of a gateway's address.
const gateway = "gateway"

// body is the written form of an address. Nil properties are omitted: NetBox accepts no
// null for them.
type body struct {
	Address     string  `json:"address,omitempty"`
	Description *string `json:"description,omitempty"`
	DNSName     *string `json:"dns_name,omitempty"`
}

// written returns the body for an entry; a body that replaces another has all properties.
func written(sub *model.Subnet, e external.Entry, replace bool) body {
	var b body
	if e.IP.IsValid() {
		b.Address = netip.PrefixFrom(e.IP, sub.CIDR.Bits()).String()
	}
	text := ""
	switch {
	case e.Gateway:
		text = gateway
	case e.MAC != "":
		text = "mac:" + e.MAC
	}
	if text != "" || replace {
		b.Description = &text
	}
	if e.Name != "" || replace {
		b.DNSName = &e.Name
	}
	return b
}

// Add implements external.Addresses.
func (s *System) Add(ctx context.Context, sub *model.Subnet, e external.Entry) error {
	return s.client.Operation(ctx, "register "+e.IP.String(), func(ctx context.Context) error { return s.add(ctx, sub, e) })
}

func (s *System) add(ctx context.Context, sub *model.Subnet, e external.Entry) error {
	var made object
	err := s.client.Send(ctx, http.MethodPost, addresses, written(sub, e, false), &made)
	if err != nil && rest.Refused(err) != http.StatusBadRequest {
		return err
	}
	// The server rejects a second entry of an address, or accepts it, depending on its
	// configuration (ENFORCE_GLOBAL_UNIQUE). The oldest entry has the address.
	all, lookup := s.registered(ctx, e.IP)
	switch {
	case lookup != nil && err == nil:
		return rest.Halfway(lookup)
	case lookup != nil:
		return errors.Join(err, lookup)
	case len(all) == 0 || all[0].ID == made.ID:
		return err
	}
	if err == nil {
		if err := s.remove(ctx, made.path(addresses)); err != nil {
			return rest.Halfway(err)
		}
	}
	if e.Gateway && all[0].Description == gateway {
		return nil
	}
	return fmt.Errorf("%w: %s (%s)", external.ErrTaken, all[0].Address, all[0].Description)
}

// remove deletes an object; a missing one is no error.
func (s *System) remove(ctx context.Context, path string) error {
	err := s.client.Send(ctx, http.MethodDelete, path, nil, nil)
	if rest.Refused(err) == http.StatusNotFound {
		return nil
	}
	return err
}

// Update implements external.Addresses.
func (s *System) Update(ctx context.Context, sub *model.Subnet, e external.Entry) error {
	return s.client.Operation(ctx, "change "+e.IP.String(), func(ctx context.Context) error {
		all, err := s.registered(ctx, e.IP)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return external.ErrMissing
		}
		err = s.client.Send(ctx, http.MethodPatch, all[0].path(addresses), written(sub, e, true), nil)
		if rest.Refused(err) == http.StatusNotFound {
			return fmt.Errorf("%w: %w", external.ErrMissing, err)
		}
		return err
	})
}

// Delete implements external.Addresses.
func (s *System) Delete(ctx context.Context, _ *model.Subnet, a netip.Addr) error {
	return s.client.Operation(ctx, "free "+a.String(), func(ctx context.Context) error {
		all, err := s.registered(ctx, a)
		if err != nil {
			return err
		}
		for i, o := range all {
			if err := s.remove(ctx, o.path(addresses)); i == 0 && err != nil {
				return err
			} else if err != nil {
				return rest.Halfway(err)
			}
		}
		return nil
	})
}

// Next implements external.Addresses. NetBox itself chooses the address.
func (s *System) Next(ctx context.Context, sub *model.Subnet, r *model.Range, e external.Entry) (netip.Addr, error) {
	where := sub.CIDR.String()
	if r != nil {
		where = r.String()
	}
	var got netip.Addr
	err := s.client.Operation(ctx, "register the next free address of "+where, func(ctx context.Context) (err error) {
		if r != nil && r.Start == r.End { // NetBox has no such ranges
			got, e.IP = r.Start, r.Start
			if err = s.add(ctx, sub, e); errors.Is(err, external.ErrTaken) {
				return external.ErrNone
			}
			return err
		}
		got, err = s.next(ctx, sub, r, e)
		return err
	})
	if err != nil {
		return netip.Addr{}, err
	}
	return got, nil
}

func (s *System) next(ctx context.Context, sub *model.Subnet, r *model.Range, e external.Entry) (netip.Addr, error) {
	parent, collection, err := s.parent(ctx, sub, r)
	if err != nil {
		return netip.Addr{}, err
	}
	if parent == nil {
		return netip.Addr{}, fmt.Errorf("%w: it has no such %s", external.ErrMissing, strings.Trim(collection, "/"))
	}
	path := parent.path(collection) + "available-ips/"
	e.IP = netip.Addr{}
	var made object
	err = s.client.Send(ctx, http.MethodPost, path, written(sub, e, false), &made)
	switch rest.Refused(err) {
	case http.StatusConflict:
		return netip.Addr{}, external.ErrNone
	case http.StatusNotFound:
		return netip.Addr{}, fmt.Errorf("%w: %w", external.ErrMissing, err)
	}
	if err != nil {
		return netip.Addr{}, err
	}
	got := ip(made.Address)
	if !sub.CIDR.Contains(got) || r != nil && (got.Less(r.Start) || r.End.Less(got)) {
		return netip.Addr{}, fmt.Errorf("%w as it should: it gave out %q", external.ErrUnreachable, made.Address)
	}
	return got, nil
}

// parent is the prefix or range from which addresses are to be allocated.
func (s *System) parent(ctx context.Context, sub *model.Subnet, r *model.Range) (*object, string, error) {
	if r == nil {
		p, err := s.prefix(ctx, sub)
		return p, prefixes, err
	}
	p, err := s.ipRange(ctx, *r)
	return p, ranges, err
}

// Of implements external.Addresses.
func (s *System) Of(ctx context.Context, sub *model.Subnet, mac string) ([]netip.Addr, error) {
	var out []netip.Addr
	err := s.client.Operation(ctx, "look "+mac+" up", func(ctx context.Context) error {
		found, err := s.list(ctx, addresses, "description__ic="+url.QueryEscape(mac), func(o *object) bool {
			return sub.CIDR.Contains(ip(o.Address)) && slices.ContainsFunc(strings.Fields(o.Description), func(word string) bool {
				return strings.EqualFold(word, "mac:"+mac)
			})
		})
		for _, o := range found {
			out = append(out, ip(o.Address))
		}
		return err
	})
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out), err
}
