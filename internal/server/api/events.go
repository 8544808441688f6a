package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/server/event"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

const (
	// maxStreams bounds how many clients receive events at once, and ownStreams how many
	// of them may be of one user or token.
	maxStreams = 512
	ownStreams = 64
	// heartbeat is the interval without an event after which a client gets a sign that
	// it is still connected; its permission is then checked again.
	heartbeat = 15 * time.Second
	// sendTimeout bounds how long a client may need to receive what it is sent.
	sendTimeout = 30 * time.Second
)

// events streams events to a client until it disconnects.
func (h *Handler) events(r *request) (any, error) {
	if !h.streams.enter(r.caller.name) {
		return nil, problem.New(http.StatusServiceUnavailable, api.TypeUnavailable,
			"this server tells events to %d clients at once, %d of them of one user or token, and there are as many; close some of them, or ask for the status instead",
			maxStreams, ownStreams)
	}
	defer h.streams.leave(r.caller.name)
	s := &stream{h: h, r: r, rc: http.NewResponseController(r.w)}
	begin := api.EventReady
	if s.at = after(r.Request); s.at == "" {
		s.at = h.Events.Position()
	} else if _, _, ok := h.Events.After(s.at); !ok {
		begin, s.at = api.EventOverflow, h.Events.Position()
	}
	r.w.Header().Set("Content-Type", "text/event-stream")
	r.w.Header().Set("X-Accel-Buffering", "no") // proxies must not collect events
	for _, k := range []model.Kind{model.KindZone, model.KindNode, model.KindGuest} {
		h.notice(r, k)
	}
	if r.Method != http.MethodHead && s.send(api.Event{ID: s.at, Time: time.Now().UTC(), Type: begin}) == nil {
		s.run()
	}
	return written{}, nil // whatever ended it, no client is left to notify
}

// streams counts the clients that receive events.
type streams struct {
	mu  sync.Mutex
	all int
	by  map[string]int // by the caller's name
}

// enter adds one, unless there are too many.
func (s *streams) enter(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= maxStreams || s.by[name] >= ownStreams {
		return false
	}
	if s.by == nil {
		s.by = make(map[string]int)
	}
	s.all++
	s.by[name]++
	return true
}

func (s *streams) leave(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.by[name]--; s.by[name] == 0 {
		delete(s.by, name)
	}
}

// after is the last event that the client has received.
func after(r *http.Request) string {
	if id := r.URL.Query().Get("after"); id != "" {
		return id
	}
	return r.Header.Get("Last-Event-ID")
}

// stream is the event stream of one client.
type stream struct {
	h  *Handler
	r  *request
	rc *http.ResponseController
	at string // the last event processed
}

// run sends events until the client disconnects or is no longer known, or the server
// stops.
func (s *stream) run() {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		entries, more, ok := s.h.Events.After(s.at)
		if !ok {
			s.at = s.h.Events.Position()
			if s.send(api.Event{ID: s.at, Time: time.Now().UTC(), Type: api.EventOverflow}) != nil {
				return
			}
			continue
		}
		for _, e := range entries {
			s.at = e.ID
			if shown, ok := s.h.filter(s.r.caller, e); ok && s.send(shown) != nil {
				return
			}
		}
		if len(entries) > 0 {
			continue
		}
		select {
		case <-more:
		case <-tick.C:
			c, err := s.h.identify(s.r.Request)
			if err != nil || c.name != s.r.caller.name {
				return
			}
			// The number alone, so that the client does not ask for omitted events
			// again.
			if s.write(": heartbeat\nid: %s\n\n", s.at) != nil {
				return
			}
		case <-s.r.Context().Done():
			return
		case <-s.h.Stop:
			return
		}
	}
}

func (s *stream) send(e api.Event) error {
	b, err := json.Marshal(e)
	if err != nil { // plain values only: cannot happen
		panic(err)
	}
	return s.write("id: %s\nevent: %s\ndata: %s\n\n", e.ID, e.Type, b)
}

func (s *stream) write(format string, args ...any) error {
	_ = s.rc.SetWriteDeadline(time.Now().Add(sendTimeout)) // writers in tests have no deadline
	if _, err := fmt.Fprintf(s.r.w, format, args...); err != nil {
		return err
	}
	return s.rc.Flush()
}

// filter returns an event as the caller may see it; ok is false if they may not.
func (h *Handler) filter(c caller, e event.Entry) (shown api.Event, ok bool) {
	if c.admin {
		return e.Event, true
	}
	switch e.Type {
	case api.EventApplied, api.EventTopology:
		return e.Event, true
	case api.EventWarning:
		return e.Event, h.may(c, right{"/", sysRead})
	case api.EventNode:
		return e.Event, h.may(c, right{below(pathNodes, e.Node.Name), sysRead})
	case api.EventPending, api.EventGuest, api.EventLive:
		old := e.Old != nil && h.canRead(c, e.Old, always(e.OldZone))
		new := e.New != nil && h.canRead(c, e.New, always(e.NewZone))
		shown = e.Event
		switch {
		case !old && !new:
			return api.Event{}, false
		case !old && e.Old != nil: // it became visible
			shown.Change = diff.Object(nil, e.New)
		case !new && e.New != nil: // it became invisible, and so did its author
			shown.Change, shown.Author = diff.Object(e.Old, nil), ""
		}
		return shown, true
	case api.EventReady, api.EventOverflow: // the stream's own
	}
	return api.Event{}, false
}

// always returns the zone of the one VNet that is asked for.
func always(zone string) zones { return func(string) string { return zone } }
