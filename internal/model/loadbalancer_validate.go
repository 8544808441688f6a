package model

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	statusForm    = regexp.MustCompile(`^[1-5][0-9]{2}(-[1-5][0-9]{2})?(,[1-5][0-9]{2}(-[1-5][0-9]{2})?)*$`)
	checkPathForm = regexp.MustCompile(`^/[!-~]*$`)
)

// loadBalancers checks load balancers, and that no two of a sector have a port in common, nor
// one with a forward.
func (c *checker) loadBalancers(ids []string) {
	taken := map[string]map[int]string{} // by sector
	for _, id := range ids {
		l := c.cfg.LoadBalancers[id]
		r := c.report(l)
		if !sectorForm.MatchString(l.ID) || len(l.ID) > maxLoadBalancerID {
			r.error("id", l.ID, msgLoadBalancerNameInvalid, maxLoadBalancerID)
		}
		checkAlias(r, l.Alias)
		if l.Sector == "" {
			r.error("sector", "", msgLoadBalancerSectorMissing)
		}
		if l.Port == 0 {
			r.error("port", "", msgLoadBalancerPortMissing, FirstSourcePort-1)
		}
		if taken[l.Sector] == nil {
			taken[l.Sector] = map[int]string{}
		}
		c.loadBalancerPorts(r, l, taken[l.Sector])
		loadBalancerPool(r, l)
		loadBalancerCheck(r, l)
		loadBalancerTLS(r, l)
		if l.PanicThreshold != 0 && l.WhenUnhealthy != UnhealthyOpen {
			r.error("panic-threshold", strconv.Itoa(l.PanicThreshold), msgPanicWithoutOpen)
		}
	}
}

// loadBalancerPorts checks that the ports are free in the sector.
func (c *checker) loadBalancerPorts(r report, l *LoadBalancer, taken map[int]string) {
	for _, p := range []struct {
		field string
		port  int
	}{{"port", l.Port}, {"redirect", l.Redirect}} {
		if p.port == 0 {
			continue
		}
		if other := taken[p.port]; other != "" {
			r.about(Ref(KindLoadBalancer, other)).error(p.field, strconv.Itoa(p.port), msgLoadBalancerPortUsed, other, l.Sector)
			continue
		}
		taken[p.port] = l.ID
		s := c.cfg.Sectors[l.Sector]
		if s == nil {
			continue
		}
		for _, f := range s.Forwards {
			if protocol, first, last, ok := f.Ports(); ok && protocol == "tcp" && first <= p.port && p.port <= last {
				r.about(Ref(KindSector, s.ID)).error(p.field, strconv.Itoa(p.port), msgLoadBalancerPortForwarded, f.Port, s.ID)
			}
		}
	}
}

func loadBalancerPool(r report, l *LoadBalancer) {
	if len(l.Pool) > maxPool {
		r.error("pool", strconv.Itoa(len(l.Pool)), msgPoolTooLarge, maxPool)
		return
	}
	seen := map[string]bool{}
	for i, g := range l.Pool {
		at := "pool[" + strconv.Itoa(i) + "].guest"
		switch {
		case !vmidForm.MatchString(g.Guest):
			r.error(at, g.Guest, msgPoolGuestInvalid, MinVMID, MaxVMID)
		case seen[g.Guest]:
			r.error(at, g.Guest, msgPoolGuestTwice)
		}
		seen[g.Guest] = true
	}
}

func loadBalancerCheck(r report, l *LoadBalancer) {
	for _, p := range []struct{ field, value string }{{"check-path", l.CheckPath}, {"check-host", l.CheckHost}, {"check-status", l.CheckStatus}} {
		if p.value != "" && l.Check != CheckHTTP {
			r.error(p.field, p.value, msgCheckNotHTTP)
		}
	}
	if l.CheckInterval != 0 && l.Check == CheckNone {
		r.error("check-interval", strconv.Itoa(l.CheckInterval), msgCheckNone)
	}
	if l.CheckPath != "" && !checkPathForm.MatchString(l.CheckPath) {
		r.error("check-path", l.CheckPath, msgCheckPathInvalid)
	}
	if l.CheckHost != "" && !isDNSName(l.CheckHost) {
		r.error("check-host", l.CheckHost, msgCheckHostInvalid)
	}
	if l.CheckStatus != "" && !statusForm.MatchString(l.CheckStatus) {
		r.error("check-status", l.CheckStatus, msgCheckStatusInvalid)
	}
}

// loadBalancerTLS checks the certificate. A key is hidden from whom may not read it, and then
// not checked.
func loadBalancerTLS(r report, l *LoadBalancer) {
	switch {
	case len(l.Certificate) > maxCertificate:
		r.error("certificate", "", msgCertificateTooLong, maxCertificate)
	case len(l.Key) > maxCertificate:
		r.error("key", "", msgCertificateTooLong, maxCertificate)
	case l.Certificate == "" && l.Key != "":
		r.error("key", "", msgKeyWithoutCertificate)
	case l.Certificate != "" && l.Key == "":
		r.error("certificate", "", msgCertificateWithoutKey)
	case l.Certificate != "":
		if _, err := KeyPair(l.Certificate, string(l.Key)); err != nil {
			r.error("certificate", "", msgCertificateInvalid, err)
		}
	case l.Redirect != 0:
		r.error("redirect", strconv.Itoa(l.Redirect), msgRedirectWithoutCertificate)
	}
}

// KeyPair reads a certificate with those that signed it, in their order. It returns an error if
// one of them is damaged or did not sign the one before, or the private key does not belong to
// the first.
func KeyPair(chain, key string) ([]*x509.Certificate, error) {
	pair, err := tls.X509KeyPair([]byte(chain), []byte(key))
	if err != nil {
		return nil, err
	}
	certs := make([]*x509.Certificate, len(pair.Certificate))
	for i, der := range pair.Certificate {
		if certs[i], err = x509.ParseCertificate(der); err != nil {
			return nil, fmt.Errorf("certificate %d of the chain: %w", i+1, err)
		}
		if i > 0 {
			if err := certs[i-1].CheckSignatureFrom(certs[i]); err != nil {
				return nil, fmt.Errorf("certificate %d of the chain (%s) did not sign certificate %d (%s): %w", i+1, certs[i].Subject, i, certs[i-1].Subject, err)
			}
		}
	}
	return certs, nil
}

// indented is text as a block of YAML, two columns to the right.
func indented(text string) string {
	lines := slices.Collect(strings.Lines(text))
	return "  " + strings.Join(lines, "  ")
}
