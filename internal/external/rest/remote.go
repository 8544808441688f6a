// Package rest exchanges JSON over HTTP with systems that are not part of the cluster:
// those that keep addresses (NetBox, phpIPAM) and names (PowerDNS). It is below the
// package of each system and independent of them. It reports errors in terms for an
// operator, wraps the errors of package external, and never includes a secret.
package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
)

// DefaultTimeout bounds an operation when Options has no timeout, as in Proxmox VE.
const DefaultTimeout = 30 * time.Second

const (
	// maxAnswer bounds what is read of an answer, in bytes: a list of some tens of
	// thousands of records fits.
	maxAnswer = 16 << 20
	// tries is how often a repeatable request is made.
	tries = 3
	// pause is the wait before the second try; it doubles with each.
	pause = 100 * time.Millisecond
	// idle is how long a connection is kept for the next request. It is short, since
	// systems are configured and removed again.
	idle = 5 * time.Second
)

// ErrURL means that the URL of a system is invalid.
var ErrURL = errors.New("value does not look like a http or https URL")

// Target is a system to connect to.
type Target struct {
	// Kind and ID name it in errors: "netbox", "nb1".
	Kind, ID string
	// URL is what the paths of requests are appended to.
	URL string
	// Header is the name of the header for the credentials, Word precedes the secret in
	// it.
	Header, Word string
	Secret       model.Secret
	// Fingerprint is the SHA-256 fingerprint of its certificate, which is then trusted
	// instead of an authority; empty without.
	Fingerprint string
}

// Options configure the access to systems.
type Options struct {
	// Proxy is the URL of a HTTP proxy ("http://proxy:3128"); empty means none.
	Proxy string
	// Timeout bounds a whole operation with all its requests; 0 means DefaultTimeout.
	Timeout time.Duration
	// Allowed are the networks in which systems may be in addition to those that everybody
	// may name; see Networks.
	Allowed Networks
	// Transport, if not nil, replaces the network, including Proxy and the fingerprint.
	Transport http.RoundTripper
}

// Client sends requests to one system. It is safe for concurrent use.
type Client struct {
	target  Target
	base    string
	host    string
	timeout time.Duration
	http    *http.Client
}

// New creates a client of a system; it sends nothing. It fails with ErrURL, or if the
// proxy or the fingerprint is invalid.
func New(t Target, o Options) (*Client, error) {
	u, err := url.Parse(t.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, ErrURL // the message of url.Parse may contain a password
	}
	c := &Client{target: t, base: strings.TrimRight(t.URL, "/"), host: u.Host, timeout: o.Timeout}
	if c.timeout <= 0 {
		c.timeout = DefaultTimeout
	}
	c.http = &http.Client{Transport: o.Transport, CheckRedirect: noRedirect}
	if o.Transport != nil {
		return c, nil
	}
	tlsConfig, err := pinned(t.Fingerprint)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: tlsConfig, IdleConnTimeout: idle, ForceAttemptHTTP2: true}
	if err := o.Allowed.CheckURL(t.URL); err != nil {
		return nil, err
	}
	if o.Proxy == "" { // a proxy is the operator's own choice
		own, _ := literal(t.URL)
		dialer := &net.Dialer{Timeout: c.timeout, Control: o.Allowed.control(plain(own).IsLoopback())}
		transport.DialContext = dialer.DialContext
	} else {
		p, err := url.Parse(o.Proxy)
		if err != nil || p.Host == "" || p.Scheme != "http" {
			return nil, errors.New("the proxy is not a http URL")
		}
		transport.Proxy = http.ProxyURL(p)
	}
	c.http.Transport = transport
	return c, nil
}

// noRedirect prevents sending secrets to other hosts.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Operation runs one operation on the system, which makes one request or several with the
// context that it gets, and adds to an error which system and what it was doing ("register
// 10.0.0.5"). It fails with external.ErrUnreachable after the timeout.
func (c *Client) Operation(ctx context.Context, doing string, f func(ctx context.Context) error) error {
	late := fmt.Errorf("%w: no answer within %s", external.ErrUnreachable, c.timeout)
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, late)
	defer cancel()
	if err := f(ctx); err != nil {
		return fmt.Errorf("%s %q at %s: %s: %w", c.target.Kind, c.target.ID, c.host, doing, err)
	}
	return nil
}

// Answer is an error response of the system.
type Answer struct {
	// Code is the HTTP status.
	Code int
	// Text is its message, in one line and truncated.
	Text string
}

