package netbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/external/rest"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// AddSubnet implements external.Subnets. It removes what it made when it fails.
func (s *System) AddSubnet(ctx context.Context, sub *model.Subnet) error {
	return s.client.Operation(ctx, "register the subnet "+sub.CIDR.String(), func(ctx context.Context) error {
		var made []string
		p, err := s.prefix(ctx, sub)
		if err != nil {
			return err
		}
		if p == nil {
			p = &object{}
			in := map[string]string{"prefix": sub.CIDR.Masked().String()}
			if err := s.client.Send(ctx, http.MethodPost, prefixes, in, p); err != nil {
				return err
			}
			made = append(made, p.path(prefixes))
		}
		for _, r := range sub.DHCPRange {
			path, err := s.addRange(ctx, sub, r)
			if err != nil {
				return s.undo(ctx, made, err)
			}
			if path != "" {
				made = append(made, path)
			}
		}
		return nil
	})
}

// undo removes what an operation made, the newest first, and returns its error.
func (s *System) undo(ctx context.Context, made []string, cause error) error {
	for _, path := range slices.Backward(made) {
		if err := s.remove(ctx, path); err != nil {
			return rest.Halfway(errors.Join(cause, fmt.Errorf("taking it back: %w", err)))
		}
	}
	return cause
}

// addRange registers a range, and returns the path of what it made; an existing one is
// adopted, and one of a single address needs none: NetBox has no such ranges.
func (s *System) addRange(ctx context.Context, sub *model.Subnet, r model.Range) (path string, err error) {
	if r.Start == r.End {
		return "", nil
	}
	known, err := s.ipRange(ctx, r)
	if err != nil || known != nil {
		return "", err
	}
	var made object
	// Both ends have the subnet's mask: NetBox copies it to the addresses.
	err = s.client.Send(ctx, http.MethodPost, ranges, map[string]string{
		"start_address": netip.PrefixFrom(r.Start, sub.CIDR.Bits()).String(),
		"end_address":   netip.PrefixFrom(r.End, sub.CIDR.Bits()).String(),
	}, &made)
	if err != nil {
		return "", fmt.Errorf("range %s: %w", r, err)
	}
	return made.path(ranges), nil
}

// removeRange removes a range if it exists, and reports whether it did.
func (s *System) removeRange(ctx context.Context, r model.Range) (bool, error) {
	known, err := s.ipRange(ctx, r)
	if err != nil || known == nil {
		return false, err
	}
	if err := s.remove(ctx, known.path(ranges)); err != nil {
		return false, fmt.Errorf("range %s: %w", r, err)
	}
	return true, nil
}

// UpdateSubnet implements external.Subnets. Old ranges are removed before new ones are
// made, since NetBox rejects overlapping ones.
func (s *System) UpdateSubnet(ctx context.Context, old, now *model.Subnet) error {
	return s.client.Operation(ctx, "change the subnet "+now.CIDR.String(), func(ctx context.Context) error {
		changed := false
		for _, r := range old.DHCPRange {
			if slices.Contains(now.DHCPRange, r) {
				continue
			}
			removed, err := s.removeRange(ctx, r)
			if err != nil {
				return partialError(changed, err)
			}
			changed = changed || removed
		}
		for _, r := range now.DHCPRange {
			path, err := s.addRange(ctx, now, r)
			if err != nil {
				return partialError(changed, err)
			}
			changed = changed || path != ""
		}
		return nil
	})
}

// partialError is the error of an operation that may have changed something before it.
func partialError(changed bool, err error) error {
	if changed {
		return rest.Halfway(err)
	}
	return err
}

// DeleteSubnet implements external.Subnets. The prefix is removed last: earlier failures
// can be retried.
func (s *System) DeleteSubnet(ctx context.Context, sub *model.Subnet) error {
	return s.client.Operation(ctx, "remove the subnet "+sub.CIDR.String(), func(ctx context.Context) error {
		p, err := s.prefix(ctx, sub)
		if err != nil || p == nil {
			return err
		}
		inside, err := s.list(ctx, addresses, "parent="+url.QueryEscape(sub.CIDR.Masked().String()), func(*object) bool { return true })
		if err != nil {
			return err
		}
		for _, o := range inside {
			if o.Description != gateway && ip(o.Address) != sub.Gateway {
				return fmt.Errorf("%w: %s (%s)", external.ErrNotEmpty, o.Address, o.Description)
			}
		}
		changed := false
		for _, r := range sub.DHCPRange {
			removed, err := s.removeRange(ctx, r)
			if err != nil {
				return partialError(changed, err)
			}
			changed = changed || removed
		}
		for _, o := range inside {
			if err := s.remove(ctx, o.path(addresses)); err != nil {
				return partialError(changed, err)
			}
			changed = true
		}
		return partialError(changed, s.remove(ctx, p.path(prefixes)))
	})
}
