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

// An agent always has a long poll open at some server, so one that has none anywhere is
// gone. Each server notes in the store which nodes poll it; another one believes that as
// long as the record moves.
const (
	// prefixPresence is where: presence/<life of a server>.
	prefixPresence = "presence/"
	// pollGrace is for how long a node may be without a poll: its agent starts anew, or
	// goes to another server.
	pollGrace = 5 * time.Second
	// serverGrace is that after a server's start or end, when all agents look for another.
	serverGrace = 30 * time.Second
	// dropGrace is that of a node that another server let go, which has waited by then.
	dropGrace = 2 * time.Second
	// presenceBeat is how often a server shows that it lives where there are others, and
	// presenceStale after how long without that its record counts for nothing.
	presenceBeat  = 10 * time.Second
	presenceStale = 35 * time.Second
	// presencePause is between two writes of a record.
	presencePause = time.Second
)

// presenceDoc says which nodes poll a server.
type presenceDoc struct {
	// Beat changes while the server lives.
	Beat  int64    `json:"beat"`
	Nodes []string `json:"nodes"`
}

// attendance is whether a node polls a server. The fleet's mu guards it.
type attendance struct {
	// open counts the polls at this server; lost is when the node was last found without
	// one, by this server's clock, and grace for how long it may be so.
	open  int
	lost  time.Time
	grace time.Duration
	// own tells that the last server known to be polled was this one.
	own bool
}

// others is what is known of the servers that share the store.
type others struct {
	// heard is what was last seen of each one's record, by its name, and when.
	heard map[string]otherBeat
	// nodes are those that poll one that lives, and when it last showed that it does.
	nodes map[string]time.Time
}

type otherBeat struct {
	beat int64
	at   time.Time
}

// Attend notes that a node polls this server, until done is called.
func (f *Fleet) Attend(node string) (done func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.gone(node)
	a := f.attends[node]
	if a == nil {
		a = &attendance{}
		f.attends[node] = a
	}
	a.open++
	a.own = true
	f.seenNow(node)
	if was.gone {
		f.wake()
	}
	f.noteAttendance()
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if a.open--; a.open > 0 || f.attends[node] != a {
			return
		}
		a.lost, a.grace = f.now(), min(pollGrace, f.unreachable)
		time.AfterFunc(a.grace+time.Millisecond, func() { f.recheck(node) })
	}
}

// recheck tells those who wait of a node that was without a poll for its grace.
func (f *Fleet) recheck(node string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone(node).gone {
		f.wake()
	}
	f.noteAttendance()
}

// seenNow notes that a node was heard of. The caller holds mu.
func (f *Fleet) seenNow(node string) *heard {
	h := f.heard[node]
	if h == nil {
		h = &heard{}
		f.heard[node] = h
	}
	h.seen = f.now()
	return h
}

// noteAttendance has the record of this server written anew. The caller holds mu.
func (f *Fleet) noteAttendance() {
	select {
	case f.attendance <- struct{}{}:
	default:
	}
}

// absence is whether a node is gone.
type absence struct {
	gone, suspect bool
	// seen is when a server last heard of it; left is for how long the answer holds if
	// nothing else is heard, 0 for ever.
	seen time.Time
	left time.Duration
}

// gone judges by polls and reports whether a node is there. The caller holds mu.
func (f *Fleet) gone(node string) absence {
	now := f.now()
	var out absence
	if h := f.heard[node]; h != nil {
		out.seen = h.seen
	}
	a := f.attends[node]
	if a != nil && a.own {
		out.seen = latest(out.seen, a.lost) // a poll stood until then
	}
	if at, ok := f.others.nodes[node]; ok && (a == nil || a.open == 0 && (!a.own || at.After(a.lost))) {
		out.seen = latest(out.seen, at)
		return out
	}
	since, limit := out.seen, f.unreachable
	switch {
	case a != nil && a.open == 0: // it had polls, and has none
		since, limit = latest(since, a.lost), min(a.grace, f.unreachable)
	case a == nil && since.IsZero(): // not heard in this server's life
		since, limit = f.started, min(serverGrace, f.unreachable)
	}
	quiet := now.Sub(since)
	out.gone = quiet > limit
	if left := limit - quiet; !out.gone {
		out.left = left + time.Millisecond
	}
	if lasting := f.unreachable - quiet; out.gone && a != nil && lasting > 0 {
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

// followOthers keeps what is known of the nodes at other servers, until ctx ends.
func (f *Fleet) followOthers(ctx context.Context) {
	for ctx.Err() == nil {
		_, changed := f.presence.All()
		f.lookAtOthers(ctx)
		stale := time.NewTimer(presenceBeat / 2)
		select {
		case <-changed:
		case <-stale.C:
		case <-ctx.Done():
		}
		stale.Stop()
	}
}

// lookAtOthers takes in the records of other servers.
func (f *Fleet) lookAtOthers(ctx context.Context) {
	records, _ := f.presence.All()
	now := f.now()
	var ended []string
	f.mu.Lock()
	nodes, alive := map[string]time.Time{}, map[string]bool{}
	for life, e := range records {
		if life == f.life {
			continue
		}
		h, known := f.others.heard[life]
		if !known || h.beat != e.Value.Beat {
			h = otherBeat{e.Value.Beat, now}
			f.others.heard[life] = h
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
	for life := range f.others.heard {
		if !alive[life] {
			serverEnded = true
		}
		if _, there := records[life]; !there {
			delete(f.others.heard, life)
		}
	}
	f.moved(nodes, serverEnded)
	f.mu.Unlock()
	for _, life := range ended {
		if _, err := f.store.Txn(ctx, []store.Cond{{Key: prefixPresence + life, Revision: records[life].Revision}}, []store.Op{store.Delete(prefixPresence + life)}); err != nil {
			f.log.Debug("the record of a server that ended stays in the store", "server", life, "error", err)
		}
	}
}

// moved takes over which nodes other servers have, and since when others are without
// one. The caller holds mu.
func (f *Fleet) moved(nodes map[string]time.Time, serverEnded bool) {
	grace := dropGrace
	if serverEnded { // its agents look for another one
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
		if a.open == 0 && (!a.own || shown.After(a.lost)) { // else it has polled here since
			a.own = false
			a.lost, a.grace = f.now(), min(grace, f.unreachable)
			time.AfterFunc(a.grace+time.Millisecond, func() { f.recheck(n) })
		}
	}
	for n := range nodes {
		if _, before := was[n]; !before && f.gone(n).gone {
			woken = true
		}
	}
	f.others.nodes = nodes
	if woken {
		f.wake()
	}
}

// attending are the nodes that this server believes to poll it, sorted, and whether other
// servers want to know.
func (f *Fleet) attending() (nodes []string, shared bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	nodes = []string{}
	for n, a := range f.attends {
		if a.open > 0 || a.own && !f.gone(n).gone {
			nodes = append(nodes, n)
		}
	}
	slices.Sort(nodes)
	return nodes, len(f.others.heard) > 0
}

// tellPresence keeps this server's record until ctx ends, and removes it then.
func (f *Fleet) tellPresence(ctx context.Context) {
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

// newLife names the life of a server.
func newLife() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}