// Error uses the wording of Proxmox VE, which people search for.
func (a *Answer) Error() string {
	s := fmt.Sprintf("Invalid response from server: %d %s", a.Code, http.StatusText(a.Code))
	if a.Text != "" {
		s += ": " + a.Text
	}
	return s
}

// Is makes an answer that leaves open what was done an external.ErrUnreachable: anything
// except a deliberate rejection (4xx).
func (a *Answer) Is(target error) bool {
	refused := a.Code >= 400 && a.Code < 500 && a.Code != http.StatusRequestTimeout && a.Code != http.StatusTooManyRequests
	return target == external.ErrUnreachable && !refused
}

// Refused returns the HTTP status by which the system rejected a request and changed
// nothing, or 0 for any other error.
func Refused(err error) int {
	if a, ok := errors.AsType[*Answer](err); ok && !errors.Is(err, external.ErrUnreachable) {
		return a.Code
	}
	return 0
}

// Halfway marks the error of a request after others of the same operation had changed
// something: external.ErrUnreachable, regardless of the answer to this one.
func Halfway(err error) error {
	if err == nil || errors.Is(err, external.ErrUnreachable) {
		return err
	}
	return &halfway{err}
}

type halfway struct{ cause error }

func (h *halfway) Error() string { return "only a part was done: " + h.cause.Error() }

func (h *halfway) Unwrap() error { return h.cause }

func (h *halfway) Is(target error) bool { return target == external.ErrUnreachable }

// Get reads: the path begins with a slash. The answer is decoded into out, unless it is
// nil.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.Send(ctx, http.MethodGet, path, nil, out)
}

// Send makes a request with in as JSON, or without a body if it is nil, and decodes the
// answer into out, unless that is nil. A read is retried when the system fails; a write
// only when the system did not accept the connection, since nothing else proves that it
// did nothing.
func (c *Client) Send(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	rest := pause
	for try := 1; ; try++ {
		err := c.once(ctx, method, path, body, out)
		if err == nil || try == tries || !repeatable(method, err) || !sleep.Context(ctx, rest) {
			return err
		}
		rest *= 2
	}
}

// repeatable reports whether a failed request may be repeated.
func repeatable(method string, err error) bool {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return true
	}
	if errors.Is(err, ErrForbidden) {
		return false
	}
	if method != http.MethodGet || !errors.Is(err, external.ErrUnreachable) {
		return false
	}
	a, ok := errors.AsType[*Answer](err)
	return !ok || a.Code == http.StatusBadGateway || a.Code == http.StatusServiceUnavailable || a.Code == http.StatusGatewayTimeout
}

func (c *Client) once(ctx context.Context, method, path string, body []byte, out any) error {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return ErrURL
	}
	if body == nil {
		r.Body, r.GetBody, r.ContentLength = nil, nil, 0
	}
	r.Header.Set(c.target.Header, c.target.Word+string(c.target.Secret))
	r.Header.Set("Content-Type", "application/json; charset=UTF-8")
	r.Header.Set("Accept", "application/json")
	answer, err := c.http.Do(r)
	if err != nil {
		return c.unreachable(ctx, err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err != nil {
		return c.unreachable(ctx, err)
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return &Answer{Code: answer.StatusCode, Text: c.clean(data)}
	}
	if len(data) > maxAnswer {
		return fmt.Errorf("%w as it should: more than %d MiB", external.ErrUnreachable, maxAnswer>>20)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("%w as it should: %w: %s", external.ErrUnreachable, err, c.clean(data))
	}
	return nil
}

// unreachable is an error of the network, without the URL that it repeats: that may
// contain a password, and the error names the operation already.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		if errors.Is(cause, external.ErrUnreachable) {
			return cause
		}
		return fmt.Errorf("%w: %w", external.ErrUnreachable, cause)
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return fmt.Errorf("%w: %w", external.ErrUnreachable, err)
}

// maxText bounds what is quoted from an answer, in characters.
const maxText = 200

// clean makes one short line of an answer, and removes the secret in case the answer
// repeats it.
func (c *Client) clean(data []byte) string {
	text := strings.ToValidUTF8(string(data[:min(len(data), 16*maxText)]), "�")
	if c.target.Secret != "" {
		text = strings.ReplaceAll(text, string(c.target.Secret), c.target.Secret.String())
	}
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)), " ")
	if runes := []rune(text); len(runes) > maxText {
		return string(runes[:maxText]) + "…"
	}
	return text
}
