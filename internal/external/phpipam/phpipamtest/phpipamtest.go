// Package phpipamtest is a phpIPAM server for tests, as strict as phpIPAM's REST API
// (phpipam.net/api-documentation) and its controllers are. Tests use it; the program
// does not.
package phpipamtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/external/rest/resttest"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Section is the section that the server has.
const Section = 3

// Server is a running server.
type Server struct {
	resttest.Faults
	// URL is that of the API with its application, Token is the valid token.
	URL, Token string
	// Texts makes numbers strings in answers, as in releases before PHP 8.1.
	Texts bool
	// OnPost is called before an address is made, to simulate a faster client.
	OnPost func(ip netip.Addr)

	mu        sync.Mutex
	lastID    int
	subnets   []*Subnet
	addresses []*Address
}

// Subnet is a subnet of a section.
type Subnet struct {
	ID, Section int
	CIDR        netip.Prefix
}

// Address is an address of a subnet.
type Address struct {
	ID, Subnet                 int
	IP                         netip.Addr
	Hostname, Description, MAC string
	Gateway                    bool
}

// New starts a server that is stopped after the test.
func New(t testing.TB) *Server {
	s := &Server{Token: "JPHkPSLB4O_XL-GQz4qtEFmNpx-99Htw"}
	s.URL = s.Serve(t, s, false).URL + "/api/apiadmin"
	return s
}

// IPAM is the server in the form in which zones refer to it.
func (s *Server) IPAM(id string) *model.IPAM {
	return &model.IPAM{ID: id, Type: model.IPAMTypePHPIPAM, URL: s.URL, Token: model.Secret(s.Token), Section: Section}
}

// PutSubnet adds a subnet of another client, and returns its number.
func (s *Server) PutSubnet(section int, cidr string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastID++
	s.subnets = append(s.subnets, &Subnet{ID: s.lastID, Section: section, CIDR: netip.MustParsePrefix(cidr)})
	return s.lastID
}

// Put adds an address of another client. OnPost may call it.
func (s *Server) Put(a Address) {
	s.lastID++
	a.ID = s.lastID
	s.addresses = append(s.addresses, &a)
}

// Subnets returns the subnets of the server: "3: 10.0.0.0/24", the section first.
func (s *Server) Subnets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, n := range s.subnets {
		out = append(out, fmt.Sprintf("%d: %s", n.Section, n.CIDR))
	}
	return out
}

// Addresses are as Subnets: "10.0.0.5 web1 100 bc:24:11:00:00:05".
func (s *Server) Addresses() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, a := range s.addresses {
		text := strings.Join(strings.Fields(fmt.Sprint(a.IP, " ", a.Hostname, " ", a.Description, " ", a.MAC)), " ")
		if a.Gateway {
			text += " gateway"
		}
		out = append(out, text)
	}
	return out
}

// answer is a response of the server.
type answer struct {
	Code    int    `json:"code"`
	Success bool   `json:"success"`
	Message string `json:"message,omitempty"`
	ID      any    `json:"id,omitempty"`
	Data    any    `json:"data,omitempty"`
	Time    any    `json:"time"`
}

func refuse(code int, format string, args ...any) answer {
	return answer{Code: code, Message: fmt.Sprintf(format, args...)}
}

func found(data any) answer { return answer{Code: http.StatusOK, Success: true, Data: data} }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.handle(r)
	out.Time = 0.012
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(out.Code)
	_ = json.NewEncoder(w).Encode(out)
}

func (s *Server) handle(r *http.Request) answer {
	path, ok := strings.CutPrefix(r.URL.Path, "/api/apiadmin/")
	if !ok {
		return refuse(http.StatusBadRequest, "Invalid application id")
	}
	if r.Header.Get("Token") != s.Token {
		return refuse(http.StatusForbidden, "Token expired or wrong")
	}
	if media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); media != "application/json" {
		return refuse(http.StatusUnsupportedMediaType, "Invalid Content type %s", media)
	}
	in := map[string]any{}
	if data, err := io.ReadAll(r.Body); err != nil || len(data) > 0 && json.Unmarshal(data, &in) != nil {
		return refuse(http.StatusBadRequest, "Invalid JSON")
	}
	p := append(strings.Split(strings.Trim(path, "/"), "/"), "", "", "")
	switch p[0] {
	case "sections":
		if p[1] != strconv.Itoa(Section) {
			return refuse(http.StatusNotFound, "Section not found")
		}
		return found(map[string]any{"id": s.number(Section), "name": "lab"})
	case "subnets":
		return s.subnetCall(r.Method, p[1:], in)
	case "addresses":
		return s.addressCall(r.Method, p[1:], in)
	}
	return refuse(http.StatusBadRequest, "Invalid controller")
}

