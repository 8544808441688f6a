package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// connectTimeout bounds the wait for a connection: another server may answer.
const connectTimeout = 5 * time.Second

// maxServers bounds the number of known servers.
const maxServers = 32

// longestSocket is the maximum length of the path of a unix socket, in bytes: unix(7).
const longestSocket = 107

// Servers are the known servers of a cluster in addition to the given ones.
type Servers struct {
	// Current is the one that answered last.
	Current string `json:"current,omitempty"`
	// Learned are those that servers advertised.
	Learned []string `json:"learned,omitempty"`
}

// server is one server of a client.
type server struct {
	target string
	base   string // "https://host:port", or "http://viaduct" for a socket
	http   *http.Client
}

// servers are those that a client knows; the first that answers is the current one.
type servers struct {
	tls      *tls.Config
	remember func(Servers)
	given    int // how many of list were given; the others are learned

	mu      sync.Mutex
	list    []*server
	current int
	saved   Servers
}

func newServers(targets string, o *options) (*servers, error) {
	s := &servers{remember: o.remember, saved: o.remembered}
	for _, t := range Targets(targets) {
		one, err := s.open(t, o)
		if err != nil {
			return nil, err
		}
		s.list = append(s.list, one)
	}
	s.given = len(s.list)
	if s.tls == nil { // sockets only: they are on this host, and need no others
		s.remember = nil
		return s, nil
	}
	for _, t := range o.remembered.Learned {
		s.learn(t)
	}
	if i := slices.IndexFunc(s.list, func(one *server) bool { return one.target == o.remembered.Current }); i >= 0 {
		s.current = i
	}
	return s, nil
}

// Targets splits addresses of servers at their commas. A comma in the path of a socket
// belongs to the path, unless an address or another path begins after it.
func Targets(targets string) []string {
	var out []string
	for piece := range strings.SplitSeq(targets, ",") {
		t := strings.TrimSpace(piece)
		last := len(out) - 1
		if last >= 0 && strings.HasPrefix(out[last], socketScheme) && t != "" && t[0] != '/' && !strings.Contains(t, "://") {
			out[last] += "," + piece
			continue
		}
		out = append(out, t)
	}
	return out
}

// socketScheme begins the address of a socket. The path after it is used unchanged: a
// percent sign or a question mark is an ordinary character of it.
const socketScheme = "unix:"

// open makes a server from its address.
func (s *servers) open(target string, o *options) (*server, error) {
	if rest, ok := strings.CutPrefix(target, socketScheme); ok {
		if path := strings.TrimPrefix(rest, "//"); strings.HasPrefix(path, "/") {
			return socket(target, path)
		}
	}
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("server address: %w", err)
	}
	if u.Scheme == "https" && u.Host != "" && (u.Path == "" || u.Path == "/") {
		if s.tls == nil {
			if s.tls, err = o.tls(); err != nil {
				return nil, err
			}
		}
		return s.remote(target, u), nil
	}
	return nil, fmt.Errorf("server address %q: must be unix:///path/of/api.sock or https://host:port", target)
}

// socket is a server that is reached through a socket of this host.
func socket(target, path string) (*server, error) {
	if len(path) > longestSocket {
		return nil, fmt.Errorf("server address %q: the socket's path has %d bytes and the kernel takes %d: use a data directory with a shorter path, or https", target, len(path), longestSocket)
	}
	dialer := &net.Dialer{Timeout: connectTimeout}
	t := transport()
	t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "unix", path)
	}
	return &server{target, "http://viaduct", &http.Client{Transport: t}}, nil
}

// remote is a server that is reached over the network.
func (s *servers) remote(target string, u *url.URL) *server {
	t := transport()
	t.TLSClientConfig = s.tls.Clone()
	t.DialContext = (&net.Dialer{Timeout: connectTimeout}).DialContext
	return &server{target, "https://" + u.Host, &http.Client{Transport: t}}
}

func transport() *http.Transport {
	return &http.Transport{
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   connectTimeout,
		ResponseHeaderTimeout: answerTimeout,
		IdleConnTimeout:       90 * time.Second,
		// A socket is not multiplexed: concurrent requests keep a connection each, where
		// the default would keep two and dial again for the others.
		MaxIdleConnsPerHost: maxIdle,
		DisableCompression:  true, // the server does not compress
	}
}

// learn adds a server that another one advertised. The caller holds mu or is alone.
func (s *servers) learn(target string) {
	u, err := url.Parse(strings.TrimSpace(target))
	if err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" || u.User != nil || len(s.list) == maxServers {
		return
	}
	if !slices.ContainsFunc(s.list, func(one *server) bool { return one.base == "https://"+u.Host }) {
		s.list = append(s.list, s.remote(u.String(), u))
	}
}

// count is the number of servers.
func (s *servers) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.list)
}

// active is the current server.
func (s *servers) active() *server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list[s.current]
}

// failed makes the next server current, unless another one already is.
func (s *servers) failed(one *server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.list[s.current] == one {
		s.current = (s.current + 1) % len(s.list)
	}
}

// answered records that a server answered, and which others it advertised.
func (s *servers) answered(one *server, resp *http.Response) {
	if s.tls == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	advertised := resp.Header.Get(api.ServersHeader)
	if advertised != "" && strings.HasPrefix(one.base, "https:") {
		for t := range strings.SplitSeq(advertised, ",") {
			s.learn(t)
		}
	}
	known := Servers{Current: one.target}
	for _, l := range s.list[s.given:] {
		// Those that are no longer advertised are not remembered.
		if advertised == "" || slices.Contains(strings.Split(advertised, ","), l.target) {
			known.Learned = append(known.Learned, l.target)
		}
	}
	slices.Sort(known.Learned)
	if s.remember == nil || known.Current == s.saved.Current && slices.Equal(known.Learned, s.saved.Learned) {
		return
	}
	s.saved = known
	s.remember(known)
}
