package agent

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"github.com/viaduct-sdn/viaduct/internal/livequery"
)

// Bounds of the records of the log that the agent keeps in memory for live queries.
const (
	maxRecords = 500
	// maxRecord is the longest text of a record in bytes.
	maxRecord = 1000
)

// recentLog holds the newest records of the agent's log.
type recentLog struct{ ring[livequery.LogRecord] }

func newRecentLog() *recentLog {
	return &recentLog{ring[livequery.LogRecord]{most: maxRecords}}
}

// recordHandler is a slog.Handler that adds the records that another one handles to a log. text
// writes a record's attributes.
type recordHandler struct {
	slog.Handler
	to   *recentLog
	text slog.Handler
	buf  *lockedBuffer
}

// lockedBuffer is the text of one record; mu is held while it is written and read.
type lockedBuffer struct {
	mu sync.Mutex
	strings.Builder
}

// recording returns a logger that also adds its records to the log.
func (l *recentLog) recording(log *slog.Logger) *slog.Logger {
	buf := &lockedBuffer{}
	text := slog.NewTextHandler(buf, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
			return slog.Attr{}
		}
		return a
	}})
	return slog.New(&recordHandler{log.Handler(), l, text, buf})
}

// Handle implements slog.Handler.
func (r *recordHandler) Handle(ctx context.Context, rec slog.Record) error {
	r.buf.mu.Lock()
	r.buf.Reset()
	_ = r.text.Handle(ctx, rec) // a Builder takes everything
	text := strings.TrimSpace(rec.Message + " " + r.buf.String())
	r.buf.mu.Unlock()
	if len(text) > maxRecord {
		text = strings.ToValidUTF8(text[:maxRecord], "") + "…"
	}
	r.to.add(livequery.LogRecord{Time: rec.Time, Level: rec.Level.String(), Text: text})
	return r.Handler.Handle(ctx, rec)
}

// WithAttrs implements slog.Handler.
func (r *recordHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &recordHandler{r.Handler.WithAttrs(attrs), r.to, r.text.WithAttrs(attrs), r.buf}
}

// WithGroup implements slog.Handler.
func (r *recordHandler) WithGroup(name string) slog.Handler {
	return &recordHandler{r.Handler.WithGroup(name), r.to, r.text.WithGroup(name), r.buf}
}
