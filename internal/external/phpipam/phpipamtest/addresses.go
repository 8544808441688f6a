package phpipamtest

import (
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func (s *Server) addressCall(method string, p []string, in map[string]any) answer {
	switch {
	case method == http.MethodGet && p[0] == "search":
		ip, err := netip.ParseAddr(p[1])
		if err != nil {
			return refuse(http.StatusBadRequest, "Invalid address")
		}
		return s.show(func(a *Address) bool { return a.IP == ip }, "Address not found")
	case method == http.MethodGet && p[0] == "search_mac":
		return s.show(func(a *Address) bool { return a.MAC == strings.ToLower(p[1]) }, "Host name not found")
	case method == http.MethodPost && p[0] == "first_free":
		return s.firstFree(p[1], in)
	case method == http.MethodPost && p[0] == "":
		a, out := s.make(in)
		if a != nil {
			s.Put(*a)
			out.ID = s.number(s.lastID)
		}
		return out
	}
	i := slices.IndexFunc(s.addresses, func(a *Address) bool { return strconv.Itoa(a.ID) == p[0] })
	if i < 0 {
		return refuse(http.StatusNotFound, "Address does not exist")
	}
	switch method {
	case http.MethodPatch:
		if in["ip"] != nil || in["subnetId"] != nil {
			return refuse(http.StatusBadRequest, "IP address cannot be changed")
		}
		if len(in) == 0 {
			return refuse(http.StatusBadRequest, "No data provided")
		}
		a := *s.addresses[i]
		if out := a.fill(in); out.Code != 0 {
			return out
		}
		*s.addresses[i] = a
		return answer{Code: http.StatusOK, Success: true, Message: "Address updated"}
	case http.MethodDelete:
		s.addresses = slices.Delete(s.addresses, i, i+1)
		return answer{Code: http.StatusOK, Success: true, Message: "Address deleted"}
	}
	return refuse(http.StatusBadRequest, "Invalid request")
}

var macForm = regexp.MustCompile(`^[0-9a-f]{2}(:[0-9a-f]{2}){5}$`)

// fill sets the written properties of an address; an answer without a code means success.
func (a *Address) fill(in map[string]any) answer {
	for key, value := range in {
		text, isText := value.(string)
		switch key {
		case "hostname", "description":
			if !isText {
				return refuse(http.StatusBadRequest, "Invalid type of %s", key)
			}
			*map[string]*string{"hostname": &a.Hostname, "description": &a.Description}[key] = text
		case "mac":
			text = strings.ToLower(text)
			if !isText || text != "" && !macForm.MatchString(text) {
				return refuse(http.StatusBadRequest, "Invalid MAC address")
			}
			a.MAC = text
		case "is_gateway":
			a.Gateway = fmt.Sprint(value) == "1"
		case "ip", "subnetId":
		default:
			return refuse(http.StatusBadRequest, "Invalid request key parameter %s", key)
		}
	}
	return answer{}
}

// make checks an address that is to be made; nil if it is rejected.
func (s *Server) make(in map[string]any) (*Address, answer) {
	text, _ := in["ip"].(string)
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "Invalid address")
	}
	if s.OnPost != nil {
		s.OnPost(ip)
	}
	if _, isNumber := in["subnetId"].(float64); !isNumber {
		return nil, refuse(http.StatusBadRequest, "SubnetId must be numeric")
	}
	i := slices.IndexFunc(s.subnets, func(n *Subnet) bool { return fmt.Sprint(n.ID) == fmt.Sprint(in["subnetId"]) })
	if i < 0 {
		return nil, refuse(http.StatusNotFound, "Invalid subnet Id")
	}
	n := s.subnets[i]
	if !n.CIDR.Contains(ip) {
		return nil, refuse(http.StatusConflict, "IP address not in selected subnet")
	}
	if ip.Is4() && n.CIDR.Bits() < 31 && (ip == n.CIDR.Addr() || !n.CIDR.Contains(ip.Next())) {
		return nil, refuse(http.StatusConflict, "IP address cannot be network or broadcast address")
	}
	for _, a := range s.addresses {
		if a.Subnet == n.ID && a.IP == ip {
			return nil, refuse(http.StatusConflict, "IP address already exists")
		}
	}
	a := &Address{Subnet: n.ID, IP: ip}
	if out := a.fill(in); out.Code != 0 {
		return nil, out
	}
	return a, answer{Code: http.StatusCreated, Success: true, Message: "Address created"}
}

func (s *Server) firstFree(id string, in map[string]any) answer {
	i := slices.IndexFunc(s.subnets, func(n *Subnet) bool { return strconv.Itoa(n.ID) == id })
	if i < 0 {
		return refuse(http.StatusBadRequest, "Invalid subnet identifier")
	}
	in["subnetId"] = float64(s.subnets[i].ID)
	for ip := s.subnets[i].CIDR.Addr(); s.subnets[i].CIDR.Contains(ip); ip = ip.Next() {
		in["ip"] = ip.String()
		a, out := s.make(in)
		if a == nil && out.Code == http.StatusConflict {
			continue
		}
		if a != nil {
			s.Put(*a)
			out.Data = ip.String()
		}
		return out
	}
	return refuse(http.StatusNotFound, "No free addresses found")
}
