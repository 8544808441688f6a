package haproxy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// Settings are those of the process, which no load balancer declares.
type Settings struct {
	// Socket is the path of the runtime API, State that of the file from which a starting
	// process takes which servers work; Certificates is the directory of CertificateFile.
	Socket, State, Certificates string
	// Namespace returns the name of a space's network namespace, as in HAProxy's
	// namespace keyword; the host's space has none.
	Namespace func(space string) string
	// Threads is the number of threads, Files that of file descriptors.
	Threads, Files int
}

// CertificateFile is the name of the file with a certificate. Another certificate has
// another name, so that files of the running process never change.
func CertificateFile(k *desired.KeyPair) string { return k.Digest() + ".pem" }

// CertificateText is the content of CertificateFile.
func CertificateText(k *desired.KeyPair) string {
	return strings.TrimRight(string(k.Chain), "\n") + "\n" + strings.TrimRight(string(k.Key), "\n") + "\n"
}

// AllSuffix is the suffix of the name of a second backend of a load balancer: the servers
// without checks, which are used when too few of them work.
const AllSuffix = ".all"

// Backends returns the names of a load balancer's backends; all have the same slots.
func Backends(l *desired.LoadBalancer) []string {
	if l.Panic > 0 && l.Check != nil {
		return []string{l.Name, l.Name + AllSuffix}
	}
	return []string{l.Name}
}

// Structure identifies all of the configuration that cannot be changed at run time. The path
// of the runtime API, which differs in every process, is no part of it.
func Structure(all []desired.LoadBalancer, s Settings) string {
	s.Socket = ""
	sum := sha256.Sum256([]byte(Config(all, nil, s, "")))
	return hex.EncodeToString(sum[:16])
}

// Config returns the configuration of load balancers. The servers of each are in its slots;
// structure is that of the load balancers.
func Config(all []desired.LoadBalancer, slots map[string]Slots, s Settings, structure string) string {
	w := &writer{s: s}
	w.line("# Written by Viaduct, which overwrites changes.")
	w.line("global")
	w.line("\tdescription %s", structure)
	w.line("\tstats socket %s mode 600 level admin expose-fd listeners", quote(s.Socket))
	w.line("\tserver-state-file %s", quote(s.State))
	w.line("\tnbthread %d", s.Threads)
	w.line("\tfd-hard-limit %d", s.Files)
	w.line("\tssl-default-bind-options ssl-min-ver TLSv1.2")
	w.line("defaults")
	w.line("\tload-server-state-from-file global")
	w.line("\ttimeout connect 5s")
	w.line("\ttimeout check 5s")
	w.line("\ttimeout http-request 10s")
	w.line("\ttimeout http-keep-alive 60s")
	// A connection that a server refuses, or that no server answers, is tried at another.
	w.line("\tretries 3")
	w.line("\toption redispatch 1")
	for i := range all {
		w.loadBalancer(&all[i], slots[all[i].Name])
	}
	return w.b.String()
}

// writer writes a configuration.
type writer struct {
	b strings.Builder
	s Settings
}

func (w *writer) line(format string, args ...any) {
	fmt.Fprintf(&w.b, format, args...)
	w.b.WriteByte('\n')
}

// loadBalancer writes the proxies of a load balancer.
func (w *writer) loadBalancer(l *desired.LoadBalancer, slots Slots) {
	w.line("listen %s", l.Name)
	w.common(l)
	for _, x := range l.Listen {
		w.bind(l, x)
	}
	w.line("\tmaxconn %d", l.MaxConnections)
	w.line("\ttimeout client %ds", l.IdleTimeout)
	if l.HTTP {
		w.line("\toption forwardfor")
		w.line("\thttp-request set-header X-Forwarded-Proto %%[ssl_fc,iif(https,http)]")
		w.redirects(l)
	}
	backends := Backends(l)
	if len(backends) > 1 {
		w.line("\tuse_backend %s if { nbsrv(%s) lt %d }", backends[1], l.Name, fewest(l))
	}
	if c := l.Check; c != nil && c.Path != "" {
		w.line("\toption httpchk")
		version := "HTTP/1.0" // which needs no host
		if c.Host != "" {
			version = "HTTP/1.1 hdr Host " + quote(strings.ReplaceAll(c.Host, "%", "%%"))
		}
		w.line("\thttp-check send meth GET uri %s ver %s", quote(c.Path), version)
		w.line("\thttp-check expect status %s", c.Status)
	}
	w.servers(l, slots, l.Check)
	if len(backends) > 1 {
		w.line("backend %s", backends[1])
		w.common(l)
		w.servers(l, slots, nil)
	}
}

