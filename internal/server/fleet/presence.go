package fleet

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// An agent always has a long poll open at some server, so a node without any is lost.
// Each server stores a record of the nodes that poll it; the other servers trust it
// while its heartbeat changes.
const (
	// prefixPresence is the prefix of the records: presence/<life of a server>.
	prefixPresence = "presence/"
	// pollGrace is how long a node may be without a poll, while its agent restarts, and
	// changeGrace the same where it may change to another server, whose record comes later.
	pollGrace   = 1500 * time.Millisecond
	changeGrace = 5 * time.Second
	// serverGrace replaces it after a server's start or end, when all agents reconnect.
	serverGrace = 30 * time.Second
	// dropGrace replaces it for a node that another server dropped after a grace of its own.
	dropGrace = 2 * time.Second
	// presenceBeat is the interval of a server's heartbeat if there are others, and
	// presenceStale the time without one after which its record is ignored.
	presenceBeat  = 10 * time.Second
	presenceStale = 35 * time.Second
	// presencePause is the minimum interval between two writes of a record.
	presencePause = time.Second
)

// presenceDoc lists the nodes that poll a server.
type presenceDoc struct {
	// Beat changes while the server is alive.
	Beat  int64    `json:"beat"`
	Nodes []string `json:"nodes"`
}

// attendance is the state of a node's polls at this server. The fleet's mu guards it.
type attendance struct {
	// open counts the polls at this server; lost is when the node was last found without
	// one, by this server's clock, and grace is how long that is tolerated.
	open  int
	lost  time.Time
	grace time.Duration
	// own is true if this server is the last one known to be polled.
	own bool
}

// others is the known state of the servers that share the store.
type others struct {
	// beats has the last known heartbeat of each one's record, by its key, and its time.
	beats map[string]otherBeat
	// nodes are the nodes that poll a live server, and the time of its last heartbeat.
	nodes map[string]time.Time
}

type otherBeat struct {
	beat int64
	at   time.Time
}

// TrackPoll records that a node polls this server, until done is called.
func (f *Fleet) TrackPoll(node string) (done func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.absenceOf(node)
	a := f.attends[node]
	if a == nil {
		a = &attendance{}
		f.attends[node] = a
	}
	a.open++
	a.own = true
	f.markSeen(node)
	if was.lost {
		f.wake()
	}
	f.requestPresenceUpdate()
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if a.open--; a.open > 0 || f.attends[node] != a {
			return
		}
		grace := pollGrace
		if len(f.others.beats) > 0 {
			grace = changeGrace
		}
		a.lost, a.grace = f.now(), min(grace, f.unreachable)
		time.AfterFunc(a.grace+time.Millisecond, func() { f.recheck(node) })
	}
}

// recheck notifies the waiters if a node had no poll during its grace.
func (f *Fleet) recheck(node string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.absenceOf(node).lost {
		f.wake()
	}
	f.requestPresenceUpdate()
}

// markSeen records contact with a node. The caller holds mu.
func (f *Fleet) markSeen(node string) *contact {
	h := f.contacts[node]
	if h == nil {
		h = &contact{}
		f.contacts[node] = h
	}
	h.seen = f.now()
	return h
}

// requestPresenceUpdate triggers a write of this server's record. The caller holds mu.
func (f *Fleet) requestPresenceUpdate() {
	select {
	case f.attendance <- struct{}{}:
	default:
	}
}

// absence is the result of a check whether a node is unreachable.
type absence struct {
	lost, suspect bool
	// seen is the last contact of any server with it; left is how long the result is
	// valid without further contact, 0 for ever.
	seen time.Time
	left time.Duration
}