// number writes a number as this release does.
func (s *Server) number(n int) any {
	if s.Texts {
		return strconv.Itoa(n)
	}
	return n
}

func (s *Server) subnetCall(method string, p []string, in map[string]any) answer {
	switch {
	case method == http.MethodGet && p[0] == "cidr":
		want, err := netip.ParsePrefix(p[1] + "/" + p[2])
		if err != nil {
			return refuse(http.StatusBadRequest, "Invalid subnet")
		}
		var out []any
		for _, n := range s.subnets {
			if n.CIDR == want {
				out = append(out, map[string]any{
					"id": s.number(n.ID), "subnet": n.CIDR.Addr(), "mask": s.number(n.CIDR.Bits()), "sectionId": s.number(n.Section),
				})
			}
		}
		return list(out, "No subnets found")
	case method == http.MethodPost && p[0] == "":
		return s.makeSubnet(in)
	}
	i := slices.IndexFunc(s.subnets, func(n *Subnet) bool { return strconv.Itoa(n.ID) == p[0] })
	if i < 0 {
		return refuse(http.StatusNotFound, "Subnet does not exist")
	}
	id := s.subnets[i].ID
	switch {
	case method == http.MethodGet && p[1] == "addresses":
		return s.show(func(a *Address) bool { return a.Subnet == id }, "No addresses found")
	case method == http.MethodDelete && p[1] == "":
		s.subnets = slices.Delete(s.subnets, i, i+1)
		s.addresses = slices.DeleteFunc(s.addresses, func(a *Address) bool { return a.Subnet == id })
		return answer{Code: http.StatusOK, Success: true, Message: "Subnet deleted"}
	}
	return refuse(http.StatusBadRequest, "Invalid request")
}

// list answers a list as phpIPAM does: an empty one is an error.
func list(out []any, none string) answer {
	if len(out) == 0 {
		return refuse(http.StatusNotFound, "%s", none)
	}
	return found(out)
}

func (s *Server) show(match func(*Address) bool, none string) answer {
	var out []any
	for _, a := range s.addresses {
		if match(a) {
			gateway := any(nil)
			if a.Gateway {
				gateway = s.number(1)
			}
			out = append(out, map[string]any{
				"id": s.number(a.ID), "subnetId": s.number(a.Subnet), "ip": a.IP, "is_gateway": gateway,
				"hostname": a.Hostname, "description": a.Description, "mac": a.MAC,
			})
		}
	}
	return list(out, none)
}

func (s *Server) makeSubnet(in map[string]any) answer {
	for key := range in {
		if !slices.Contains([]string{"subnet", "mask", "sectionId", "description"}, key) {
			return refuse(http.StatusBadRequest, "Invalid request key parameter %s", key)
		}
	}
	text, _ := in["subnet"].(string)
	mask, isText := in["mask"].(string) // all that Proxmox VE ever sends
	p, err := netip.ParsePrefix(text + "/" + mask)
	if !isText || err != nil || p != p.Masked() {
		return refuse(http.StatusBadRequest, "Invalid subnet")
	}
	if fmt.Sprint(in["sectionId"]) != strconv.Itoa(Section) {
		return refuse(http.StatusBadRequest, "Invalid section")
	}
	for _, n := range s.subnets {
		if n.Section == Section && n.CIDR == p {
			return refuse(http.StatusConflict, "Subnet %s already exists", p)
		}
	}
	s.lastID++
	s.subnets = append(s.subnets, &Subnet{ID: s.lastID, Section: Section, CIDR: p})
	return answer{Code: http.StatusCreated, Success: true, Message: "Subnet created", ID: s.number(s.lastID), Data: p.String()}
}
