// Package netbox keeps addresses in a NetBox server (netbox.dev, REST API of 3.0 and
// later): an implementation of external.System like phpipam, below ipam. Requests are
// those of Proxmox VE, so that both find each other's objects.
//
// A subnet is a prefix, a DHCP range an IP range, an address an IP address with the
// subnet's mask. The description of an address is its role: "gateway", or "mac:" and the
// MAC address. NetBox has no field for a guest's number. Only the global table is used:
// objects in a VRF belong to other networks.
package netbox

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/external/rest"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// The collections of the API.
const (
	aggregates = "/ipam/aggregates/"
	prefixes   = "/ipam/prefixes/"
	ranges     = "/ipam/ip-ranges/"
	addresses  = "/ipam/ip-addresses/"
)

// System is one NetBox server.
type System struct{ client *rest.Client }

var _ external.System = (*System)(nil)

// secondVersion is the prefix of every API token of NetBox's version 2: "nbt_KEY.SECRET"
// (NetBox 4.5, "REST API", "Tokens").
const secondVersion = "nbt_"

// scheme is the authorization scheme of a token, with a trailing space. NetBox accepts
// tokens of version 2 as bearer tokens only (RFC 6750), those of version 1 by its own
// scheme, which is case-insensitive there and which Proxmox VE writes in lower case.
func scheme(token model.Secret) string {
	if strings.HasPrefix(string(token), secondVersion) {
		return "Bearer "
	}
	return "token "
}

// New creates a client of a NetBox server; it fails as rest.New does.
func New(i *model.IPAM, o rest.Options) (*System, error) {
	c, err := rest.New(rest.Target{
		Kind: string(i.Type), ID: i.ID, URL: i.URL, Header: "Authorization", Word: scheme(i.Token), Secret: i.Token, Fingerprint: i.Fingerprint,
	}, o)
	if err != nil {
		return nil, err
	}
	return &System{client: c}, nil
}

// Ping implements external.Subnets.
func (s *System) Ping(ctx context.Context) error {
	return s.client.Operation(ctx, "see whether it is there", func(ctx context.Context) error {
		return s.client.Get(ctx, aggregates, nil)
	})
}

// object is NetBox's form of a prefix, a range or an address: each kind sets different
// properties.
type object struct {
	ID          int64  `json:"id"`
	Prefix      string `json:"prefix"`
	Start       string `json:"start_address"`
	End         string `json:"end_address"`
	Address     string `json:"address"`
	Description string `json:"description"`
	VRF         any    `json:"vrf"`
}

// ip is the address of an address object, or of a range's end; invalid if it cannot be
// parsed.
func ip(s string) netip.Addr {
	s, _, _ = strings.Cut(s, "/")
	a, _ := netip.ParseAddr(s)
	return a
}

func (o *object) path(collection string) string { return fmt.Sprintf("%s%d/", collection, o.ID) }

// pages bounds how many pages of a list are read.
const pages = 1000

// list reads all objects of the global table that a query finds and that match. The query
// of NetBox is a search: it finds more than exact matches.
func (s *System) list(ctx context.Context, collection, query string, match func(*object) bool) ([]object, error) {
	var out []object
	for range pages {
		var page struct {
			Next    string   `json:"next"`
			Results []object `json:"results"`
		}
		if err := s.client.Get(ctx, collection+"?"+query, &page); err != nil {
			return nil, err
		}
		for _, o := range page.Results {
			if o.VRF == nil && match(&o) {
				out = append(out, o)
			}
		}
		if page.Next == "" {
			return out, nil
		}
		// Only the query is used: the secret is sent to no other host, and behind a proxy
		// NetBox may not know its own address.
		next, err := url.Parse(page.Next)
		if err != nil || next.RawQuery == query {
			return nil, fmt.Errorf("%w as it should: its list of %s has no usable next page", external.ErrUnreachable, collection)
		}
		query = next.RawQuery
	}
	return nil, fmt.Errorf("%w as it should: its list of %s has more than %d pages", external.ErrUnreachable, collection, pages)
}

// prefix finds the prefix of a subnet, never one that contains it; nil if there is none.
func (s *System) prefix(ctx context.Context, sub *model.Subnet) (*object, error) {
	want := sub.CIDR.Masked()
	found, err := s.list(ctx, prefixes, "q="+url.QueryEscape(want.Addr().String()), func(o *object) bool {
		p, err := netip.ParsePrefix(o.Prefix)
		return err == nil && p == want
	})
	return first(found), err
}

// ipRange finds the range with exactly these ends; nil if there is none.
func (s *System) ipRange(ctx context.Context, r model.Range) (*object, error) {
	query := "start_address=" + url.QueryEscape(r.Start.String()) + "&end_address=" + url.QueryEscape(r.End.String())
	found, err := s.list(ctx, ranges, query, func(o *object) bool { return ip(o.Start) == r.Start && ip(o.End) == r.End })
	return first(found), err
}

// registered finds the entries of an address, the oldest first: a server that does not
// enforce uniqueness can have several.
func (s *System) registered(ctx context.Context, a netip.Addr) ([]object, error) {
	found, err := s.list(ctx, addresses, "q="+url.QueryEscape(a.String()), func(o *object) bool { return ip(o.Address) == a })
	sortByID(found)
	return found, err
}
