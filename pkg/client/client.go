// Package client speaks Viaduct's native HTTP interface (see pkg/api) for Go
// programs: the command line uses it, and anything else may.
//
//	c, err := client.New("unix:///var/lib/viaduct/api.sock")
//	plan, err := c.Plan(ctx)
//
// A request that the server refuses returns an *api.Error; one that does not
// reach a server returns an *UnreachableError. A Client is safe for concurrent
// use and needs no closing.
package client

import (
	"bytes"
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

// IfAbsent given to Put in place of an ETag, demands that the object does not
// exist yet.
const IfAbsent = "absent"

// Client speaks to one server.
type Client struct {
	target string // as given to New, for messages
	base   string // "https://host:port" or "http://viaduct" for a socket
	http   *http.Client
	token  string
	notice func(string)
}

// Option changes how New makes a client.
type Option func(*options)

type options struct {
	certFile, keyFile, caFile, token string
	notice                           func(string)
}

// WithTLS makes an https client show the certificate of certFile and keyFile
// (both PEM; both empty: none) and trust the authorities in caFile (PEM;
// empty: those of the system).
func WithTLS(certFile, keyFile, caFile string) Option {
	return func(o *options) { o.certFile, o.keyFile, o.caFile = certFile, keyFile, caFile }
}

// WithToken makes a client show an API token, "user@realm!name=secret"; an empty
// one is none. It counts before a certificate, and before the rights of whoever may
// open the socket.
func WithToken(token string) Option {
	return func(o *options) { o.token = token }
}

// WithNotice has a function told what servers remark on their answers: that some
// objects may be hidden from whoever asks. It may be called by several goroutines.
func WithNotice(notice func(text string)) Option {
	return func(o *options) { o.notice = notice }
}

// New makes a client of the server at target: "unix:///path/of/api.sock", or
// "https://host:port" together with WithTLS, WithToken or both. It does not connect
// yet.
func New(target string, opts ...Option) (*Client, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("server address: %w", err)
	}
	t := &http.Transport{
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: answerTimeout,
		IdleConnTimeout:       90 * time.Second,
		// A socket is not multiplexed: who asks many things at once keeps a connection for
		// each, where the default would keep two and dial anew for the others.
		MaxIdleConnsPerHost: maxIdle,
		DisableCompression:  true, // the server does not compress: it need not be asked to
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	c := &Client{target: target, http: &http.Client{Transport: t}, token: o.token, notice: o.notice}
	switch {
	case u.Scheme == "unix" && u.Host == "" && u.Path != "":
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", u.Path)
		}
		c.base = "http://viaduct"
	case u.Scheme == "https" && u.Host != "" && (u.Path == "" || u.Path == "/"):
		if t.TLSClientConfig, err = o.tls(); err != nil {
			return nil, err
		}
		t.DialContext = dialer.DialContext
		c.base = "https://" + u.Host
	default:
		return nil, fmt.Errorf("server address %q: must be unix:///path/of/api.sock or https://host:port", target)
	}
	return c, nil
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

// call is one request and where its answer goes.
type call struct {
	method, path string
	query        url.Values
	body         any    // sent as JSON unless nil
	ifMatch      string // sent as If-Match unless empty
	into         any    // decoded from JSON unless nil
}

// do sends the request, and returns the ETag of the answer.
func (c *Client) do(ctx context.Context, q call) (string, error) {
	req, err := c.request(ctx, q)
	if err != nil {
		return "", err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return "", c.unreachable(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	c.remarks(resp)
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return "", c.unreachable(ctx, err)
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

// remarks passes on what the server remarks on its answer.
func (c *Client) remarks(resp *http.Response) {
	if c.notice == nil {
		return
	}
	for _, text := range resp.Header.Values(api.NoticeHeader) {
		c.notice(text)
	}
}

func (c *Client) request(ctx context.Context, q call) (*http.Request, error) {
	var body io.Reader
	if q.body != nil {
		b, err := json.Marshal(q.body)
		if err != nil {
			return nil, fmt.Errorf("encoding the request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	u := c.base + q.path
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
	switch q.ifMatch {
	case "":
	case IfAbsent:
		req.Header.Set("If-None-Match", "*")
	default:
		req.Header.Set("If-Match", q.ifMatch)
	}
	return req, nil
}

// problem makes the error of an answer that is not a success.
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
	// Advice says what it means and what to do.
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

// unreachable explains why the server could not be asked. The end of the
// caller's own context is passed on as it is.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // the URL in it repeats the target, or is made up for a socket
	}
	return &UnreachableError{Target: c.target, Advice: c.advice(err), Err: err}
}
