package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

const (
	// healthTimeout limits one round of checks, healthEvery is how long its result is
	// cached: clients need no authentication, and must not load the store.
	healthTimeout = 3 * time.Second
	healthEvery   = time.Second
)

// check is the result for one dependency of a server.
type check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Message is a short description of the problem, without anything of the
	// configuration: details are in the log.
	Message string `json:"message,omitempty"`
}

// health is the answer of /readyz.
type health struct {
	Ready  bool    `json:"ready"`
	Checks []check `json:"checks"`
}

// checker checks whether the server is ready.
type checker struct {
	s *Server
	// load reads the configuration from the store.
	load func(context.Context) error

	mu   sync.Mutex
	last health
	at   time.Time
}

// routes serves /healthz, for the liveness of the process, and /readyz, for its readiness.
// Both need no login and reveal nothing of the configuration.
func (c *checker) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		answerHealth(w, r, health{Ready: true, Checks: []check{}})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { answerHealth(w, r, c.check()) })
}

// check returns the result of the checks, from the cache if it is recent.
func (c *checker) check() health {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() && time.Since(c.at) < healthEvery && c.last.Ready {
		checks := slices.Clone(c.last.Checks)
		checks[0] = c.s.listening() // needs no I/O
		return health{checks[0].OK, checks}
	}
	// Not the request's context: other callers use the result, too.
	ctx, cancel := context.WithTimeout(context.Background(), healthTimeout)
	defer cancel()
	stored, loaded := check{Name: "store", OK: true}, check{Name: "configuration", OK: true}
	if _, err := c.s.cfg.Store.Get(ctx, "config/running"); err != nil && !errors.Is(err, store.ErrNotFound) {
		c.s.log.Warn("not ready: the store does not answer", "error", err)
		stored.OK, stored.Message = false, "does not answer; the server's log says why"
		loaded.OK, loaded.Message = false, "cannot be read without the store"
	} else if err := c.load(ctx); err != nil {
		c.s.log.Warn("not ready: the configuration cannot be read", "error", err)
		loaded.OK, loaded.Message = false, "cannot be read; the server's log says why"
	}
	if text := c.s.filling(); stored.OK {
		stored.Message = text
	}
	checks := []check{c.s.listening(), stored, loaded}
	ready := true
	for _, one := range checks {
		ready = ready && one.OK
	}
	c.last, c.at = health{ready, checks}, time.Now()
	return c.last
}

// listening checks the listeners.
func (s *Server) listening() check {
	c := check{Name: "listeners", OK: true}
	select {
	case <-s.stop:
		c.OK, c.Message = false, "the server is stopping"
	default:
		if up, all := int(s.serving.Load()), 1+len(s.cfg.Listeners); up < all {
			c.OK, c.Message = false, fmt.Sprintf("%d of %d are up", up, all)
		}
	}
	return c
}

// answerHealth writes the result: as JSON if the client accepts it, otherwise as text.
func answerHealth(w http.ResponseWriter, r *http.Request, h health) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	status := http.StatusOK
	if !h.Ready {
		status = http.StatusServiceUnavailable
	}
	if strings.Contains(r.Header.Get("Accept"), "json") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(h) // fails if the client is disconnected
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	text := "ok\n"
	if !h.Ready {
		text = "not ready\n"
	}
	for _, c := range h.Checks {
		if c.OK && c.Message != "" {
			text += c.Name + ": ok, " + c.Message + "\n"
		} else if c.OK {
			text += c.Name + ": ok\n"
		} else {
			text += c.Name + ": " + c.Message + "\n"
		}
	}
	_, _ = w.Write([]byte(text))
}

// fillWarnings are the fill levels of an embedded store, in percent, that are reported.
var fillWarnings = []int64{90, 75, 50}

// filling returns the warning about a store that fills up, or empty.
func (s *Server) filling() string {
	st, ok := s.cfg.Store.(interface {
		Used() (used, most int64, ok bool)
	})
	if !ok {
		return ""
	}
	used, most, ok := st.Used()
	if !ok || most == 0 {
		return ""
	}
	for _, from := range fillWarnings {
		if used*100/most >= from {
			return fmt.Sprintf("more than %d %% of the store's %d MiB are in use", from, most>>20)
		}
	}
	return ""
}

// warnings returns the problems of the server, for clients that read the status.
func (s *Server) warnings() []message.Message {
	text := s.filling()
	if text == "" {
		return nil
	}
	return []message.Message{msgStoreFilling.Of(text)}
}

var msgStoreFilling = message.Define("store-filling",
	"{usage}",
	"when it is full only discarding, deleting and user management work: apply or discard pending edits, prune the history (viaduct history prune), and delete what is not needed",
	"The store has a maximum size. A store that is full accepts no new objects, revisions or reports.")
