package audit

import (
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Refusals cost whoever asks nothing, so they must not cost others their entries, nor
// fill the log. They are kept apart from what was carried out; equal ones within a
// while are told as one with a count, and those of a user who is refused all the time
// as one however much they differ.
const (
	// window is for how long equal refusals are counted together.
	window = time.Minute
	// ownRate and ownBurst are how many different refusals of one user are entries of
	// their own, in a second and at once.
	ownRate  = 1
	ownBurst = 60
	// claimedEvery is how often one more of the logins that failed is an entry of its own,
	// after ownBurst of them, whoever they are of: strangers must not displace what known
	// users were refused.
	claimedEvery = 30 * time.Second
	// maxCounted bounds the refusals that are counted at once, over all users.
	maxCounted = 4096
	// several is the operation of an entry for refusals that differ.
	several = "(several)"
)

// refused reports whether an entry is of a write that was not carried out.
func (e *Entry) refused() bool { return e.Status >= 400 }

// refusal is what equal refusals have in common.
type refusal struct {
	author, from, operation, target, fault string
	status                                 int
	claimed                                bool
}

// counted is a refusal that has an entry, and how many came after it.
type counted struct {
	entry Entry
	more  int
	since time.Time
}

// refusals counts. The zero value is ready.
type refusals struct {
	mu      sync.Mutex
	recent  map[refusal]*counted
	callers map[string]*rate.Limiter
	claimed *rate.Limiter
}

// user is whose an author's name is: all tokens of one are one.
func user(author string) string {
	name, _, _ := strings.Cut(author, "!")
	return name
}

// count takes a refusal and returns the entry to be made of it now; ok is false if it
// was counted for later.
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

// limiter is the one that the entries of a user count for, and of logins that failed.
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

// due returns the entries for what was counted, of what began before a time.
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
