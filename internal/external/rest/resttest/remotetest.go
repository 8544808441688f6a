// Package resttest adds failures to the servers that replace external systems in tests.
// Tests use it; the program does not.
package resttest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Fault is a way to fail.
type Fault int

// The faults.
const (
	// Hang never answers.
	Hang Fault = iota
	// Garbage answers 200 with invalid JSON.
	Garbage
	// Internal answers 500 and does nothing.
	Internal
	// Half carries out the request and drops the connection instead of an answer.
	Half
	// Unavailable answers 503 and does nothing.
	Unavailable
)

// Faults wraps a handler.
type Faults struct {
	mu    sync.Mutex
	armed []armed
	seen  []string
}

type armed struct {
	fault        Fault
	method, path string
	times        int
}

// Break makes the next requests of a method, to paths that contain a text, fail.
func (f *Faults) Break(fault Fault, method, path string, times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = append(f.armed, armed{fault, method, path, times})
}

// Requests returns the requests so far as "GET /path", and clears them.
func (f *Faults) Requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.seen
	f.seen = nil
	return out
}

// next is the fault of a request.
func (f *Faults) next(r *http.Request) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, r.Method+" "+r.URL.RequestURI())
	for i := range f.armed {
		a := &f.armed[i]
		if a.times > 0 && a.method == r.Method && strings.Contains(r.URL.Path, a.path) {
			a.times--
			return a.fault, true
		}
	}
	return 0, false
}

// Serve runs a handler behind faults until the test is over; tls gives the server a
// self-signed certificate.
func (f *Faults) Serve(t testing.TB, h http.Handler, tls bool) *httptest.Server {
	t.Helper()
	wrapped := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault, broken := f.next(r)
		if !broken {
			h.ServeHTTP(w, r)
			return
		}
		switch fault {
		case Hang:
			// The server notices that a client has disconnected only after it read the
			// body.
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		case Garbage:
			_, _ = w.Write([]byte("<html>it works!</html>"))
		case Internal:
			http.Error(w, "internal error", http.StatusInternalServerError)
		case Unavailable:
			http.Error(w, "restarting", http.StatusServiceUnavailable)
		case Half:
			h.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
	})
	s := httptest.NewUnstartedServer(wrapped)
	if tls {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(func() {
		s.CloseClientConnections() // ends hanging requests
		s.Close()
	})
	return s
}
