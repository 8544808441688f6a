// Package client is a client of Viaduct's native HTTP interface (see pkg/api) for Go
// programs: the command line uses it, and any other program may.
//
//	c, err := client.New("unix:///var/lib/viaduct/api.sock")
//	_, err = c.Put(ctx, &api.VNet{ID: "blue", Zone: "overlay", Tag: 100}, "")
//	plan, err := c.Plan(ctx)
//	_, err = c.Apply(ctx, api.ApplyRequest{Plan: plan.Token})
//
// A request that the server refuses returns an *api.Error; one that does not reach a
// server returns an *UnreachableError. A Client is safe for concurrent use and need not
// be closed.
package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// maxAnswer bounds how much of an answer is read, in bytes.
const maxAnswer = 512 << 20

// answerTimeout bounds the wait for the first byte of an answer. It is longer
// than the server holds a long poll open.
const answerTimeout = 2 * time.Minute

// maxIdle bounds how many connections are kept for later requests.
const maxIdle = 64

// IfAbsent is passed to Put in place of an ETag to demand that the object does not exist
// yet.
const IfAbsent = "absent"

// Client is connected to a cluster through one of its servers. If that does not answer
// it tries the next one.
type Client struct {
	target  string // as given to New, for messages
	servers *servers
	token   string
	notice  func(string)
}

// Option changes how New makes a client.
type Option func(*options)

type options struct {
	certFile, keyFile, caFile, token string
	notice                           func(string)
	remembered                       Servers
	remember                         func(Servers)
}

// WithTLS makes an https client present the certificate of certFile and keyFile (both
// PEM; both empty: none) and trust the authorities in caFile (PEM; empty: those of the
// system).
func WithTLS(certFile, keyFile, caFile string) Option {
	return func(o *options) { o.certFile, o.keyFile, o.caFile = certFile, keyFile, caFile }
}

// WithToken makes a client send an API token, "user@realm!name=secret"; an empty one is
// none. It takes precedence over a certificate, and over the rights of users who may
// open the socket.
func WithToken(token string) Option {
	return func(o *options) { o.token = token }
}

// WithNotice sets a function that receives the servers' notices: that some objects may
// be hidden from the caller. It may be called by several goroutines.
func WithNotice(notice func(text string)) Option {
	return func(o *options) { o.notice = notice }
}

// WithMemory makes a client begin with the server that answered last, and with those
// that servers advertised, as they were remembered; and has them remembered whenever
// they change. It applies to https servers only.
func WithMemory(remembered Servers, remember func(Servers)) Option {
	return func(o *options) { o.remembered, o.remember = remembered, remember }
}

// New returns a client of the servers at target, separated by commas:
// "unix:///path/of/api.sock", or "https://host:port" together with WithTLS, WithToken or
// both. It does not connect yet.
func New(target string, opts ...Option) (*Client, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	known, err := newServers(target, &o)
	if err != nil {
		return nil, err
	}
	return &Client{target: target, servers: known, token: o.token, notice: o.notice}, nil
}

func (o options) tls() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS13}
	if o.caFile != "" {
		pem, err := os.ReadFile(o.caFile)
		if err != nil {
			return nil, fmt.Errorf("reading the authority's certificate: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no PEM certificate", o.caFile)
		}
	}
	if o.certFile != "" || o.keyFile != "" {
		cert, err := tls.LoadX509KeyPair(o.certFile, o.keyFile)
		if err != nil {
			return nil, fmt.Errorf("loading the client certificate %s with key %s: %w", o.certFile, o.keyFile, err)
		}
		cfg.Certificates = []tls.Certificate{cert}
	}
	return cfg, nil
}

// call is one request and the destination of its answer.
type call struct {
	method, path string
	query        url.Values
	body         any    // sent as JSON unless nil
	ifMatch      string // sent as If-Match unless empty
	have         string // version sent as If-None-Match unless empty; into then may stay as it is
	into         any    // decoded from JSON unless nil
}

