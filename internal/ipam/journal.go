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

// maxJournal is how many of the newest changes are kept for agents that ask what is
// new; one that is further behind gets everything.
const maxJournal = 1 << 16

// journal is the bindings of all zones and what changed of them. Bindings follow from
// the addresses and from what guests declare.
type journal struct {
	life string
	book *Book

	mu       sync.Mutex
	number   int64
	bindings map[string]*model.Binding // by ID, but for those that are stale
	stale    map[string]ownerID        // bindings to be made anew when somebody asks, by ID
	log      []logged                  // the newest changes, oldest first
	news     chan struct{}             // closed and replaced at a change that is waited for
	awaited  bool                      // somebody has news
	guests   map[string]*model.Guest
	running  *model.Config // what declared was made of
	live     *model.Config
	declared map[string]declared // NICs by binding ID
}

// ownerID is an owner in a zone; who owns an address alone has no name.
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
	j := &journal{life: life, book: b, bindings: make(map[string]*model.Binding), stale: make(map[string]ownerID), news: make(chan struct{}), declared: make(map[string]declared)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed = j.noted
	for _, z := range b.zones {
		for _, a := range z.addresses {
			j.noted(nil, a)
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

// noted takes in a changed address; the book calls it under its lock.
func (j *journal) noted(old, now *Address) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, a := range []*Address{old, now} {
		if a != nil {
			j.stale[idOf(a)] = ownerID{a.Zone, a.Owner()}
		}
	}
	j.wake()
}

// wake lets those who wait for news look. The caller holds mu.
func (j *journal) wake() {
	if j.awaited {
		close(j.news)
		j.news, j.awaited = make(chan struct{}), false
	}
}

// settle makes what is stale anew. The caller holds mu, and the book's lock.
func (j *journal) settle() {
	for id, o := range j.stale {
		j.work(id, o.zone, o.owner)
	}
	clear(j.stale)
}

// work makes the binding of an owner anew. The caller holds mu, and the book's lock.
func (j *journal) work(id, zone, owner string) {
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

// addresses are the book's of an owner. The caller holds the book's lock.
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

// followGuests keeps what guests declare current until ctx ends.
func (j *journal) followGuests(ctx context.Context, config *revision.Service) {
	for {
		v, newer := config.Standing()
		j.take(v)
		select {
		case <-newer:
		case <-ctx.Done():
			return
		}
	}
}

// take brings the bindings up to date with guests and VNets.
func (j *journal) take(v *revision.View) {
	j.book.mu.Lock()
	defer j.book.mu.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.running == v.Running && j.live == v.Live {
		return
	}
	j.settle()
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
	moved := j.moved(v.Live.Guests)
	j.guests, j.declared = v.Live.Guests, now
	for id, d := range now {
		if was, ok := before[id]; !ok || was.guest != d.guest {
			j.anew(id)
		}
	}
	for id := range before {
		if _, still := now[id]; !still {
			j.anew(id)
		}
	}
	for id, b := range j.bindings {
		if moved[b.Guest] {
			j.anew(id)
		}
	}
}

// moved are the guests that changed. The caller holds mu.
func (j *journal) moved(guests map[string]*model.Guest) map[string]bool {
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

// anew makes the binding of an ID anew. The caller holds both locks.
func (j *journal) anew(id string) {
	zone, owner, _ := cutID(id)
	j.work(id, zone, owner)
}

// cutID takes the ID of a binding apart; of one that nobody owns the owner is empty.
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

// epoch names a life of the server and a choice of zones: numbers of one mean nothing
// in another.
func (j *journal) epoch(zones []string) string {
	h := fnv.New64a()
	for _, z := range zones {
		_, _ = h.Write([]byte(z + "/"))
	}
	return fmt.Sprintf("%s-%x", j.life, h.Sum64())
}

// since returns what changed of the bindings of some zones, sorted, after a number of
// an epoch, and what is closed at the next change. It is nil if nothing did.
func (j *journal) since(zones []string, epoch string, number int64) (*protocol.Bindings, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.stale) > 0 {
		j.mu.Unlock() // the book's lock comes first
		j.book.mu.Lock()
		j.mu.Lock()
		j.settle()
		j.book.mu.Unlock()
	}
	j.awaited = true
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
			return nil, j.news
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if b := j.bindings[id]; b != nil {
			out.Put = append(out.Put, b)
		} else {
			out.Gone = append(out.Gone, id)
		}
	}
	return out, j.news
}

// AwaitBindings waits until the bindings of the zones, which zones tells whenever what
// runs has changed, are other than those that an agent knows, and returns what is new;
// nil if that did not happen before the time is over or stop is closed.
func (s *Service) AwaitBindings(ctx context.Context, zones func(*revision.View) []string, epoch string, number int64, atMost time.Duration, stop <-chan struct{}) (*protocol.Bindings, error) {
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	for {
		v, newer := s.config.Standing()
		b, news := s.journal.since(zones(v), epoch, number)
		if b != nil {
			return b, nil
		}
		select {
		case <-news:
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

// Bindings are all bindings of a zone, sorted by ID.
func (s *Service) Bindings(zone string) []*model.Binding {
	b, _ := s.journal.since([]string{zone}, "", 0)
	return b.Put
}
