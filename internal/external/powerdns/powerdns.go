// Package powerdns keeps names in a PowerDNS authoritative server by its HTTP API
// (doc.powerdns.com, "Authoritative HTTP API"): an implementation of external.Names,
// below ipam. Requests are those of Proxmox VE.
package powerdns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/external/rest"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Server is one PowerDNS server.
type Server struct {
	client *rest.Client
	ttl    json.RawMessage
	mask6  int
}

var _ external.Names = (*Server)(nil)

// New creates a client of a server; it fails as rest.New does.
func New(n *model.NameServer, o rest.Options) (*Server, error) {
	c, err := rest.New(rest.Target{
		Kind: n.Type, ID: n.ID, URL: n.URL, Header: "X-API-Key", Secret: n.Key, Fingerprint: n.Fingerprint,
	}, o)
	if err != nil {
		return nil, err
	}
	// PowerDNS accepts both; Proxmox VE writes a configured value as a string.
	ttl := strconv.Itoa(model.DefaultTTL)
	if n.TTL != 0 {
		ttl = `"` + strconv.Itoa(n.TTL) + `"`
	}
	return &Server{client: c, ttl: json.RawMessage(ttl), mask6: n.ReverseMaskV6}, nil
}

// Ping checks whether the server is available and accepts the credentials.
func (s *Server) Ping(ctx context.Context) error {
	return s.client.Operation(ctx, "see whether it is there", func(ctx context.Context) error {
		return s.client.Get(ctx, "", nil)
	})
}

func zonePath(zone string) string { return "/zones/" + url.PathEscape(zone) }

// HasZone implements external.Names.
func (s *Server) HasZone(ctx context.Context, zone string) error {
	return s.client.Operation(ctx, "look for the zone "+zone, func(ctx context.Context) error {
		return missing(zone, s.client.Get(ctx, zonePath(zone)+"?rrsets=false", nil))
	})
}

// missing converts an answer 404 into the error that the zone does not exist.
func missing(zone string, err error) error {
	if rest.Refused(err) == http.StatusNotFound {
		return fmt.Errorf("%w: zone %s: %w", external.ErrMissing, zone, err)
	}
	return err
}

// record is one of a set. Proxmox VE writes name and type into it; the server reads those
// of the set.
type record struct {
	Content  string `json:"content"`
	Disabled bool   `json:"disabled"`
	Name     string `json:"name"`
	Type     string `json:"type"`
}

// rrset is all records of one name and type.
type rrset struct {
	Name    string          `json:"name"`
	Type    string          `json:"type"`
	TTL     json.RawMessage `json:"ttl,omitempty"`
	Change  string          `json:"changetype,omitempty"`
	Records []record        `json:"records"`
}

// read returns the set of a name and type, empty if there is none.
func (s *Server) read(ctx context.Context, zone, name, typ string) (rrset, error) {
	var all struct {
		RRSets []rrset `json:"rrsets"`
	}
	// Servers with support for the filter need not send a whole zone.
	query := "?rrset_name=" + url.QueryEscape(name) + "&rrset_type=" + typ
	if err := missing(zone, s.client.Get(ctx, zonePath(zone)+query, &all)); err != nil {
		return rrset{}, err
	}
	for _, r := range all.RRSets {
		if strings.EqualFold(r.Name, name) && r.Type == typ {
			for i := range r.Records {
				r.Records[i].Name, r.Records[i].Type = name, typ
			}
			return rrset{Name: name, Type: typ, TTL: r.TTL, Records: r.Records}, nil
		}
	}
	return rrset{Name: name, Type: typ}, nil
}

// The changes of a set: all of its records at once.
const (
	replace = "REPLACE"
	remove  = "DELETE"
)

func (s *Server) write(ctx context.Context, zone, change string, r rrset) error {
	r.Change = change
	if change == remove {
		r.TTL, r.Records = nil, []record{}
	}
	err := s.client.Send(ctx, http.MethodPatch, zonePath(zone), map[string][]rrset{"rrsets": {r}}, nil)
	return missing(zone, err)
}