// do makes one call: body and into are JSON. It returns the ETag of the answer.
func (c *Client) do(ctx context.Context, q call) (string, error) {
	resp, err := c.send(ctx, q)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	c.notices(resp)
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return "", c.unreachable(ctx, err)
	}
	if resp.StatusCode == http.StatusNotModified {
		return resp.Header.Get("ETag"), nil
	}
	if resp.StatusCode/100 != 2 {
		return "", problem(resp, body)
	}
	if q.into != nil {
		if err := json.Unmarshal(body, q.into); err != nil {
			return "", fmt.Errorf("%s %s at %s: the answer is not understood (client and server of different releases?): %w",
				q.method, q.path, c.target, err)
		}
	}
	return resp.Header.Get("ETag"), nil
}

// send sends a call to the server that answered last, and to the next ones while none
// answers. A call that may have been carried out is only repeated if it changes nothing.
func (c *Client) send(ctx context.Context, q call) (*http.Response, error) {
	var first error
	for tried := range c.servers.count() {
		at := c.servers.active()
		req, err := c.request(ctx, at.base, q)
		if err != nil {
			return nil, err
		}
		resp, err := at.http.Do(req)
		last := tried == c.servers.count()-1
		switch {
		case err == nil && (resp.StatusCode != http.StatusServiceUnavailable || !harmless(q.method) || last):
			c.servers.answered(at, resp)
			return resp, nil
		case err == nil: // its store does not answer; that of another may
			_ = resp.Body.Close()
			first = cmp.Or(first, problem(resp, nil))
		case ctx.Err() != nil, !harmless(q.method) && !notSent(err):
			return nil, c.unreachable(ctx, err)
		default:
			first = cmp.Or(first, err)
		}
		c.servers.failed(at)
	}
	return nil, c.unreachable(ctx, first)
}

// harmless reports whether a call can be repeated.
func harmless(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// notSent reports whether a request did not reach a server: there was no connection.
func notSent(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return true
	}
	var (
		unverified *tls.CertificateVerificationError
		dns        *net.DNSError
	)
	return errors.As(err, &unverified) || errors.As(err, &dns)
}

// notices passes on the notices in the server's answer.
func (c *Client) notices(resp *http.Response) {
	if c.notice == nil {
		return
	}
	for _, text := range resp.Header.Values(api.NoticeHeader) {
		c.notice(text)
	}
}

func (c *Client) request(ctx context.Context, base string, q call) (*http.Request, error) {
	var body io.Reader
	if q.body != nil {
		b, err := json.Marshal(q.body)
		if err != nil {
			return nil, fmt.Errorf("encoding the request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	u := base + q.path
	if len(q.query) > 0 {
		u += "?" + q.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, q.method, u, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if q.have != "" {
		req.Header.Set("If-None-Match", strconv.Quote(q.have))
	}
	switch q.ifMatch {
	case "":
	case IfAbsent:
		req.Header.Set("If-None-Match", "*")
	default:
		req.Header.Set("If-Match", q.ifMatch)
	}
	return req, nil
}

// problem returns the error of an answer that is not a success.
func problem(resp *http.Response, body []byte) error {
	e := &api.Error{}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") &&
		json.Unmarshal(body, e) == nil && e.Type != "" {
		return e
	}
	return &api.Error{
		Type: api.TypeInternal, Status: resp.StatusCode, Title: resp.Status,
		Detail: fmt.Sprintf("the answer %s is not one of a Viaduct server; check the address", resp.Status),
	}
}

// UnreachableError is the error of a request that no server answered.
type UnreachableError struct {
	// Target is the address given to New.
	Target string
	// Advice explains the error and suggests a solution.
	Advice string
	// Err is the cause.
	Err error
}

// Error implements error.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("no answer from the server at %s: %v; %s", e.Target, e.Err, e.Advice)
}

// Unwrap gives the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// unreachable explains why the server could not be reached. The end of the caller's own
// context is passed on unchanged.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // the URL in it repeats the target, or is artificial for a socket
	}
	return &UnreachableError{Target: c.target, Advice: c.advice(err), Err: err}
}
