package agent

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// serversFile keeps the servers that the agent has learned of in its data directory.
const serversFile = "servers.json"

// maxServers bounds how many servers are kept.
const maxServers = 32

// servers are those that the agent knows: where it joined, and those that servers advertised
// it of since. One of them is the current one; it is remembered across restarts.
type servers struct {
	disk  *disk
	fixed []string // where the node joined

	mu      sync.Mutex
	learned []string
	current string
	saved   string // the current server that the file names
}

// serversDoc is what the file holds.
type serversDoc struct {
	// Current is the server that answered last.
	Current string   `json:"current"`
	Learned []string `json:"learned"`
}

// openServers reads what was learned before; a file that cannot be used is ignored,
// since servers will advertise again.
func openServers(d *disk, joined []string) *servers {
	s := &servers{disk: d, fixed: joined}
	if d != nil {
		b, err := os.ReadFile(filepath.Join(d.dir, serversFile))
		var doc serversDoc
		if err == nil && json.Unmarshal(b, &doc) == nil {
			s.learned, s.current, s.saved = valid(doc.Learned), doc.Current, doc.Current
		}
	}
	if !slices.Contains(s.list(), s.current) {
		s.current = s.list()[0]
	}
	return s
}

// list is every server, those that were learned first: they are newer. The caller holds
// mu or is alone.
func (s *servers) list() []string {
	out := slices.Clone(s.learned)
	for _, u := range s.fixed {
		if !slices.Contains(out, u) {
			out = append(out, u)
		}
	}
	return out
}

// now is the current server.
func (s *servers) now() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// failed makes the next server current, unless a different one is by now.
func (s *servers) failed(server string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != server {
		return
	}
	list := s.list()
	s.current = list[(slices.Index(list, server)+1)%len(list)]
}

// answered records that a server answered, and the servers it advertised. Changes are
// saved to disk.
func (s *servers) answered(server string, advertised []string) error {
	advertised = valid(advertised)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(advertised) == 0 { // a server of an older release advertises nothing
		advertised = s.learned
	}
	same := slices.Equal(slices.Sorted(slices.Values(advertised)), slices.Sorted(slices.Values(s.learned)))
	if same && s.saved == server {
		return nil
	}
	s.learned, s.saved = advertised, server
	if list := s.list(); !slices.Contains(list, s.current) {
		s.current = list[0]
	}
	if s.disk == nil {
		return nil
	}
	return s.disk.write(serversFile, serversDoc{Current: server, Learned: s.learned})
}

// valid are those that can be URLs of servers.
func valid(list []string) []string {
	var out []string
	for _, s := range list {
		u, err := url.Parse(strings.TrimSpace(s))
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Path != "" || len(s) > 300 || len(out) == maxServers {
			continue
		}
		if !slices.Contains(out, u.String()) {
			out = append(out, u.String())
		}
	}
	return out
}
