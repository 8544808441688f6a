package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"strings"
	"syscall"
)

// advice explains a failed connection and suggests a solution.
func (c *Client) advice(err error) string {
	var (
		unknownCA *tls.CertificateVerificationError
		hostname  x509.HostnameError
		dns       *net.DNSError
		alert     tls.AlertError
		timeout   net.Error
	)
	socket := strings.HasPrefix(c.target, "unix:")
	switch {
	case socket && errors.Is(err, fs.ErrNotExist):
		return "the socket does not exist: start the server (viaduct server, or systemctl start viaduct-server), " +
			"or name the right data directory or address"
	case socket && errors.Is(err, fs.ErrPermission):
		return "only its owner may open the socket: run the command as root (sudo), or use https with an API token or an administrator's certificate"
	case socket && errors.Is(err, syscall.ECONNREFUSED):
		return "the socket is there but nothing listens on it: the server was stopped or has crashed; " +
			"start it and look at its log (journalctl -u viaduct-server)"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: is the server running, and is this its address and port?"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the server ended the connection without an answer, as one that is being stopped or has crashed does; " +
			"whether it did what was asked is not known: see what stands, then try again"
	case errors.As(err, &hostname):
		return "the server's certificate is for other names: use one of them, or start the server with this name or address"
	case errors.As(err, &unknownCA):
		return "the server's certificate is not from the authority given: is this the right server, and the CA file that belongs to it?"
	case errors.As(err, &alert):
		return "the server refused the TLS connection: give an administrator's certificate and key (admin.crt and admin.key in the server's data directory)"
	case errors.As(err, &dns):
		return "the host name cannot be resolved: check the spelling and the name servers"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "it did not answer in time: check the network and firewall between here and there, and the server's load and log"
	}
	return "check that the server is running, its log, and the network between"
}