// common writes what a load balancer's proxies share.
func (w *writer) common(l *desired.LoadBalancer) {
	mode, algorithm := "tcp", l.Algorithm
	if l.HTTP {
		mode = "http"
	} else if l.Sticky {
		algorithm = desired.BalanceSource
	}
	w.line("\tmode %s", mode)
	w.line("\tbalance %s", algorithm)
	if algorithm == desired.BalanceSource {
		w.line("\thash-type consistent") // a server less moves only its own clients
	}
	w.line("\ttimeout server %ds", l.IdleTimeout)
	w.line("\ttimeout tunnel %ds", l.IdleTimeout)
	if l.HTTP && l.Sticky {
		// The value is a hash of the server's address and the key: all nodes use the same.
		w.line("\tcookie VIADUCT insert indirect nocache httponly dynamic")
		w.line("\tdynamic-cookie-key %s", l.Name)
	}
}

// bind writes a listener. It may have an address that its namespace does not have, or not
// yet (transparent).
func (w *writer) bind(l *desired.LoadBalancer, x desired.LoadBalancerListener) {
	line := "\tbind " + x.Addr.String() + w.namespace(l) + " transparent"
	if l.AcceptProxy {
		line += " accept-proxy"
	}
	if l.Certificate != nil && !x.Redirect {
		line += " ssl crt " + quote(w.s.Certificates+"/"+CertificateFile(l.Certificate))
		if l.HTTP {
			line += " alpn h2,http/1.1"
		}
	}
	w.line("%s", line)
}

// redirects writes the redirections to https, which has the port of the listener with TLS.
func (w *writer) redirects(l *desired.LoadBalancer) {
	redirected, port := false, uint16(443)
	for _, x := range l.Listen {
		redirected = redirected || x.Redirect
		if !x.Redirect {
			port = x.Addr.Port()
		}
	}
	switch {
	case !redirected:
	case port == 443:
		w.line("\thttp-request redirect scheme https code 308 unless { ssl_fc }")
	default:
		w.line("\thttp-request redirect location https://%%[req.hdr(host),field(1,:)]:%d%%[capture.req.uri] code 308 unless { ssl_fc }", port)
	}
}

// servers writes the slots; those that are free are in maintenance.
func (w *writer) servers(l *desired.LoadBalancer, slots Slots, c *desired.HealthCheck) {
	options := "" // HAProxy ignores a namespace here
	if c != nil {
		options += fmt.Sprintf(" check inter %ds fastinter 1s fall %d rise %d", c.Interval, c.Fall, c.Rise)
	}
	if l.SendProxy {
		options += " send-proxy-v2"
		if c != nil {
			options += " check-send-proxy"
		}
	}
	if options != "" {
		w.line("\tdefault-server%s", options)
	}
	for i, s := range slots {
		if s == (desired.LoadBalancerServer{}) {
			w.line("\tserver %s 0.0.0.0:1%s disabled", SlotName(i), w.namespace(l))
		} else {
			w.line("\tserver %s %s%s weight %d", SlotName(i), s.Addr, w.namespace(l), s.Weight)
		}
	}
}

func (w *writer) namespace(l *desired.LoadBalancer) string {
	if l.Space == "" {
		return ""
	}
	return " namespace " + quote(w.s.Namespace(l.Space))
}

// quote writes a word so that HAProxy reads it unchanged (configuration manual, 2.2).
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// fewest is the number of working servers below which all are used: at least 1.
func fewest(l *desired.LoadBalancer) int { return max(1, (len(l.Servers)*l.Panic+99)/100) }
