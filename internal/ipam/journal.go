package ipam

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/revision"
)

// maxJournal is how many of the newest changes are kept for agents that request changes;
// an agent that is further behind gets everything.
const maxJournal = 1 << 16

// journal holds the bindings of all zones and their changes. Bindings follow from the
// addresses and from the declarations of guests.
type journal struct {
	life string
	book *Book

	mu         sync.Mutex
	number     int64
	bindings   map[string]*model.Binding // by ID, except stale ones
	stale      map[string]ownerID        // bindings to be rebuilt on demand, by ID
	log        []logged                  // the newest changes, oldest first
	changed    chan struct{}             // closed and replaced at a change that has waiters
	hasWaiters bool                      // somebody waits on changed
	guests     map[string]*model.Guest
	running    *model.Config // the configuration that declared was built from
	live       *model.Config
	declared   map[string]declared // NICs by binding ID
}

// ownerID is an owner in a zone; the name is empty for an address without a known owner.
type ownerID struct{ zone, owner string }

type logged struct {
	number int64
	id     string
	zone   string
}

// declared is a NIC that a guest declares.
type declared struct {
	guest *model.Guest
	nic   model.NIC
}

func newJournal(life string, b *Book) *journal {
	j := &journal{life: life, book: b, bindings: make(map[string]*model.Binding), stale: make(map[string]ownerID), changed: make(chan struct{}), declared: make(map[string]declared)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed = j.addressChanged
	for _, z := range b.zones {
		for _, a := range z.addresses {
			j.addressChanged(nil, a)
		}
	}
	return j
}

// idOf is the ID of the binding that an address belongs to.
func idOf(a *Address) string {
	if owner := a.Owner(); owner != "" {
		return a.Zone + "/" + owner
	}
	return a.Zone + "/" + a.IP.String()
}

// addressChanged records a changed address; the book calls it under its lock.
func (j *journal) addressChanged(old, now *Address) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, a := range []*Address{old, now} {
		if a != nil {
			j.stale[idOf(a)] = ownerID{a.Zone, a.Owner()}
		}
	}
	j.wake()
}

// wake notifies those who wait for changes. The caller holds mu.
func (j *journal) wake() {
	if j.hasWaiters {
		close(j.changed)
		j.changed, j.hasWaiters = make(chan struct{}), false
	}
}

// rebuildStale rebuilds stale bindings. The caller holds mu, and the book's lock.
func (j *journal) rebuildStale() {
	for id, o := range j.stale {
		j.rebuild(id, o.zone, o.owner)
	}
	clear(j.stale)
}

// rebuild builds the binding of an owner again. The caller holds mu, and the book's lock.
func (j *journal) rebuild(id, zone, owner string) {
	var b *model.Binding
	for _, a := range j.addresses(zone, owner, id) {
		if b == nil {
			mac, _ := model.NormalizeMAC(a.MAC)
			b = &model.Binding{Zone: zone, VNet: a.VNet, MAC: mac, Guest: a.Guest, NIC: a.NIC, Name: a.Name}
		}
		b.IPs = append(b.IPs, a.IP)
	}
	if d, ok := j.declared[id]; ok {
		if b == nil {
			mac, _ := model.NormalizeMAC(d.nic.MAC)
			b = &model.Binding{Zone: zone, MAC: mac}
		}
		b.VNet, b.Guest, b.NIC, b.Node, b.Name = d.nic.VNet, d.guest.ID, d.nic.ID, d.guest.Node, d.guest.Name
		b.IPs = append(b.IPs, d.nic.IPs...)
	} else if b != nil && j.guests[b.Guest] != nil {
		b.Node = j.guests[b.Guest].Node
	}
	if b != nil {
		slices.SortFunc(b.IPs, netip.Addr.Compare)
		b.IPs = slices.Compact(b.IPs)
	}
	j.set(id, zone, b)
}

// addresses returns the book's addresses of an owner. The caller holds the book's lock.
func (j *journal) addresses(zone, owner, id string) []*Address {
	if owner != "" {
		return j.book.of(zone, owner)
	}
	ip, err := netip.ParseAddr(strings.TrimPrefix(id, zone+"/"))
	if err != nil {
		return nil
	}
	if a := j.book.zone(zone).addresses[ip]; a != nil && a.Owner() == "" {
		return []*Address{a}
	}
	return nil
}

// set replaces a binding. The caller holds mu.
func (j *journal) set(id, zone string, b *model.Binding) {
	old := j.bindings[id]
	if old.Equal(b) {
		return
	}
	if b == nil {
		delete(j.bindings, id)
	} else {
		j.bindings[id] = b
	}
	j.number++
	j.log = append(j.log, logged{j.number, id, zone})
	if len(j.log) > 2*maxJournal {
		j.log = slices.Clone(j.log[len(j.log)-maxJournal:])
	}
	j.wake()
}

// followGuests keeps the declarations of guests current until ctx ends.
func (j *journal) followGuests(ctx context.Context, config *revision.Service) {
	for {
		v, newer := config.LatestApplied()
		j.update(v)
		select {
		case <-newer:
		case <-ctx.Done():
			return
		}
	}
}

