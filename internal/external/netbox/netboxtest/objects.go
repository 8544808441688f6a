package netboxtest

import (
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// matches applies a filter as NetBox does: q is a search, which finds more.
func (o *Object) matches(collection, key, value string, limit, offset *int) (bool, *refusal) {
	ip, ipErr := netip.ParseAddr(value)
	switch collection + "?" + key {
	case "prefixes?limit", "ip-ranges?limit", "ip-addresses?limit":
		n, err := strconv.Atoi(value)
		*limit = n
		return err == nil, nil
	case "prefixes?offset", "ip-ranges?offset", "ip-addresses?offset":
		n, err := strconv.Atoi(value)
		*offset = n
		return err == nil, nil
	case "prefixes?q":
		return ipErr == nil && o.Prefix.Contains(ip) || strings.Contains(o.Prefix.String()+" "+o.Description, value), nil
	case "ip-addresses?q":
		return strings.HasPrefix(o.Address.String(), value) || strings.Contains(o.Description+" "+o.DNSName, value), nil
	case "ip-addresses?parent":
		p, err := netip.ParsePrefix(value)
		return err == nil && p.Contains(o.Address.Addr()), nil
	case "ip-addresses?description__ic":
		return strings.Contains(strings.ToLower(o.Description), strings.ToLower(value)), nil
	case "ip-ranges?start_address":
		return ipErr == nil && o.Start.Addr() == ip, nil
	case "ip-ranges?end_address":
		return ipErr == nil && o.End.Addr() == ip, nil
	}
	return false, refuse(http.StatusBadRequest, "unknown filter %q", key)
}

// show is how NetBox writes an object.
func show(o *Object) map[string]any {
	out := map[string]any{"id": o.ID, "description": o.Description, "vrf": nil}
	if o.VRF != "" {
		out["vrf"] = map[string]any{"id": 1, "name": o.VRF}
	}
	switch o.collection() {
	case "prefixes":
		out["prefix"] = o.Prefix.String()
	case "ip-ranges":
		out["start_address"], out["end_address"] = o.Start.String(), o.End.String()
	default:
		out["address"], out["dns_name"] = o.Address.String(), o.DNSName
	}
	return out
}

// fields are the properties that may be written; those of true are required.
var fields = map[string]map[string]bool{
	"prefixes":     {"prefix": true, "description": false},
	"ip-ranges":    {"start_address": true, "end_address": true, "description": false},
	"ip-addresses": {"address": true, "description": false, "dns_name": false},
}

var dnsName = regexp.MustCompile(`^([0-9A-Za-z_-]+|\*)(\.[0-9A-Za-z_-]+)*\.?$`)

// fill sets the written properties of an object, and checks the whole.
func (s *Server) fill(o *Object, collection string, in map[string]any) *refusal {
	wrong := func(field, text string) *refusal {
		return &refusal{http.StatusBadRequest, map[string][]string{field: {text}}}
	}
	for field, required := range fields[collection] {
		if _, ok := in[field]; required && !ok && o.ID == 0 {
			return wrong(field, "This field is required.")
		}
	}
	for field, value := range in {
		if _, known := fields[collection][field]; !known {
			return wrong(field, "Unknown field.")
		}
		text, ok := value.(string)
		if !ok {
			return wrong(field, "This field may not be null, and not another type than a text.")
		}
		if field == "description" {
			o.Description = text
			continue
		}
		if field == "dns_name" {
			if text != "" && !dnsName.MatchString(text) {
				return wrong(field, "Only alphanumeric characters, asterisks, hyphens, periods, and underscores are allowed in DNS names")
			}
			o.DNSName = strings.ToLower(text)
			continue
		}
		p, err := netip.ParsePrefix(text)
		if ip, bare := netip.ParseAddr(text); err != nil && bare == nil {
			p, err = netip.PrefixFrom(ip, ip.BitLen()), nil
		}
		if err != nil {
			return wrong(field, "Invalid IP address format: "+text)
		}
		*map[string]*netip.Prefix{"prefix": &o.Prefix, "start_address": &o.Start, "end_address": &o.End, "address": &o.Address}[field] = p
	}
	if text := s.invalid(o); text != "" {
		return wrong("__all__", text)
	}
	return nil
}

// invalid describes what is wrong with an object as a whole.
func (s *Server) invalid(o *Object) string {
	switch o.collection() {
	case "prefixes":
		for _, p := range s.lists["prefixes"] {
			if p.ID != o.ID && p.Prefix == o.Prefix && p.VRF == o.VRF && !s.AllowDuplicates {
				return "Duplicate prefix found in global table: " + o.Prefix.String()
			}
		}
		if o.Prefix != o.Prefix.Masked() {
			return o.Prefix.String() + " is not a valid prefix. Did you mean " + o.Prefix.Masked().String() + "?"
		}
	case "ip-ranges":
		if o.Start.Bits() != o.End.Bits() {
			return "Starting and ending IP address masks must match"
		}
		if !o.Start.Addr().Less(o.End.Addr()) {
			return "Ending address must be greater than the starting address (" + o.Start.String() + ")"
		}
		for _, r := range s.lists["ip-ranges"] {
			if r.ID != o.ID && r.VRF == o.VRF && !o.End.Addr().Less(r.Start.Addr()) && !r.End.Addr().Less(o.Start.Addr()) {
				return "Defined addresses overlap with range " + r.Start.String()
			}
		}
	default:
		for _, a := range s.lists["ip-addresses"] {
			if a.ID != o.ID && a.Address.Addr() == o.Address.Addr() && a.VRF == o.VRF && !s.AllowDuplicates {
				return "Duplicate IP address found in global table: " + a.Address.String()
			}
		}
	}
	return ""
}

// available allocates the first free address of a prefix or range.
func (s *Server) available(parent *Object, in map[string]any) (int, any, *refusal) {
	if _, given := in["address"]; given {
		return 0, nil, refuse(http.StatusBadRequest, "the address is what is asked for")
	}
	first, last, bits := parent.Start.Addr(), parent.End.Addr(), parent.Start.Bits()
	if parent.Prefix.IsValid() {
		first, last, bits = usable(parent.Prefix)
	}
	used := map[netip.Addr]bool{}
	for _, a := range s.lists["ip-addresses"] {
		if a.VRF == parent.VRF {
			used[a.Address.Addr()] = true
		}
	}
	for ip := first; ip.IsValid() && !last.Less(ip); ip = ip.Next() {
		if used[ip] {
			continue
		}
		o := &Object{VRF: parent.VRF}
		in["address"] = netip.PrefixFrom(ip, bits).String()
		if err := s.fill(o, "ip-addresses", in); err != nil {
			return 0, nil, err
		}
		s.add(o)
		return http.StatusCreated, show(o), nil
	}
	return 0, nil, refuse(http.StatusConflict, "An insufficient number of IP addresses are available within %s (1 requested, 0 available)", parent.Prefix)
}

// usable are the ends of the addresses of a prefix that NetBox allocates: in IPv4 neither
// the network's own nor the broadcast address, in IPv6 not the first, which is that of all
// routers (RFC 4291).
func usable(p netip.Prefix) (first, last netip.Addr, bits int) {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	first = p.Addr()
	last, _ = netip.AddrFromSlice(b)
	if p.Addr().BitLen()-p.Bits() > 1 {
		first = first.Next()
		if p.Addr().Is4() {
			last = last.Prev()
		}
	}
	return first, last, p.Bits()
}
