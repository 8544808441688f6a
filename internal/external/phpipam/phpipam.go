// Package phpipam keeps addresses in a phpIPAM server (phpipam.net, REST API of 1.3 and
// later): an implementation of external.System like netbox, below ipam. Requests are those
// of Proxmox VE, so that both find each other's objects.
//
// A subnet is a subnet of the configured section; the other sections belong to others.
// phpIPAM has no ranges: this package searches for an address of a range. The description
// of an address is the guest's number.
package phpipam

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/external/rest"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// System is one phpIPAM server.
type System struct {
	client  *rest.Client
	section int
}

var _ external.System = (*System)(nil)

// New creates a client of a phpIPAM server; it fails as rest.New does.
func New(i *model.IPAM, o rest.Options) (*System, error) {
	c, err := rest.New(rest.Target{
		Kind: string(i.Type), ID: i.ID, URL: i.URL, Header: "Token", Secret: i.Token, Fingerprint: i.Fingerprint,
	}, o)
	if err != nil {
		return nil, err
	}
	return &System{client: c, section: i.Section}, nil
}

// Ping implements external.Subnets.
func (s *System) Ping(ctx context.Context) error {
	return s.client.Operation(ctx, fmt.Sprintf("see whether it has the section %d", s.section), func(ctx context.Context) error {
		return s.call(ctx, http.MethodGet, fmt.Sprintf("/sections/%d", s.section), nil, nil)
	})
}

// number is a number that some releases write as a text.
type number int64

// UnmarshalJSON implements json.Unmarshaler: null and the empty text are 0.
func (n *number) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if text == "" || text == "null" {
		*n = 0
		return nil
	}
	v, err := strconv.ParseInt(text, 10, 64)
	*n = number(v)
	return err
}

// call makes a request and decodes the data of the answer into out, unless that is nil.
// phpIPAM reports errors by the HTTP status, but also in the answer.
func (s *System) call(ctx context.Context, method, path string, in, out any) error {
	var answer struct {
		Code    int             `json:"code"`
		Flag    json.RawMessage `json:"success"`
		Message any             `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	if err := s.client.Send(ctx, method, path, in, &answer); err != nil {
		return err
	}
	switch strings.Trim(string(answer.Flag), `"`) {
	case "true", "1":
	case "false", "0":
		return &rest.Answer{Code: answer.Code, Text: fmt.Sprint(answer.Message)}
	default:
		return fmt.Errorf("%w as it should: its answer does not say whether it succeeded", external.ErrUnreachable)
	}
	if out == nil || len(answer.Data) == 0 {
		return nil
	}
	if err := json.Unmarshal(answer.Data, out); err != nil {
		return fmt.Errorf("%w as it should: %w", external.ErrUnreachable, err)
	}
	return nil
}

// find reads a list; phpIPAM answers an empty one with 404.
func (s *System) find(ctx context.Context, path string, out any) error {
	err := s.call(ctx, http.MethodGet, path, nil, out)
	if rest.Refused(err) == http.StatusNotFound {
		return nil
	}
	return err
}

// subnet finds the number of a subnet, never of one that contains it; 0 if the section has
// none.
func (s *System) subnet(ctx context.Context, sub *model.Subnet) (number, error) {
	var found []struct {
		ID      number  `json:"id"`
		Network string  `json:"subnet"`
		Mask    number  `json:"mask"`
		Section *number `json:"sectionId"`
	}
	want := sub.CIDR.Masked()
	if err := s.find(ctx, "/subnets/cidr/"+want.String(), &found); err != nil {
		return 0, err
	}
	for _, f := range found {
		a, err := netip.ParseAddr(f.Network)
		if err != nil || a != want.Addr() || int(f.Mask) != want.Bits() {
			continue
		}
		if f.Section == nil || int(*f.Section) == s.section {
			return f.ID, nil
		}
	}
	return 0, nil
}

// existing is the number of a subnet that must exist.
func (s *System) existing(ctx context.Context, sub *model.Subnet) (number, error) {
	id, err := s.subnet(ctx, sub)
	if err == nil && id == 0 {
		err = fmt.Errorf("%w: section %d has no subnet %s", external.ErrMissing, s.section, sub.CIDR)
	}
	return id, err
}

// AddSubnet implements external.Subnets.
func (s *System) AddSubnet(ctx context.Context, sub *model.Subnet) error {
	return s.client.Operation(ctx, "register the subnet "+sub.CIDR.String(), func(ctx context.Context) error {
		id, err := s.subnet(ctx, sub)
		if err != nil || id != 0 {
			return err
		}
		return s.call(ctx, http.MethodPost, "/subnets/", struct {
			Network string `json:"subnet"`
			Mask    string `json:"mask"` // as text, as Proxmox VE sends it
			Section int    `json:"sectionId"`
		}{sub.CIDR.Masked().Addr().String(), strconv.Itoa(sub.CIDR.Bits()), s.section}, nil)
	})
}

// UpdateSubnet implements external.Subnets: phpIPAM stores nothing of a subnet that could
// change.
func (s *System) UpdateSubnet(context.Context, *model.Subnet, *model.Subnet) error { return nil }

// DeleteSubnet implements external.Subnets. phpIPAM removes the gateway's address with it.
func (s *System) DeleteSubnet(ctx context.Context, sub *model.Subnet) error {
	return s.client.Operation(ctx, "remove the subnet "+sub.CIDR.String(), func(ctx context.Context) error {
		id, err := s.subnet(ctx, sub)
		if err != nil || id == 0 {
			return err
		}
		all, err := s.inside(ctx, id)
		if err != nil {
			return err
		}
		for _, a := range all {
			if a.Gateway != 1 && a.addr() != sub.Gateway {
				return fmt.Errorf("%w: %s (%s)", external.ErrNotEmpty, a.IP, a.Name)
			}
		}
		return ignoreMissing(s.call(ctx, http.MethodDelete, fmt.Sprintf("/subnets/%d/", id), nil, nil))
	})
}

// ignoreMissing turns the error for removing a missing object into nil.
func ignoreMissing(err error) error {
	if rest.Refused(err) == http.StatusNotFound {
		return nil
	}
	return err
}
