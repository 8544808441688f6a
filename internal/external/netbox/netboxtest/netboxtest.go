// Package netboxtest is a NetBox server for tests, as strict as NetBox's REST API is
// documented to be, or stricter: it rejects unknown properties and filters. Tests use it;
// the program does not.
package netboxtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/external/rest/resttest"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Server is a running server.
type Server struct {
	resttest.Faults
	// URL is that of the API, Token is the valid API token.
	URL, Token string
	// AllowDuplicates allows several entries of an address (disables
	// ENFORCE_GLOBAL_UNIQUE).
	AllowDuplicates bool
	// PageSize is how many objects a page has, 50 unless set.
	PageSize int

	t      testing.TB
	server *httptest.Server
	mu     sync.Mutex
	lastID int
	lists  map[string][]*Object // by collection
}

// Object is a prefix, a range or an address.
type Object struct {
	ID          int
	Prefix      netip.Prefix
	Start, End  netip.Prefix
	Address     netip.Prefix
	Description string
	DNSName     string
	// VRF is empty in the global table.
	VRF string
}

// New starts a server that is stopped after the test.
func New(t testing.TB) *Server { return start(t, false) }

// NewTLS starts one with a self-signed certificate; see Fingerprint.
func NewTLS(t testing.TB) *Server { return start(t, true) }

func start(t testing.TB, tls bool) *Server {
	s := &Server{t: t, Token: "0123456789abcdef0123456789abcdef01234567", PageSize: 50, lists: map[string][]*Object{}}
	s.server = s.Serve(t, s, tls)
	s.URL = s.server.URL + "/api"
	return s
}

// Certificate is that of a server with TLS, in DER.
func (s *Server) Certificate() []byte { return s.server.Certificate().Raw }

// IPAM is the server in the form in which zones refer to it.
func (s *Server) IPAM(id string) *model.IPAM {
	return &model.IPAM{ID: id, Type: model.IPAMTypeNetBox, URL: s.URL, Token: model.Secret(s.Token)}
}

// Put adds an object of another client.
func (s *Server) Put(o Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(&o)
}

// Prefixes returns the prefixes of the server (as Ranges and Addresses do), in the order
// of their creation.
func (s *Server) Prefixes() []string {
	return s.texts("prefixes", func(o *Object) string { return o.Prefix.String() })
}

// Ranges are as Prefixes: "10.0.0.10/24-10.0.0.20/24".
func (s *Server) Ranges() []string {
	return s.texts("ip-ranges", func(o *Object) string { return o.Start.String() + "-" + o.End.String() })
}

// Addresses are as Prefixes: "10.0.0.5/24 mac:… web1".
func (s *Server) Addresses() []string {
	return s.texts("ip-addresses", func(o *Object) string {
		return strings.TrimSpace(o.Address.String() + " " + o.Description + " " + o.DNSName)
	})
}

func (s *Server) texts(collection string, text func(*Object) string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, o := range s.lists[collection] {
		out = append(out, text(o))
	}
	return out
}

func (o *Object) collection() string {
	switch {
	case o.Prefix.IsValid():
		return "prefixes"
	case o.Start.IsValid():
		return "ip-ranges"
	}
	return "ip-addresses"
}

func (s *Server) add(o *Object) {
	s.lastID++
	o.ID = s.lastID
	s.lists[o.collection()] = append(s.lists[o.collection()], o)
}

// refusal is an error response.
type refusal struct {
	code   int
	detail any
}

