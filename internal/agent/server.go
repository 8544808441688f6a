package agent

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// maxDocument bounds what the agent reads of one answer, in bytes.
const maxDocument = 256 << 20

// errUnchanged: the long poll ended without a newer document.
var errUnchanged = errors.New("unchanged")

// serverLink talks to whichever of the servers answers.
type serverLink struct {
	servers *servers
	client  atomic.Pointer[http.Client]
	log     *slog.Logger
}

// connectTimeout bounds the wait for a connection: another server may answer.
const connectTimeout = 5 * time.Second

func newServerLink(id *Identity, d *disk, log *slog.Logger) (*serverLink, error) {
	cfg, err := id.tls()
	if err != nil {
		return nil, err
	}
	l := &serverLink{servers: openServers(d, id.Servers), log: log}
	l.reconnect(cfg)
	return l, nil
}

// reconnect makes the requests that follow use connections of their own, for which the
// identity's certificate of now is shown. Those that wait go on.
func (l *serverLink) reconnect(cfg *tls.Config) {
	l.client.Store(&http.Client{Transport: &http.Transport{
		TLSClientConfig:       cfg,
		Protocols:             pki.OnlyHTTP2(),
		DialContext:           (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout:   connectTimeout,
		ResponseHeaderTimeout: protocol.MaxPoll + 15*time.Second,
		IdleConnTimeout:       2 * time.Minute,
		// A server that vanished without a word must be noticed long
		// before TCP would.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
	}})
}

// server is the base URL of the current server.
func (l *serverLink) server() string { return l.servers.now() }

// do sends one request to the current server and, when that does not answer or cannot
// serve, makes the next one current.
func (l *serverLink) do(ctx context.Context, method, path string, in, out any) error {
	server := l.server()
	err := l.send(ctx, method, server, path, in, out)
	var answered *api.Error
	down := err != nil && !errors.Is(err, errUnchanged) && (!errors.As(err, &answered) || answered.Status >= http.StatusInternalServerError)
	if down && ctx.Err() == nil {
		l.servers.failed(server)
		if next := l.server(); next != server {
			l.log.Info("a server does not answer; trying the next", "server", server, "next", next, "error", err)
		}
	}
	return err
}

func (l *serverLink) send(ctx context.Context, method, server, path string, in, out any) error {
	target := server + path
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := l.client.Load().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode < http.StatusInternalServerError {
		if err := l.servers.answered(server, strings.Split(resp.Header.Get(api.ServersHeader), ",")); err != nil {
			l.log.Warn("cannot remember the servers", "error", err)
		}
	}
	switch {
	case resp.StatusCode == http.StatusNotModified:
		return errUnchanged
	case resp.StatusCode >= 300:
		return answerError(resp)
	case out == nil:
		return nil
	}
	if r, ok := out.(*received); ok {
		r.Hash = strings.Trim(resp.Header.Get("ETag"), `"`)
		r.Document = &document.Document{}
		out = r.Document
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxDocument)).Decode(out); err != nil {
		return fmt.Errorf("the answer of %s is damaged: %w", target, err)
	}
	return nil
}

// answerError reads a problem document.
func answerError(resp *http.Response) error {
	e := &api.Error{Status: resp.StatusCode, Title: resp.Status}
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
		if json.Unmarshal(b, e) == nil {
			return e
		}
	}
	e.Detail = strings.TrimSpace(string(b))
	return e
}

// poll keeps a long poll open and applies every document it returns.
func (a *Agent) poll(ctx context.Context, link *serverLink) {
	wait := backoff{}
	for ctx.Err() == nil {
		doc := &received{}
		err := link.do(ctx, http.MethodGet, "/agent/v1/desired?have="+url.QueryEscape(a.currentHash()), nil, doc)
		switch {
		case errors.Is(err, errUnchanged):
			a.setNodeError(message.Message{})
			wait.reset()
			continue
		case err == nil:
			if err = a.accept(doc); err == nil {
				wait.reset()
				continue
			}
			a.setNodeError(msgDocumentUnusable.Of(err))
			a.Log.Error("cannot take the new document", "revision", doc.Document.Revision, "error", err)
		case ctx.Err() != nil:
			return
		default:
			a.Log.Warn("no server answers; the node goes on with what it has", "error", err)
		}
		wait.sleep(ctx)
	}
}

// accept checks a document before it becomes the current one.
func (a *Agent) accept(r *received) error {
	doc := r.Document
	if doc.Format > document.Format {
		return fmt.Errorf("revision %d comes in document format %d, this agent reads up to %d; the node keeps the revision it has: upgrade the agent", doc.Revision, doc.Format, document.Format)
	}
	if doc.Node != a.identity.Node {
		return fmt.Errorf("the server sent the document of node %q to node %q; it was not used", doc.Node, a.identity.Node)
	}
	return a.setDocument(r)
}

// report sends the status whenever it changed, and as a heartbeat. What is not
// delivered is not queued: the next report is newer.
func (a *Agent) report(ctx context.Context, link *serverLink) {
	wait := backoff{}
	for ctx.Err() == nil {
		a.mu.Lock()
		status, changed := a.status, a.changed
		nodeErr, found := a.nodeError, a.found
		a.mu.Unlock()
		if status != nil {
			var err error
			s := *status
			withFindings(&s, found)
			if nodeErr.Text != "" && !strings.Contains(s.Message, nodeErr.Text) {
				if s.Message == "" {
					s.Details = nodeErr.Details
				}
				s.Message, s.State = strings.TrimSpace(s.Message+"\n"+nodeErr.Text), protocol.Degraded
			}
			if s.Load, err = a.load.read(); err != nil {
				a.Log.Debug("cannot measure the load of the node", "error", err)
			}
			if err := link.do(ctx, http.MethodPost, "/agent/v1/status", &s, nil); err != nil {
				a.Log.Debug("cannot report", "error", err)
				wait.sleep(ctx)
				continue
			}
			wait.reset()
		}
		beat := time.NewTimer(heartbeat)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-beat.C:
		}
		beat.Stop()
	}
}

// backoff is the growing wait between tries at a server.
type backoff struct{ next time.Duration }

const (
	minBackoff = 200 * time.Millisecond
	maxBackoff = 10 * time.Second
)

func (b *backoff) reset() { b.next = 0 }

func (b *backoff) sleep(ctx context.Context) {
	b.next = min(max(2*b.next, minBackoff), maxBackoff)
	sleep.Context(ctx, b.next)
}
