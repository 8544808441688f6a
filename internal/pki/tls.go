package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// ServerTLS is the TLS configuration of a server: version 1.3, its certificate renewed
// automatically, client certificates of the authority accepted but not requested. The
// certificate is valid for localhost, the names given, of which the last is its subject,
// and every address that clients connect to.
//
// HTTP/1.1 is preferred to HTTP/2 if a client offers both: clients of the Proxmox API read
// errors in the status line's reason, which HTTP/2 does not have. Agents offer HTTP/2
// alone.
func (a *Authority) ServerTLS(names []string) *tls.Config {
	s := &serverCert{authority: a, names: []string{"localhost"}, ips: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			s.ips = append(s.ips, ip)
		} else if n != "" && !slices.Contains(s.names, n) {
			s.names = append(s.names, n)
		}
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		NextProtos:     []string{"http/1.1", "h2"}, // the server's order has precedence
		ClientAuth:     tls.VerifyClientCertIfGiven,
		ClientCAs:      a.Pool(),
		GetCertificate: s.get,
		Time:           a.now,
	}
}

// serverCert keeps a server's certificate.
type serverCert struct {
	authority *Authority
	names     []string

	mu   sync.Mutex
	ips  []net.IP
	cert *tls.Certificate
}

// get returns the certificate, a new one if it is about to end or lacks the address that
// the client has connected to. Without a connection any address is acceptable.
func (s *serverCert) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if addr, ok := reached(hello); ok && !slices.ContainsFunc(s.ips, addr.IP.Equal) {
		s.ips = append(s.ips, addr.IP)
		s.cert = nil
	}
	if s.cert != nil && !due(s.cert.Leaf, s.authority.now()) {
		return s.cert, nil
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	name := s.names[len(s.names)-1]
	leaf, err := s.authority.issue(UnitServer, name, key.Public(), s.names, s.ips)
	if err != nil {
		return nil, err
	}
	// The authority's own certificate is included for nodes that join: they know only its
	// key's fingerprint.
	s.cert = &tls.Certificate{Certificate: [][]byte{leaf.Raw, s.authority.cert.Raw}, PrivateKey: key, Leaf: leaf}
	return s.cert, nil
}

// reached is the address that a client has connected to.
func reached(hello *tls.ClientHelloInfo) (*net.TCPAddr, bool) {
	if hello.Conn == nil {
		return nil, false
	}
	addr, ok := hello.Conn.LocalAddr().(*net.TCPAddr)
	return addr, ok
}

// CertificateOf is the certificate that clients of a ServerTLS see.
func CertificateOf(server *tls.Config) (*x509.Certificate, error) {
	c, err := server.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		return nil, err
	}
	return c.Leaf, nil
}

// due reports whether a third or less of a certificate's life is left.
func due(c *x509.Certificate, now time.Time) bool { return now.After(RenewAt(c)) }

// RenewAt is when a certificate should be renewed: at two thirds of its life.
func RenewAt(c *x509.Certificate) time.Time {
	return c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) / 3 * 2)
}

// OnlyHTTP2 is the protocol of an agent: its long polls and reports share a connection
// that HTTP/2 monitors.
func OnlyHTTP2() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP2(true)
	return p
}

// AgentTLS is the TLS configuration of a node that has joined. The server must have a
// server's certificate of the authority; the name or address by which the node reaches it
// does not matter, since all servers of a cluster are equivalent and addresses change.
func AgentTLS(certPEM, keyPEM, caPEM string) (*tls.Config, error) {
	cert, err := tls.X509KeyPair([]byte(certPEM), []byte(keyPEM))
	if err != nil {
		return nil, fmt.Errorf("the node's certificate and key: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(caPEM)) {
		return nil, errors.New("the authority's certificate is not PEM")
	}
	cfg := trust(func([]*x509.Certificate) (*x509.CertPool, error) { return pool, nil })
	cfg.Certificates = []tls.Certificate{cert}
	return cfg, nil
}

// ErrPin means that the server is not the one that the token is for.
var ErrPin = errors.New("the server is not of the cluster that the token is for")

// Pin is the TLS configuration of a node that joins: it trusts exactly the authority with
// the fingerprint of its public key in the token.
func Pin(want string) *tls.Config {
	return trust(func(chain []*x509.Certificate) (*x509.CertPool, error) {
		for _, c := range chain {
			if fingerprint(c) == want && c.IsCA {
				pool := x509.NewCertPool()
				pool.AddCert(c)
				return pool, nil
			}
		}
		return nil, fmt.Errorf("%w: check the server's address, and that the token was made on it; "+
			"if both are right, something is intercepting the connection", ErrPin)
	})
}

// trust verifies the server's chain against the roots that it finds for it, in
// place of the standard check, which would also compare names.
func trust(roots func(chain []*x509.Certificate) (*x509.CertPool, error)) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		NextProtos:         []string{"h2"},
		InsecureSkipVerify: true, // VerifyConnection below does the verification
		VerifyConnection: func(cs tls.ConnectionState) error {
			pool, err := roots(cs.PeerCertificates)
			if err != nil {
				return err
			}
			_, err = cs.PeerCertificates[0].Verify(x509.VerifyOptions{
				Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			})
			if err != nil {
				return fmt.Errorf("the server's certificate is not from the cluster's authority: %w", err)
			}
			return nil
		},
	}
}