func refuse(code int, format string, args ...any) *refusal {
	return &refusal{code, map[string]string{"detail": fmt.Sprintf(format, args...)}}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	code, out, err := s.handle(r)
	if err != nil {
		code, out = err.code, err.detail
	}
	if code == http.StatusMovedPermanently {
		w.Header().Set("Location", r.URL.Path+"/")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if code != http.StatusNoContent {
		_ = json.NewEncoder(w).Encode(out)
	}
}

// authenticate rejects a header that does not carry the token in the scheme of its
// version, as NetBox 4.5 does.
func (s *Server) authenticate(header string) *refusal {
	word, token, _ := strings.Cut(header, " ")
	second := strings.HasPrefix(token, "nbt_")
	switch {
	case strings.EqualFold(word, "token") && second:
		return refuse(http.StatusForbidden, "Invalid v1 token")
	case strings.EqualFold(word, "bearer") && !second:
		return refuse(http.StatusForbidden, "Invalid v2 token")
	case !strings.EqualFold(word, "token") && !strings.EqualFold(word, "bearer"), token != s.Token:
		return refuse(http.StatusForbidden, "Invalid token")
	}
	return nil
}

func (s *Server) handle(r *http.Request) (int, any, *refusal) {
	if err := s.authenticate(r.Header.Get("Authorization")); err != nil {
		return 0, nil, err
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/api/ipam/")
	if !ok {
		return 0, nil, refuse(http.StatusNotFound, "Not found.")
	}
	if !strings.HasSuffix(path, "/") {
		return http.StatusMovedPermanently, nil, nil
	}
	var in map[string]any
	if r.Method == http.MethodPost || r.Method == http.MethodPatch {
		if media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); media != "application/json" {
			return 0, nil, refuse(http.StatusUnsupportedMediaType, "Unsupported media type %q in request.", media)
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			return 0, nil, refuse(http.StatusBadRequest, "JSON parse error - %s", err)
		}
	}
	parts := strings.Split(strings.TrimSuffix(path, "/"), "/")
	if parts[0] == "aggregates" && len(parts) == 1 && r.Method == http.MethodGet {
		return http.StatusOK, map[string]any{"count": 0, "next": nil, "previous": nil, "results": []any{}}, nil
	}
	if !slices.Contains([]string{"prefixes", "ip-ranges", "ip-addresses"}, parts[0]) {
		return 0, nil, refuse(http.StatusNotFound, "Not found.")
	}
	if len(parts) == 1 {
		return s.collection(r, parts[0], in)
	}
	id, err := strconv.Atoi(parts[1])
	i := slices.IndexFunc(s.lists[parts[0]], func(o *Object) bool { return o.ID == id })
	if err != nil || i < 0 {
		return 0, nil, refuse(http.StatusNotFound, "Not found.")
	}
	if len(parts) == 3 && parts[2] == "available-ips" && r.Method == http.MethodPost {
		return s.available(s.lists[parts[0]][i], in)
	}
	if len(parts) != 2 {
		return 0, nil, refuse(http.StatusNotFound, "Not found.")
	}
	switch r.Method {
	case http.MethodDelete:
		s.lists[parts[0]] = slices.Delete(s.lists[parts[0]], i, i+1)
		return http.StatusNoContent, nil, nil
	case http.MethodPatch:
		o := *s.lists[parts[0]][i]
		if err := s.fill(&o, parts[0], in); err != nil {
			return 0, nil, err
		}
		*s.lists[parts[0]][i] = o
		return http.StatusOK, show(&o), nil
	}
	return 0, nil, refuse(http.StatusMethodNotAllowed, "Method %q not allowed.", r.Method)
}

func (s *Server) collection(r *http.Request, name string, in map[string]any) (int, any, *refusal) {
	switch r.Method {
	case http.MethodGet:
		return s.list(r, name)
	case http.MethodPost:
		o := &Object{}
		if err := s.fill(o, name, in); err != nil {
			return 0, nil, err
		}
		s.add(o)
		return http.StatusCreated, show(o), nil
	}
	return 0, nil, refuse(http.StatusMethodNotAllowed, "Method %q not allowed.", r.Method)
}

// list answers one page of the objects that pass the filters.
func (s *Server) list(r *http.Request, name string) (int, any, *refusal) {
	query := r.URL.Query()
	limit, offset := s.PageSize, 0
	var found []*Object
	for _, o := range s.lists[name] {
		keep := true
		for _, key := range sortedKeys(query) {
			ok, err := o.matches(name, key, query.Get(key), &limit, &offset)
			if err != nil {
				return 0, nil, err
			}
			keep = keep && ok
		}
		if keep {
			found = append(found, o)
		}
	}
	results := []any{}
	for _, o := range found[min(offset, len(found)):min(offset+limit, len(found))] {
		results = append(results, show(o))
	}
	var next any
	if offset+limit < len(found) {
		query.Set("limit", strconv.Itoa(limit))
		query.Set("offset", strconv.Itoa(offset+limit))
		next = "http://netbox.invalid" + r.URL.Path + "?" + query.Encode() // it need not know its own address
	}
	return http.StatusOK, map[string]any{"count": len(found), "next": next, "previous": nil, "results": results}, nil
}

func sortedKeys(q url.Values) []string {
	var out []string
	for k := range q {
		out = append(out, k)
	}
	slices.SortFunc(out, cmp.Compare)
	return out
}
