package model

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each fault of a load balancer is found at its property, and says what would be right.
func TestLoadBalancerProperties(t *testing.T) {
	cfg := func(change func(l *LoadBalancer, c *Config)) *Config {
		l := &LoadBalancer{ID: "web", Sector: "shop", Port: 80, Mode: BalanceHTTP, Pool: []PoolGuest{{Guest: "100"}, {Guest: "101"}}}
		c := &Config{
			Backplanes:    map[string]*Backplane{"bp": {ID: "bp", Type: ZoneVXLAN, CIDR: DefaultBackplaneCIDR, Members: []BackplaneMember{{Node: "node1", Address: netip.MustParseAddr("192.0.2.1"), Slice: 1}}, Slices: 8}},
			Sectors:       map[string]*Sector{"shop": {ID: "shop", Backplane: "bp", Subnets: []SectorSubnet{{CIDR: netip.MustParsePrefix("172.16.0.0/24")}}, Forwards: []SectorForward{{Port: "tcp/8000-8010", To: netip.MustParseAddr("172.16.0.9")}, {Port: "udp/53", To: netip.MustParseAddr("172.16.0.9")}}}},
			LoadBalancers: map[string]*LoadBalancer{"web": l},
		}
		change(l, c)
		return c
	}
	tls := func(l *LoadBalancer) { l.Certificate, l.Key = exampleCertificate, exampleKey }
	for what, c := range map[string]struct {
		change func(l *LoadBalancer, c *Config)
		want   []string
	}{
		"right":         {func(*LoadBalancer, *Config) {}, nil},
		"with TLS":      {func(l *LoadBalancer, _ *Config) { tls(l); l.Port, l.Redirect = 443, 80 }, nil},
		"a UDP forward": {func(l *LoadBalancer, _ *Config) { l.Port = 53 }, nil},
		"another sector": {func(l *LoadBalancer, c *Config) {
			c.LoadBalancers["x"] = &LoadBalancer{ID: "x", Sector: "none", Port: 80}
		}, []string{"sector none"}},
		"a port twice": {func(_ *LoadBalancer, c *Config) {
			c.LoadBalancers["zzz"] = &LoadBalancer{ID: "zzz", Sector: "shop", Port: 80}
		}, []string{"port 80"}},
		"a forwarded port":     {func(l *LoadBalancer, _ *Config) { l.Port = 8005 }, []string{"port 8005"}},
		"a forwarded redirect": {func(l *LoadBalancer, _ *Config) { tls(l); l.Redirect = 8000 }, []string{"redirect 8000"}},
		"redirect to itself":   {func(l *LoadBalancer, _ *Config) { tls(l); l.Redirect = 80 }, []string{"redirect 80"}},
		"redirect without TLS": {func(l *LoadBalancer, _ *Config) { l.Redirect = 81 }, []string{"redirect 81"}},
		"redirect of TCP":      {func(l *LoadBalancer, _ *Config) { tls(l); l.Mode, l.Redirect = BalanceTCP, 81 }, []string{"redirect 81"}},
		"a source port":        {func(l *LoadBalancer, _ *Config) { l.Port = FirstSourcePort }, []string{"port 32768"}},
		"no port":              {func(l *LoadBalancer, _ *Config) { l.Port = 0 }, []string{"port "}},
		"a name":               {func(l *LoadBalancer, c *Config) { l.ID = "Web_1"; c.LoadBalancers = map[string]*LoadBalancer{l.ID: l} }, []string{"id Web_1"}},
		"a guest twice":        {func(l *LoadBalancer, _ *Config) { l.Pool[1].Guest = "100" }, []string{"pool[1].guest 100"}},
		"no guest":             {func(l *LoadBalancer, _ *Config) { l.Pool[0].Guest = "web1" }, []string{"pool[0].guest web1"}},
		"a weight":             {func(l *LoadBalancer, _ *Config) { l.Pool[0].Weight = 300 }, []string{"pool[0].weight 300"}},
		"too many guests": {func(l *LoadBalancer, _ *Config) {
			l.Pool = nil
			for i := range maxPool + 1 {
				l.Pool = append(l.Pool, PoolGuest{Guest: fmt.Sprint(100 + i)})
			}
		}, []string{"pool 257"}},
		"a path of TCP":       {func(l *LoadBalancer, _ *Config) { l.CheckPath = "/" }, []string{"check-path /"}},
		"a relative path":     {func(l *LoadBalancer, _ *Config) { l.Check, l.CheckPath = CheckHTTP, "up" }, []string{"check-path up"}},
		"a path with a blank": {func(l *LoadBalancer, _ *Config) { l.Check, l.CheckPath = CheckHTTP, "/a b" }, []string{"check-path /a b"}},
		"a host":              {func(l *LoadBalancer, _ *Config) { l.Check, l.CheckHost = CheckHTTP, "a b" }, []string{"check-host a b"}},
		"a status":            {func(l *LoadBalancer, _ *Config) { l.Check, l.CheckStatus = CheckHTTP, "200-" }, []string{"check-status 200-"}},
		"statuses":            {func(l *LoadBalancer, _ *Config) { l.Check, l.CheckStatus = CheckHTTP, "200-299,404" }, nil},
		"no check every":      {func(l *LoadBalancer, _ *Config) { l.Check, l.CheckInterval = CheckNone, 5 }, []string{"check-interval 5"}},
		"panic alone":         {func(l *LoadBalancer, _ *Config) { l.PanicThreshold = 50 }, []string{"panic-threshold 50"}},
		"panic":               {func(l *LoadBalancer, _ *Config) { l.PanicThreshold, l.WhenUnhealthy = 50, UnhealthyOpen }, nil},
		"a key alone":         {func(l *LoadBalancer, _ *Config) { l.Key = exampleKey }, []string{"key "}},
		"a certificate alone": {func(l *LoadBalancer, _ *Config) { l.Certificate = exampleCertificate }, []string{"certificate "}},
		"no certificate":      {func(l *LoadBalancer, _ *Config) { tls(l); l.Certificate = "x" }, []string{"certificate "}},
		"a long certificate":  {func(l *LoadBalancer, _ *Config) { tls(l); l.Certificate = strings.Repeat("x", maxCertificate+1) }, []string{"certificate "}},
		"no key":              {func(l *LoadBalancer, _ *Config) { tls(l); l.Key = "x" }, []string{"certificate "}},
		"a chain of itself":   {func(l *LoadBalancer, _ *Config) { tls(l); l.Certificate += exampleCertificate }, nil},
	} {
		var got []string
		for _, p := range Validate(cfg(c.change), []string{"node1"}) {
			if p.Kind == KindLoadBalancer {
				got = append(got, p.Field+" "+p.Value)
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
}

// A key that does not belong to the certificate is named as what it is, and never quoted.
func TestKeyPair(t *testing.T) {
	if certs, err := KeyPair(exampleCertificate, exampleKey); err != nil || certs[0].Subject.CommonName != "shop.example" {
		t.Errorf("%v, %v", certs, err)
	}
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	other := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if _, err := KeyPair(exampleCertificate, other); err == nil || !strings.Contains(err.Error(), "private key does not match") || strings.Contains(err.Error(), "BEGIN") {
		t.Errorf("the key of another certificate: %v", err)
	}
	if _, err := KeyPair(exampleCertificate, ""); err == nil {
		t.Error("no key is taken")
	}
}
