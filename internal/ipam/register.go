package ipam

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// registered is what was registered with external systems for a subnet, or, while Working,
// is about to be registered.
type registered struct {
	Subnet *model.Subnet `json:"subnet"`
	// IPAM is the system that has the subnet and its gateway; Names is where the gateway's
	// name is. Either may be empty.
	IPAM    string `json:"ipam,omitempty"`
	Names   *Names `json:"names,omitempty"`
	Working bool   `json:"working,omitempty"`

	revision int64
}

// wanted is what external systems should have of the subnets of configurations. Where
// configurations differ, earlier arguments have precedence.
func wanted(live *model.Config, configs ...*model.Config) map[string]*registered {
	out := make(map[string]*registered)
	for _, cfg := range slices.Backward(configs) {
		for id, s := range cfg.Subnets {
			delete(out, id)
			v := cfg.VNets[s.VNet]
			if v == nil || !s.CIDR.IsValid() || cfg.Zones[v.Zone] == nil {
				continue
			}
			z, r := cfg.Zones[v.Zone], &registered{Subnet: s}
			if i := live.IPAMs[z.IPAM]; i != nil && i.External() {
				r.IPAM = i.ID
			}
			if hasGateway(s) && z.IPAM != "" {
				r.Names = namesOf(z, s, s.VNet+"-gw")
			}
			if r.IPAM != "" || r.Names != nil {
				out[id] = r
			}
		}
	}
	return out
}

// Register registers with external systems the subnets that edits make or change, before
// the edits are stored, which lead to the configuration after: an error rejects them.
// Settle deregisters afterwards what the edits remove.
func (s *Service) Register(ctx context.Context, live, after *model.Config, edits []model.Edit) error {
	touched := make(map[string]bool)
	for _, e := range edits {
		if sub, ok := e.Put.(*model.Subnet); ok {
			touched[subnetID(after, sub)] = true
		}
	}
	if len(touched) == 0 {
		return nil
	}
	want := wanted(live, after)
	s.syncing.Lock()
	defer s.syncing.Unlock()
	have, err := s.registered(ctx)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if !touched[id] {
			continue
		}
		if err := s.updateSubnet(ctx, live, id, have[id], want[id]); err != nil {
			return fmt.Errorf("subnet %s: %w", want[id].Subnet.CIDR, err)
		}
	}
	return nil
}

// Settle makes external systems have the subnets that are configured or running, and no
// others.
func (s *Service) Settle(ctx context.Context) error {
	v, err := s.config.View(ctx)
	if err != nil {
		return err
	}
	want := wanted(v.Live, v.Pending, v.Running)
	s.syncing.Lock()
	defer s.syncing.Unlock()
	have, err := s.registered(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(have)) {
		if want[id] == nil {
			errs = append(errs, s.updateSubnet(ctx, v.Live, id, have[id], nil))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(want)) {
		errs = append(errs, s.updateSubnet(ctx, v.Live, id, have[id], want[id]))
	}
	return errors.Join(errs...)
}

// Resync repairs the data of external systems, and finishes abandoned work.
func (s *Service) Resync(ctx context.Context) error {
	v, err := s.config.View(ctx)
	if err != nil {
		return err
	}
	err = errors.Join(s.finishOthers(ctx, v.Live), s.freeOrphans(ctx, v))
	if err == nil { // otherwise not everything was checked
		s.forgetUnseen()
	}
	return errors.Join(err, s.Settle(ctx))
}

// subnetID is the ID of a subnet that may be incomplete.
func subnetID(cfg *model.Config, s *model.Subnet) string {
	c, err := copyOf(s)
	if err != nil || cfg.Complete(c) != nil {
		return s.ID
	}
	return c.ObjectID()
}

func (s *Service) registered(ctx context.Context) (map[string]*registered, error) {
	records, _, err := s.store.List(ctx, prefixSubnet, "")
	if err != nil {
		return nil, err
	}
	out := make(map[string]*registered, len(records))
	for _, r := range records {
		x := &registered{revision: r.Revision}
		if err := json.Unmarshal(r.Value, x); err != nil {
			return nil, fmt.Errorf("stored value %s is not understood: %w", r.Key, err)
		}
		out[r.Key[len(prefixSubnet):]] = x
	}
	return out, nil
}

// note stores what external systems have of a subnet; nil for nothing.
func (s *Service) note(ctx context.Context, id string, old, now *registered) error {
	key, before := prefixSubnet+id, int64(0)
	if old != nil {
		before = old.revision
	}
	op := store.Delete(key)
	if now != nil {
		value, err := json.Marshal(now)
		if err != nil {
			return err
		}
		op = store.Put(key, value)
	}
	at, err := s.store.Txn(ctx, []store.Cond{{Key: key, Revision: before}}, []store.Op{op})
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("another server is telling external systems of the subnet right now; try again: %w", revision.ErrBusy)
	}
	if err == nil && now != nil {
		now.revision = at
	}
	return err
}

