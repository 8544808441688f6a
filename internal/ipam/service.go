package ipam

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Plugins creates the clients of external systems.
type Plugins interface {
	// IPAM returns the client of an address management system.
	IPAM(i *model.IPAM) (external.System, error)
	// Names returns the client of a DNS server.
	Names(n *model.NameServer) (external.Names, error)
}

// Options are what a Service needs.
type Options struct {
	Store   store.Store
	Config  *revision.Service
	Plugins Plugins
	// Now is the clock; nil means time.Now.
	Now    func() time.Time
	Logger *slog.Logger
	// Resync is the interval at which the data of external systems is compared with the
	// wanted data; 0 means DefaultResync.
	Resync time.Duration
}

// DefaultResync is the default of Options.Resync.
const DefaultResync = time.Minute

// Service assigns and releases addresses. Any number of Services, in any number of
// processes, may work on one store. Create one with Open, and keep it current with Run.
type Service struct {
	book    *Book
	store   store.Store
	config  *revision.Service
	plugins Plugins
	now     func() time.Time
	log     *slog.Logger
	resync  time.Duration
	journal *journal
	life    string // of this process

	mu sync.Mutex
	// working are the intents that this process works on, seen are states that others may
	// have abandoned, with the time of the first observation, and stillSeen those of them
	// that still exist.
	working         map[string]bool
	seen, stillSeen map[string]time.Time
	// syncing is held while subnets are registered.
	syncing sync.Mutex
}

// Open reads the addresses from the store, and takes part in the edits of the
// configuration from then on.
func Open(ctx context.Context, o Options) (*Service, error) {
	s := &Service{
		store: o.Store, config: o.Config, plugins: o.Plugins, now: o.Now, log: o.Logger, resync: o.Resync,
		life: newID(), working: make(map[string]bool), seen: make(map[string]time.Time), stillSeen: make(map[string]time.Time),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.resync == 0 {
		s.resync = DefaultResync
	}
	var err error
	if s.book, err = OpenBook(ctx, o.Store, s.log); err != nil {
		return nil, err
	}
	s.journal = newJournal(s.life, s.book)
	o.Config.Use(s)
	return s, nil
}

// Run follows the store and resyncs external systems until ctx ends.
func (s *Service) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { s.book.Run(ctx) })
	wg.Go(func() { s.journal.followGuests(ctx, s.config) })
	wg.Go(func() {
		for sleep.Context(ctx, s.resync) {
			if err := s.Resync(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("external systems are not as they should be; trying again", "error", err, "in", s.resync)
			}
		}
	})
	wg.Wait()
}

// place is where a NIC gets its addresses.
type place struct {
	zone *model.Zone
	vnet *model.VNet
	// subnets are those of the VNet, sorted by ID.
	subnets []*model.Subnet
	live    *model.Config
	// avoid returns a predicate for the addresses of a subnet of the place that are never
	// assigned.
	avoid func(all []*model.Subnet, s *model.Subnet) func(netip.Addr) bool
}

// find returns the place of a VNet. Addresses are assigned from the subnets that are
// configured, applied or not: a guest that is started right after must find its address,
// and a subnet that is about to be removed assigns none.
func find(cfg, live *model.Config, vnet string) (*place, error) {
	p := &place{vnet: cfg.VNets[vnet], live: live, avoid: avoided}
	if p.vnet == nil {
		return nil, &NoVNet{vnet}
	}
	if p.zone = cfg.Zones[p.vnet.Zone]; p.zone == nil {
		return nil, fmt.Errorf("vnet %s: its zone %s does not exist", vnet, p.vnet.Zone)
	}
	// Every join runs this: only the few of the VNet are sorted.
	var ids []string
	for id, sub := range cfg.Subnets {
		if sub.VNet == vnet && sub.CIDR.IsValid() {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		p.subnets = append(p.subnets, cfg.Subnets[id])
	}
	return p, nil
}

// NoVNet is the error of a VNet that does not exist.
type NoVNet struct{ ID string }

func (e *NoVNet) Error() string {
	return fmt.Sprintf("vnet %s does not exist; list what exists with: viaduct get vnets", e.ID)
}

// Is makes it a revision.ErrNotFound.
func (e *NoVNet) Is(target error) bool { return target == revision.ErrNotFound }

// managed reports whether the addresses of the zone are managed at all.
func (p *place) managed() bool { return p.zone.IPAM != "" }

// external returns the external system that the zone's addresses are registered with;
// nil if there is none.
func (s *Service) external(live *model.Config, zone *model.Zone) (external.System, error) {
	if zone.IPAM == "" {
		return nil, nil
	}
	i := live.IPAMs[zone.IPAM]
	if i == nil {
		return nil, fmt.Errorf("zone %s: its address management %s does not exist: declare it, or give the zone another one", zone.ID, zone.IPAM)
	}
	if !i.External() {
		return nil, nil
	}
	return s.plugins.IPAM(i)
}

// nameServer returns the client of a DNS server by its ID; nil for none.
func (s *Service) nameServer(live *model.Config, id string) (external.Names, error) {
	if id == "" {
		return nil, nil
	}
	n := live.NameServers[id]
	if n == nil {
		return nil, fmt.Errorf("the name server %s does not exist: declare it, or take it out of the zone", id)
	}
	return s.plugins.Names(n)
}

// Addresses returns all addresses that are recorded in a zone, sorted.
func (s *Service) Addresses(zone string) []Address { return s.book.List(zone) }

// Get returns an address of a zone, if it is assigned.
func (s *Service) Get(zone string, ip netip.Addr) (Address, bool) { return s.book.Get(zone, ip) }

// Sync makes sure that all earlier writes are known.
func (s *Service) Sync(ctx context.Context) error { return s.book.Sync(ctx) }
