package limit

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// ErrBusy is the error if there is no room for a request's body now. Clients may retry.
var ErrBusy = errors.New("the server is busy with the bodies of other requests: try again in a few seconds")

// RetryAfter is the header Retry-After of an answer with ErrBusy, in seconds.
const RetryAfter = "5"

// BodyTimeout is how long a request's body may take to arrive.
const BodyTimeout = 30 * time.Second

// Bodies limits the memory for requests' bodies. The zero value is invalid;
// use DefaultBodies.
type Bodies struct {
	// Total limits all bodies together, in bytes, and Share those of one principal: a user,
	// a token, a node or, for unauthenticated clients, an address.
	Total, Share int64
	// Wait is how long a request waits for room.
	Wait time.Duration
	// Timeout is how long a body may take to arrive.
	Timeout time.Duration
}

// DefaultBodies has room for eight of the largest requests, and two of each
// principal.
var DefaultBodies = Bodies{Total: 128 << 20, Share: 32 << 20, Wait: 5 * time.Second, Timeout: BodyTimeout}

// Budget is the memory that the bodies of all requests share. NewBudget creates one.
type Budget struct {
	bounds Bodies
	count  *counter

	mu      sync.Mutex
	used    int64
	byOwner map[string]int64
	freed   chan struct{} // closed when memory was released
}

// NewBudget creates a budget.
func NewBudget(bounds Bodies, log *slog.Logger) *Budget {
	return &Budget{bounds: bounds, count: newCounter(log), byOwner: make(map[string]int64), freed: make(chan struct{})}
}

const refusedBody = "requests are refused: the bodies of others take all the memory that there is for them"

// Handler serves requests with bodies that are within the budget from the first byte
// read until the answer, and that arrive in time. A body that is never read uses no
// budget.
func (b *Budget) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		read := &body{ReadCloser: r.Body, budget: b, owner: hostOf(r.RemoteAddr), rc: http.NewResponseController(w), declared: r.ContentLength}
		defer read.release()
		// Without it the connection would wait for ever for a body that does not arrive,
		// even after the answer.
		_ = read.rc.SetReadDeadline(time.Now().Add(b.bounds.Timeout)) // not every writer supports it (those of tests)
		// In a copy: net/http inspects its own request's body to decide whether it may
		// answer before that has arrived.
		within := *r
		within.Body = read
		next.ServeHTTP(w, &within)
	})
}

// Own sets the principal of a request, before its body is read.
func Own(r *http.Request, principal string) {
	if b, ok := r.Body.(*body); ok && b.taken == 0 {
		b.owner = principal
	}
}

// body is a request's body. One goroutine reads it.
type body struct {
	io.ReadCloser
	budget   *Budget
	owner    string
	rc       *http.ResponseController
	declared int64 // -1 if unknown
	read     int64
	taken    int64
	err      error
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.taken == 0 && b.declared > 0 {
		if b.err = b.budget.wait(b.owner, b.declared); b.err != nil {
			return 0, b.err
		}
		b.taken = b.declared
		// The client did not cause this wait.
		_ = b.rc.SetReadDeadline(time.Now().Add(b.budget.bounds.Timeout))
	}
	n, err := b.ReadCloser.Read(p)
	if b.read += int64(n); b.read > b.taken {
		// Of unknown length: a wait in the middle of a body could be a deadlock with
		// another one.
		if !b.budget.reserve(b.owner, b.read-b.taken) {
			b.err = b.budget.refuse(b.owner)
			return 0, b.err
		}
		b.taken = b.read
	}
	if err != nil {
		b.err = err
	}
	if errors.Is(err, io.EOF) || b.read == b.declared {
		// It has arrived: a deadline would end the request itself.
		_ = b.rc.SetReadDeadline(time.Time{})
	}
	return n, err
}

func (b *body) release() { b.budget.give(b.owner, b.taken) }

// reserve reserves memory from the budget if it is available.
func (b *Budget) reserve(owner string, n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+n > b.bounds.Total || b.byOwner[owner]+n > b.bounds.Share {
		return false
	}
	b.used += n
	b.byOwner[owner] += n
	return true
}

// wait reserves memory from the budget as soon as it is available.
func (b *Budget) wait(owner string, n int64) error {
	over := time.NewTimer(b.bounds.Wait)
	defer over.Stop()
	for {
		b.mu.Lock()
		freed := b.freed
		b.mu.Unlock()
		if b.reserve(owner, n) {
			return nil
		}
		if n > b.bounds.Share {
			return b.refuse(owner)
		}
		select {
		case <-freed:
		case <-over.C:
			return b.refuse(owner)
		}
	}
}

func (b *Budget) refuse(owner string) error {
	b.count.note(refusedBody, "most", b.bounds.Total, "of-one", b.bounds.Share, "of", owner)
	return ErrBusy
}

func (b *Budget) give(owner string, n int64) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	if b.byOwner[owner] -= n; b.byOwner[owner] == 0 {
		delete(b.byOwner, owner)
	}
	close(b.freed)
	b.freed = make(chan struct{})
}

// Used returns how many bytes are reserved.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}
