package limit

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// ErrBusy tells that there is no room for the request's body now. It may be sent again.
var ErrBusy = errors.New("the server is busy with the bodies of other requests: try again in a few seconds")

// RetryAfter is what an answer with ErrBusy says in its header Retry-After, in
// seconds.
const RetryAfter = "5"

// BodyTimeout is how long a request's body may take to arrive.
const BodyTimeout = 30 * time.Second

// Bodies is how much of requests' bodies a server keeps at once. The zero value is not
// good; DefaultBodies is.
type Bodies struct {
	// Total bounds all together, in bytes, and Share those of one principal: a user, a
	// token, a node, or for those who have not shown who they are an address.
	Total, Share int64
	// Wait is how long a request waits for room.
	Wait time.Duration
	// Timeout is how long a body may take to arrive.
	Timeout time.Duration
}

// DefaultBodies leaves room for eight of the largest requests, and two of each
// principal.
var DefaultBodies = Bodies{Total: 128 << 20, Share: 32 << 20, Wait: 5 * time.Second, Timeout: BodyTimeout}

// Budget is the memory that the bodies of all requests share. Make one with
// NewBudget.
type Budget struct {
	bounds Bodies
	count  *counter

	mu      sync.Mutex
	used    int64
	byOwner map[string]int64
	freed   chan struct{} // closed when something was given back
}

// NewBudget makes a budget.
func NewBudget(bounds Bodies, log *slog.Logger) *Budget {
	return &Budget{bounds: bounds, count: newCounter(log), byOwner: make(map[string]int64), freed: make(chan struct{})}
}

const refusedBody = "requests are refused: the bodies of others take all the memory that there is for them"

// Handler serves requests whose bodies are within the budget from the first byte that
// is read until they are answered, and arrive in time, whoever reads them. What nobody
// reads costs nothing.
func (b *Budget) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		read := &body{ReadCloser: r.Body, budget: b, owner: hostOf(r.RemoteAddr), rc: http.NewResponseController(w), declared: r.ContentLength}
		defer read.release()
		// Without it the connection would wait for ever for a body that does not come,
		// even after the answer.
		_ = read.rc.SetReadDeadline(time.Now().Add(b.bounds.Timeout)) // not every writer can (those of tests)
		// In a copy: net/http looks at its own request's body to tell whether it may
		// answer before that has come.
		within := *r
		within.Body = read
		next.ServeHTTP(w, &within)
	})
}

// Own tells whose a request is, before its body is read.
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
		// The wait was not the client's.
		_ = b.rc.SetReadDeadline(time.Now().Add(b.budget.bounds.Timeout))
	}
	n, err := b.ReadCloser.Read(p)
	if b.read += int64(n); b.read > b.taken {
		// Of unknown length: one that waits in the middle of it might wait for another
		// that does the same.
		if !b.budget.take(b.owner, b.read-b.taken) {
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

// take takes from the budget what there is.
func (b *Budget) take(owner string, n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+n > b.bounds.Total || b.byOwner[owner]+n > b.bounds.Share {
		return false
	}
	b.used += n
	b.byOwner[owner] += n
	return true
}

// wait takes from the budget, as soon as there is so much.
func (b *Budget) wait(owner string, n int64) error {
	over := time.NewTimer(b.bounds.Wait)
	defer over.Stop()
	for {
		b.mu.Lock()
		freed := b.freed
		b.mu.Unlock()
		if b.take(owner, n) {
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

// Used is how many bytes are taken.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}