// updateSubnet makes external systems have what is wanted for a subnet, which may be
// nothing.
func (s *Service) updateSubnet(ctx context.Context, live *model.Config, id string, have, want *registered) error {
	if have != nil && want != nil && !have.Working && same(have, want) {
		return nil
	}
	if have != nil && (want == nil || have.IPAM != want.IPAM) {
		if err := s.deregisterSubnet(ctx, live, id, have); err != nil || want == nil {
			return err
		}
		have = nil
	}
	working := *want
	working.Working = true
	if err := s.note(ctx, id, have, &working); err != nil {
		return err
	}
	if err := s.registerSubnet(ctx, live, have, want); err != nil {
		if have != nil { // the previous state still exists, more or less: the next attempt repairs it
			old := *have
			old.Working = true
			return errors.Join(err, s.note(context.WithoutCancel(ctx), id, &working, &old))
		}
		return errors.Join(err, s.deregisterSubnet(context.WithoutCancel(ctx), live, id, &working))
	}
	done := *want
	return s.note(ctx, id, &working, &done)
}

// same reports whether external systems need no update.
func same(a, b *registered) bool {
	return a.IPAM == b.IPAM && reflect.DeepEqual(a.Names, b.Names) && a.Subnet.Gateway == b.Subnet.Gateway && slices.Equal(a.Subnet.DHCPRange, b.Subnet.DHCPRange)
}

// registerSubnet registers a subnet, its gateway and the gateway's name. It removes the
// old gateway last.
func (s *Service) registerSubnet(ctx context.Context, live *model.Config, have, want *registered) error {
	ext, err := s.systemOf(live, want.IPAM)
	if err != nil {
		return err
	}
	if ext != nil {
		if have == nil {
			err = ext.AddSubnet(ctx, want.Subnet)
		} else {
			err = ext.UpdateSubnet(ctx, have.Subnet, want.Subnet)
		}
		if err == nil && hasGateway(want.Subnet) {
			err = ext.Add(ctx, want.Subnet, gatewayEntry(want))
		}
		if err != nil {
			return fmt.Errorf("address management %s: %w", want.IPAM, err)
		}
	}
	if want.Names != nil {
		if err := s.register(ctx, live, want.Names, want.Subnet.Gateway); err != nil {
			return err
		}
	}
	if have == nil {
		return nil
	}
	if have.Names != nil && (!reflect.DeepEqual(have.Names, want.Names) || have.Subnet.Gateway != want.Subnet.Gateway) {
		s.logCleanupError(s.unregister(ctx, live, have.Names, have.Subnet.Gateway))
	}
	if ext != nil && hasGateway(have.Subnet) && have.Subnet.Gateway != want.Subnet.Gateway {
		s.logCleanupError(ext.Delete(ctx, have.Subnet, have.Subnet.Gateway))
	}
	return nil
}

// logCleanupError logs an error that does not prevent the work.
func (s *Service) logCleanupError(err error) {
	if err != nil {
		s.log.Warn("an old gateway is still registered", "error", err)
	}
}

// hasGateway reports whether a subnet's gateway is an address of it: that of a single host
// (IPv4 /32) may lie outside.
func hasGateway(s *model.Subnet) bool {
	return s.Gateway.IsValid() && s.CIDR.Masked().Contains(s.Gateway)
}

func gatewayEntry(r *registered) external.Entry {
	return external.Entry{IP: r.Subnet.Gateway, Name: prefixed(r.Subnet.VNet+"-gw", r.Subnet), Gateway: true}
}

// deregisterSubnet removes a subnet, its gateway and the gateway's name from external
// systems.
func (s *Service) deregisterSubnet(ctx context.Context, live *model.Config, id string, have *registered) error {
	ext, err := s.systemOf(live, have.IPAM)
	if err != nil {
		return err
	}
	if have.Names != nil {
		if err := s.unregister(ctx, live, have.Names, have.Subnet.Gateway); err != nil {
			return err
		}
	}
	if ext != nil {
		if err := ext.DeleteSubnet(ctx, have.Subnet); err != nil {
			return fmt.Errorf("address management %s: subnet %s: %w", have.IPAM, have.Subnet.CIDR, err)
		}
	}
	return s.note(ctx, id, have, nil)
}

// InUse returns the assigned addresses in a subnet of a zone, sorted: those that no other
// subnet of the configuration contains.
func (s *Service) InUse(cfg *model.Config, sub *model.Subnet) []Address {
	zone, _, _ := model.ParseSubnetID(sub.ID)
	network := sub.CIDR.Masked()
	elsewhere := func(ip netip.Addr) bool {
		for id, other := range cfg.Subnets {
			z, _, _ := model.ParseSubnetID(id)
			if z == zone && id != sub.ID && other.CIDR.Masked().Contains(ip) {
				return true
			}
		}
		return false
	}
	return slices.DeleteFunc(s.book.List(zone), func(a Address) bool { return !network.Contains(a.IP) || elsewhere(a.IP) })
}