// recordType is that of an address's records.
func recordType(ip netip.Addr) string {
	if ip.Is4() {
		return "A"
	}
	return "AAAA"
}

// is reports whether a record has the address, in any notation.
func (r *record) is(ip netip.Addr) bool {
	a, err := netip.ParseAddr(r.Content)
	return err == nil && a == ip
}

// Add implements external.Names. It enables a disabled record.
func (s *Server) Add(ctx context.Context, zone, name string, ip netip.Addr) error {
	fqdn := name + "." + zone + "."
	return s.client.Operation(ctx, fmt.Sprintf("add %s to %s", ip, fqdn), func(ctx context.Context) error {
		set, err := s.read(ctx, zone, fqdn, recordType(ip))
		if err != nil {
			return err
		}
		i := slices.IndexFunc(set.Records, func(r record) bool { return r.is(ip) })
		switch {
		case i < 0:
			set.Records = append(set.Records, record{Content: ip.String(), Name: fqdn, Type: set.Type})
		case !set.Records[i].Disabled:
			return nil
		default:
			set.Records[i].Disabled = false
		}
		set.TTL = s.ttl
		return s.write(ctx, zone, replace, set)
	})
}

// Remove implements external.Names. Neither a missing name nor a missing zone is an error.
func (s *Server) Remove(ctx context.Context, zone, name string, ip netip.Addr) error {
	fqdn := name + "." + zone + "."
	return s.client.Operation(ctx, fmt.Sprintf("remove %s from %s", ip, fqdn), func(ctx context.Context) error {
		set, err := s.read(ctx, zone, fqdn, recordType(ip))
		if errors.Is(err, external.ErrMissing) {
			return nil
		}
		if err != nil {
			return err
		}
		left := slices.DeleteFunc(slices.Clone(set.Records), func(r record) bool { return r.is(ip) })
		if len(left) == len(set.Records) {
			return nil
		}
		set.Records = left
		if len(left) == 0 {
			return s.write(ctx, zone, remove, set)
		}
		return s.write(ctx, zone, replace, set)
	})
}

// Point implements external.Names. An address has one name: it replaces another one.
func (s *Server) Point(ctx context.Context, sub *model.Subnet, ip netip.Addr, name string) error {
	zone, ok := s.reverseZone(sub, ip)
	if !ok {
		return nil
	}
	return s.point(ctx, zone, ip, name)
}

func (s *Server) point(ctx context.Context, zone string, ip netip.Addr, name string) error {
	return s.client.Operation(ctx, fmt.Sprintf("point %s to %s", ip, name), func(ctx context.Context) error {
		set := rrset{Name: ReverseName(ip) + ".", Type: "PTR", TTL: s.ttl}
		set.Records = []record{{Content: name + ".", Name: set.Name, Type: set.Type}}
		return s.write(ctx, zone, replace, set)
	})
}

// Unpoint implements external.Names. Neither a missing name nor a missing zone is an
// error.
func (s *Server) Unpoint(ctx context.Context, sub *model.Subnet, ip netip.Addr) error {
	zone, ok := s.reverseZone(sub, ip)
	if !ok {
		return nil
	}
	return s.unpoint(ctx, zone, ip)
}

func (s *Server) unpoint(ctx context.Context, zone string, ip netip.Addr) error {
	return s.client.Operation(ctx, "forget what "+ip.String()+" points to", func(ctx context.Context) error {
		err := s.write(ctx, zone, remove, rrset{Name: ReverseName(ip) + ".", Type: "PTR"})
		if errors.Is(err, external.ErrMissing) {
			return nil
		}
		return err
	})
}

func (s *Server) reverseZone(sub *model.Subnet, ip netip.Addr) (string, bool) {
	return ReverseZone(netip.PrefixFrom(ip, sub.CIDR.Bits()), s.mask6)
}