// absenceOf determines from polls and reports whether a node is lost. The caller holds mu.
func (f *Fleet) absenceOf(node string) absence {
	now := f.now()
	var out absence
	if h := f.contacts[node]; h != nil {
		out.seen = h.seen
	}
	a := f.attends[node]
	if a != nil && a.own {
		out.seen = latest(out.seen, a.lost) // a poll was open until then
	}
	if at, ok := f.others.nodes[node]; ok && (a == nil || a.open == 0 && (!a.own || at.After(a.lost))) {
		out.seen = latest(out.seen, at)
		return out
	}
	since, limit := out.seen, f.unreachable
	switch {
	case a != nil && a.open == 0: // it had polls, and has none
		since, limit = latest(since, a.lost), min(a.grace, f.unreachable)
	case a == nil && since.IsZero(): // no contact since this server started
		since, limit = f.started, min(serverGrace, f.unreachable)
	}
	quiet := now.Sub(since)
	out.lost = quiet > limit
	if left := limit - quiet; !out.lost {
		out.left = left + time.Millisecond
	}
	if lasting := f.unreachable - quiet; out.lost && a != nil && lasting > 0 {
		out.suspect, out.left = true, lasting+time.Millisecond
	}
	return out
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// followOthers keeps the state of the nodes at other servers current, until ctx ends.
func (f *Fleet) followOthers(ctx context.Context) {
	for ctx.Err() == nil {
		_, changed := f.presence.All()
		f.readOthers(ctx)
		stale := time.NewTimer(presenceBeat / 2)
		select {
		case <-changed:
		case <-stale.C:
		case <-ctx.Done():
		}
		stale.Stop()
	}
}

// readOthers reads the records of other servers.
func (f *Fleet) readOthers(ctx context.Context) {
	records, _ := f.presence.All()
	now := f.now()
	var ended []string
	f.mu.Lock()
	nodes, alive := map[string]time.Time{}, map[string]bool{}
	for life, e := range records {
		if life == f.life {
			continue
		}
		h, known := f.others.beats[life]
		if !known || h.beat != e.Value.Beat {
			h = otherBeat{e.Value.Beat, now}
			f.others.beats[life] = h
		}
		if now.Sub(h.at) > presenceStale {
			ended = append(ended, life)
			continue
		}
		alive[life] = true
		for _, n := range e.Value.Nodes {
			nodes[n] = latest(nodes[n], h.at)
		}
	}
	serverEnded := false
	for life := range f.others.beats {
		if !alive[life] {
			serverEnded = true
		}
		if _, there := records[life]; !there {
			delete(f.others.beats, life)
		}
	}
	f.updateOthers(nodes, serverEnded)
	f.mu.Unlock()
	for _, life := range ended {
		if _, err := f.store.Txn(ctx, []store.Cond{{Key: prefixPresence + life, Revision: records[life].Revision}}, []store.Op{store.Delete(prefixPresence + life)}); err != nil {
			f.log.Debug("the record of a server that ended stays in the store", "server", life, "error", err)
		}
	}
}

// updateOthers stores which nodes poll other servers, and since when the remaining nodes
// have no poll. The caller holds mu.
func (f *Fleet) updateOthers(nodes map[string]time.Time, serverEnded bool) {
	grace := dropGrace
	if serverEnded { // its agents look for another server
		grace = serverGrace
	}
	was := f.others.nodes
	woken := false
	for n, shown := range was {
		if _, still := nodes[n]; still {
			continue
		}
		a := f.attends[n]
		if a == nil {
			a = &attendance{}
			f.attends[n] = a
		}
		if a.open == 0 && (!a.own || shown.After(a.lost)) { // otherwise it has polled here since
			a.own = false
			a.lost, a.grace = f.now(), min(grace, f.unreachable)
			time.AfterFunc(a.grace+time.Millisecond, func() { f.recheck(n) })
		}
	}
	for n := range nodes {
		if _, before := was[n]; !before && f.absenceOf(n).lost {
			woken = true
		}
	}
	f.others.nodes = nodes
	if woken {
		f.wake()
	}
}

// attending returns the nodes that this server considers its own, sorted, and whether
// other servers need to know.
func (f *Fleet) attending() (nodes []string, shared bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	nodes = []string{}
	for n, a := range f.attends {
		if a.open > 0 || a.own && !f.absenceOf(n).lost {
			nodes = append(nodes, n)
		}
	}
	slices.Sort(nodes)
	return nodes, len(f.others.beats) > 0
}

// publishPresence keeps this server's record until ctx ends, and then removes it.
func (f *Fleet) publishPresence(ctx context.Context) {
	key := prefixPresence + f.life
	beat := time.NewTicker(presenceBeat)
	defer beat.Stop()
	var last []string
	for n := int64(1); ctx.Err() == nil; n++ {
		nodes, shared := f.attending()
		if shared || last == nil || !slices.Equal(nodes, last) {
			value, err := json.Marshal(presenceDoc{n, nodes})
			if err == nil {
				_, err = f.store.Txn(ctx, nil, []store.Op{store.Put(key, value)})
			}
			if err == nil {
				last = nodes
			} else if ctx.Err() == nil {
				f.log.Debug("other servers do not learn which nodes this one hears; trying again", "error", err)
			}
		}
		sleep.Context(ctx, presencePause)
		select {
		case <-f.attendance:
		case <-beat.C:
		case <-ctx.Done():
		}
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), presencePause)
	defer cancel()
	if _, err := f.store.Txn(ending, nil, []store.Op{store.Delete(key)}); err != nil {
		f.log.Debug("this server's record stays in the store until others find that it ended", "error", err)
	}
}

// newLife returns a unique key for one run of a server.
func newLife() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}
