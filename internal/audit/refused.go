package audit

import (
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rejected requests cost the client nothing, so they must not displace the entries of
// others, nor fill the log. They are kept separate from completed writes; equal ones
// within a while become one entry with a count, and those of a user with continuous
// rejections become one regardless of their differences.
const (
	// window is for how long equal refusals are counted together.
	window = time.Minute
	// ownRate and ownBurst are how many different refusals of one user are entries of
	// their own, in a second and at once.
	ownRate  = 1
	ownBurst = 60
	// claimedEvery is the interval at which failed logins get an entry of their own, after
	// ownBurst of them, for all users together: strangers must not displace the rejections
	// of known users.
	claimedEvery = 30 * time.Second
	// maxCounted bounds the rejections that are counted at once, over all users.
	maxCounted = 4096
	// several is the operation of an entry for different rejections.
	several = "(several)"
)

// refused reports whether an entry is of a write that was not carried out.
func (e *Entry) refused() bool { return e.Status >= 400 }

// refusal is what equal rejections have in common.
type refusal struct {
	author, from, operation, target, fault string
	status                                 int
	claimed                                bool
}

// counted is a rejection that has an entry, and how many came after it.
type counted struct {
	entry Entry
	more  int
	since time.Time
}

// refusals counts rejections. The zero value is ready to use.
type refusals struct {
	mu      sync.Mutex
	recent  map[refusal]*counted
	callers map[string]*rate.Limiter
	claimed *rate.Limiter
}

// user is the user of an author: all tokens of a user count as the user.
func user(author string) string {
	name, _, _ := strings.Cut(author, "!")
	return name
}

// count counts a rejection and returns the entry to record now; ok is false if it was
// counted for later.
func (r *refusals) count(e Entry, now time.Time) (_ Entry, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.recent == nil {
		r.recent, r.callers = make(map[refusal]*counted), make(map[string]*rate.Limiter)
		r.claimed = rate.NewLimiter(rate.Every(claimedEvery), ownBurst)
	}
	key := refusal{e.Author, e.From, e.Operation, e.Target, e.Error, e.Status, e.Claimed}
	if c := r.recent[key]; c != nil {
		c.more++
		return e, false
	}
	who := user(e.Author)
	if len(r.recent) >= maxCounted || !r.limiter(e.Claimed, who).AllowN(now, 1) {
		if e.Claimed {
			who = several
		}
		e = Entry{Author: who, Operation: several, Status: e.Status, Error: e.Error, Claimed: e.Claimed}
		key = refusal{author: who, operation: several, claimed: e.Claimed}
		if c := r.recent[key]; c != nil {
			c.more++
			return e, false
		}
	}
	r.recent[key] = &counted{entry: e, since: now}
	return e, true
}

// limiter returns the limiter for the entries of a user, or for failed logins.
func (r *refusals) limiter(claimed bool, who string) *rate.Limiter {
	if claimed {
		return r.claimed
	}
	own := r.callers[who]
	if own == nil {
		own = rate.NewLimiter(ownRate, ownBurst)
		r.callers[who] = own
	}
	return own
}

// due returns the entries for counted rejections that began before a time.
func (r *refusals) due(before time.Time) []Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Entry
	for key, c := range r.recent {
		if c.since.After(before) {
			continue
		}
		if delete(r.recent, key); c.more > 0 {
			c.entry.Count = c.more
			out = append(out, c.entry)
		}
	}
	for who, l := range r.callers {
		if l.TokensAt(before.Add(window)) >= ownBurst {
			delete(r.callers, who)
		}
	}
	return out
}