// update updates the bindings after changes of guests and VNets.
func (j *journal) update(v *revision.View) {
	j.book.mu.Lock()
	defer j.book.mu.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.running == v.Running && j.live == v.Live {
		return
	}
	j.rebuildStale()
	j.running, j.live = v.Running, v.Live
	vnets := v.Running.VNets
	now := make(map[string]declared)
	for _, g := range v.Live.Guests {
		for _, n := range g.NICs {
			if vnet := vnets[n.VNet]; vnet != nil {
				if owner := ownerOf(n.MAC, g.ID, n.ID); owner != "" {
					now[vnet.Zone+"/"+owner] = declared{g, n}
				}
			}
		}
	}
	before := j.declared
	changedGuests := j.changedGuests(v.Live.Guests)
	j.guests, j.declared = v.Live.Guests, now
	for id, d := range now {
		if was, ok := before[id]; !ok || was.guest != d.guest {
			j.rebuildID(id)
		}
	}
	for id := range before {
		if _, still := now[id]; !still {
			j.rebuildID(id)
		}
	}
	for id, b := range j.bindings {
		if changedGuests[b.Guest] {
			j.rebuildID(id)
		}
	}
}

// changedGuests are the guests that changed. The caller holds mu.
func (j *journal) changedGuests(guests map[string]*model.Guest) map[string]bool {
	out := make(map[string]bool)
	for id, g := range guests {
		if j.guests[id] != g {
			out[id] = true
		}
	}
	for id := range j.guests {
		if guests[id] == nil {
			out[id] = true
		}
	}
	return out
}

// rebuildID builds the binding of an ID again. The caller holds both locks.
func (j *journal) rebuildID(id string) {
	zone, owner, _ := cutID(id)
	j.rebuild(id, zone, owner)
}

// cutID splits the ID of a binding; the owner is empty if the binding has none.
func cutID(id string) (zone, owner string, ok bool) {
	for i := range len(id) {
		if id[i] == '/' {
			zone, owner = id[:i], id[i+1:]
			if _, err := netip.ParseAddr(owner); err == nil {
				owner = ""
			}
			return zone, owner, true
		}
	}
	return id, "", false
}

// epoch names a run of the server and a choice of zones: numbers of one epoch mean nothing
// in another.
func (j *journal) epoch(zones []string) string {
	h := fnv.New64a()
	for _, z := range zones {
		_, _ = h.Write([]byte(z + "/"))
	}
	return fmt.Sprintf("%s-%x", j.life, h.Sum64())
}

// since returns what changed in the bindings of some zones, sorted, after a number of an
// epoch, and a channel that is closed at the next change. The result is nil if nothing
// changed.
func (j *journal) since(zones []string, epoch string, number int64) (*protocol.Bindings, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.stale) > 0 {
		j.mu.Unlock() // the book's lock must be acquired first
		j.book.mu.Lock()
		j.mu.Lock()
		j.rebuildStale()
		j.book.mu.Unlock()
	}
	j.hasWaiters = true
	now := j.epoch(zones)
	out := &protocol.Bindings{Epoch: now, Number: j.number}
	ids := make(map[string]bool)
	oldest := j.number
	if len(j.log) > 0 {
		oldest = j.log[0].number - 1
	}
	switch {
	case epoch != now || number < oldest || number > j.number:
		out.All = true
		for id, b := range j.bindings {
			if _, on := slices.BinarySearch(zones, b.Zone); on {
				ids[id] = true
			}
		}
	default:
		from, _ := slices.BinarySearchFunc(j.log, number+1, func(l logged, n int64) int { return int(l.number - n) })
		for _, l := range j.log[from:] {
			if _, on := slices.BinarySearch(zones, l.zone); on {
				ids[l.id] = true
			}
		}
		if len(ids) == 0 {
			return nil, j.changed
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if b := j.bindings[id]; b != nil {
			out.Put = append(out.Put, b)
		} else {
			out.Gone = append(out.Gone, id)
		}
	}
	return out, j.changed
}

// AwaitBindings waits until the bindings of the zones differ from those that an agent
// knows, and returns the changes; nil if that does not happen before the timeout or before
// stop is closed. zones returns the zones whenever the running configuration has changed.
func (s *Service) AwaitBindings(ctx context.Context, zones func(*revision.View) []string, epoch string, number int64, atMost time.Duration, stop <-chan struct{}) (*protocol.Bindings, error) {
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	for {
		v, newer := s.config.LatestApplied()
		b, changed := s.journal.since(zones(v), epoch, number)
		if b != nil {
			return b, nil
		}
		select {
		case <-changed:
		case <-newer:
		case <-timer.C:
			return nil, nil
		case <-stop:
			return nil, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Bindings returns all bindings of a zone, sorted by ID.
func (s *Service) Bindings(zone string) []*model.Binding {
	b, _ := s.journal.since([]string{zone}, "", 0)
	return b.Put
}
