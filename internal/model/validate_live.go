package model

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// fingerprintForm is that of a SHA-256 fingerprint.
var fingerprintForm = regexp.MustCompile(`^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$`)

// ValidateLive checks edits of live objects: live is what there is after them, cfg the
// configuration that they refer to or that refers to them, and known the nodes that
// have joined. The result is in the order of the edits.
func ValidateLive(edits []Edit, live, cfg *Config, known []string) Problems {
	c := bareChecker(cfg, known)
	var guests []string
	for _, e := range edits {
		switch o := e.Put.(type) {
		case nil:
			c.liveGone(e)
			c.out = append(c.out, firewallEdit(e, live, cfg)...)
		case *Alias, *IPSet, *SecurityGroup, *Firewall:
			c.out = append(c.out, firewallEdit(e, live, cfg)...)
		case *IPAM:
			c.ipam(o)
		case *NameServer:
			c.nameServer(o)
		case *Guest:
			guests = append(guests, o.ID)
		}
	}
	if len(guests) == 0 {
		return c.out
	}
	return append(c.out, ValidateGuestsIn(guests, live.Guests, cfg, known)...)
}

// liveGone checks the deletion of a live object.
func (c *checker) liveGone(e Edit) {
	r := report{out: &c.out, kind: e.Kind, id: e.ID}
	if e.Kind == KindIPAM && e.ID == IPAMBuiltin {
		r.errorf("", "", "is built in and cannot be deleted")
		return
	}
	for _, id := range sortedKeys(c.cfg.Zones) {
		z := c.cfg.Zones[id]
		switch {
		case e.Kind == KindIPAM && z.IPAM == e.ID:
			r.about(Ref(KindZone, id)).laxf("", "", "is the address management of zone %s; give the zone another one first, and apply that", id)
		case e.Kind == KindDNS && (z.DNS == e.ID || z.ReverseDNS == e.ID):
			r.about(Ref(KindZone, id)).laxf("", "", "is a name server of zone %s; give the zone another one first, and apply that", id)
		}
	}
}

func (c *checker) ipam(i *IPAM) {
	r := c.report(i)
	pluginID(r, i.ID)
	types := []string{string(IPAMTypeNetBox), string(IPAMTypePHPIPAM), string(IPAMTypePVE)}
	switch {
	case i.Type == "":
		r.errorf("type", "", "is missing: use one of %s", strings.Join(types, ", "))
		return
	case !slices.Contains(types, string(i.Type)):
		r.errorf("type", string(i.Type), "is not a type of address management: use one of %s", strings.Join(types, ", "))
		return
	case i.ID == IPAMBuiltin && i.External():
		r.errorf("type", string(i.Type), "cannot be that of the built-in address management %s; choose another id", IPAMBuiltin)
		return
	case !i.External():
		for _, f := range []struct {
			name string
			set  bool
		}{{"url", i.URL != ""}, {"token", i.Token != ""}, {"section", i.Section != 0}, {"fingerprint", i.Fingerprint != ""}} {
			if f.set {
				r.errorf(f.name, "", "has no meaning for addresses that Viaduct itself manages; leave it out")
			}
		}
		return
	}
	remote(r, i.URL, i.Fingerprint, "https://"+string(i.Type)+".example.com/api")
	if i.Token == "" {
		r.errorf("token", "", "is missing: make one in %s and give it here", i.Type)
	}
	switch {
	case i.Type == IPAMTypePHPIPAM && i.Section <= 0:
		r.errorf("section", "", "is missing: the number of the section that subnets go into, from 1")
	case i.Type != IPAMTypePHPIPAM && i.Section != 0:
		r.errorf("section", "", "has a meaning for phpipam only; leave it out")
	}
}

func (c *checker) nameServer(n *NameServer) {
	r := c.report(n)
	pluginID(r, n.ID)
	if n.Type != DNSTypePowerDNS {
		r.errorf("type", n.Type, "is not a type of name server: use %s", DNSTypePowerDNS)
		return
	}
	remote(r, n.URL, n.Fingerprint, "https://pdns.example.com:8081/api/v1/servers/localhost")
	if n.Key == "" {
		r.errorf("key", "", "is missing: the server's api-key")
	}
	if n.TTL < 0 || n.TTL > MaxTTL {
		r.errorf("ttl", strconv.Itoa(n.TTL), "must be 0 to %d seconds", MaxTTL)
	}
	if n.ReverseMaskV6 < 0 || n.ReverseMaskV6 > MaxMask6 {
		r.errorf("reversemaskv6", strconv.Itoa(n.ReverseMaskV6), "must be 4 to %d bits", MaxMask6)
	} else if n.ReverseMaskV6%4 != 0 {
		r.laxf("reversemaskv6", strconv.Itoa(n.ReverseMaskV6), "must be a multiple of 4: a reverse zone ends between two hexadecimal digits")
	}
}

// MaxTTL is the longest time to live of a DNS record, in seconds (RFC 2181 section 8).
const MaxTTL = 1<<31 - 1

func pluginID(r report, id string) {
	if !idForm.MatchString(id) {
		r.errorf("id", id, "must be 2 or more letters and digits, and begin with a letter")
	}
}

// remote checks how an external system is reached.
func remote(r report, address, fingerprint, example string) {
	u, err := url.Parse(address)
	switch {
	case address == "":
		r.errorf("url", "", "is missing: where the API is, like %s", example)
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		r.errorf("url", address, "is no http or https URL; write it like %s", example)
	case u.User != nil:
		r.errorf("url", u.Redacted(), "has a password in it, which would be shown; use the token or key")
	}
	if fingerprint != "" && !fingerprintForm.MatchString(fingerprint) {
		r.errorf("fingerprint", fingerprint, "is not a SHA-256 fingerprint: 32 pairs of hexadecimal digits with colons between")
	}
}

// CheckPlugins finds what a zone names of address management and name servers that is
// not among the live objects.
func CheckPlugins(z *Zone, live *Config) Problems {
	c := bareChecker(&Config{}, nil)
	r := c.report(z)
	if z.IPAM != "" && live.IPAMs[z.IPAM] == nil {
		r.laxf("ipam", z.IPAM, "does not exist%s", near(c, KindIPAM, z.IPAM, live.IPAMs, "; declare the ipam first, or use "+IPAMBuiltin))
	}
	for _, f := range []struct{ field, id string }{{"dns", z.DNS}, {"reversedns", z.ReverseDNS}} {
		if f.id != "" && live.NameServers[f.id] == nil {
			r.laxf(f.field, f.id, "does not exist%s", near(c, KindDNS, f.id, live.NameServers, "; declare the dns first"))
		}
	}
	return c.out
}
