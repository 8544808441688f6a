package server

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/internal/server/task"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// adminName is the name in the administrator's certificate, and in the history of
// changes made with it.
const adminName = "admin"

// renewAdmin is how long before its end the administrator's certificate is replaced;
// refreshAdmin is how often a running server checks it.
const (
	renewAdmin   = 30 * 24 * time.Hour
	refreshAdmin = 24 * time.Hour
)

type peerKey struct{}

// peerContext adds the user at the other end of a unix socket to a context.
func peerContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, peerName(c))
}

// peerName returns the name of the user at the other end: "root@local".
func peerName(c net.Conn) string {
	if counted, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = counted.NetConn()
	}
	uc, ok := c.(*net.UnixConn)
	if !ok {
		return ""
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return ""
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil || credErr != nil {
		return ""
	}
	id := strconv.FormatUint(uint64(cred.Uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username + "@local"
	}
	return "uid-" + id + "@local"
}

// throughSocket reports whether a request came through the unix socket, which only
// administrators can open.
func throughSocket(r *http.Request) bool {
	name, ok := r.Context().Value(peerKey{}).(string)
	return ok && name != ""
}

// certificateNames returns the names of the server's certificate: those that the operator
// gives, and those of this host, both its full name and its node name, because nodes use
// either.
func (s *Server) certificateNames() []string {
	host, err := s.cfg.hostname()
	if err != nil {
		s.log.Warn("cannot tell this host's name, which the server's certificate lacks; give the names by which clients reach the server with --name", "error", err)
		return s.cfg.Names
	}
	return append(slices.Clone(s.cfg.Names), model.NodeName(host), host)
}

// hostName returns the name of this host in tasks, which is its node name.
func hostName() string {
	name, err := os.Hostname()
	name = model.NodeName(name)
	if _, ok := task.ParseUPID(task.UPID{Node: name, Type: "t", User: "u"}.String()); err != nil || !ok {
		return "localhost"
	}
	return name
}

// administrator returns the administrator who makes a request of the native interface;
// it is empty for callers who must authenticate otherwise. A user who can open the unix
// socket is an administrator, and so is the holder of an administrator's certificate.
func (s *Server) administrator(r *http.Request) (string, error) {
	if name, ok := r.Context().Value(peerKey{}).(string); ok {
		if name == "" {
			return "", problem.New(http.StatusForbidden, api.TypeForbidden, "the kernel does not tell who is connected")
		}
		return name, nil
	}
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return "", nil
	}
	cert := r.TLS.PeerCertificates[0]
	if pki.Unit(cert) != pki.UnitAdmin {
		return "", problem.New(http.StatusForbidden, api.TypeForbidden, "the certificate of %s is not an administrator's", cert.Subject.CommonName)
	}
	if err := s.admins.Check(cert); err != nil {
		return "", err
	}
	// Those of earlier releases are recorded at their first use.
	s.admins.Record(r.Context(), cert, "")
	return cert.Subject.CommonName, nil
}

// guarded returns a request with a context that ends when the administrator's certificate
// of the request is revoked, so that waits and streams end too. The caller must call done
// at the end.
func (s *Server) guarded(r *http.Request) (_ *http.Request, done func()) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || pki.Unit(r.TLS.PeerCertificates[0]) != pki.UnitAdmin {
		return r, func() {}
	}
	ctx, done := s.admins.Guard(r.Context(), r.TLS.PeerCertificates[0])
	return r.WithContext(ctx), done
}

// listenUnix listens on a socket that only its owner can open. It replaces a socket of
// a killed server; the store's lock ensures that no other server is running on the
// same data.
func listenUnix(path string) (net.Listener, error) {
	const longest = 107 // bytes, see unix(7)
	if len(path) > longest {
		return nil, fmt.Errorf("the socket's path %s has %d bytes and the kernel takes %d: name a shorter path", path, len(path), longest)
	}
	if fi, err := os.Lstat(path); err == nil && fi.Mode().Type() == fs.ModeSocket {
		if c, err := net.Dial("unix", path); err == nil {
			return nil, errors.Join(fmt.Errorf("another server is listening on %s: stop that one first", path), c.Close())
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("removing the socket of a server that is gone: %w", err)
		}
	}
	// Bound under another name and renamed when only its owner can open it: it
	// is never open to others, not even briefly.
	hidden := path + "~"
	if len(hidden) > longest {
		hidden = path[:len(path)-1] + "~"
	}
	if err := os.Remove(hidden); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("making the socket %s: %w", path, err)
	}
	l, err := net.Listen("unix", hidden)
	if err != nil {
		return nil, fmt.Errorf("making the socket %s: %w", path, err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(hidden, 0o600), os.Rename(hidden, path)); err != nil {
		return nil, errors.Join(fmt.Errorf("making the socket %s: %w", path, err), l.Close())
	}
	return &unixListener{l, path}, nil
}

// unixListener removes its socket when it is closed.
type unixListener struct {
	net.Listener
	path string
}

// Close implements net.Listener.
func (l *unixListener) Close() error {
	err := l.Listener.Close()
	if rm := os.Remove(l.path); !errors.Is(rm, fs.ErrNotExist) {
		err = errors.Join(err, rm)
	}
	return err
}

// writeAdmin writes an administrator's certificate and key, and the authority's
// certificate, to the data directory, unless valid ones exist.
func (s *Server) writeAdmin(ctx context.Context, a *pki.Authority) error {
	dir := s.cfg.Data
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	crt, key, ca := filepath.Join(dir, "admin.crt"), filepath.Join(dir, "admin.key"), filepath.Join(dir, "ca.crt")
	// It does not rewrite existing files: a server must start on a full disk.
	if old, err := os.ReadFile(ca); err != nil || string(old) != a.CertificatePEM() {
		if err := renameio.WriteFile(ca, []byte(a.CertificatePEM()), 0o644); err != nil {
			return fmt.Errorf("writing the authority's certificate: %w", err)
		}
	}
	if cert := readAdmin(crt, key, a); cert != nil && s.admins.Check(cert) == nil {
		s.admins.Record(ctx, cert, hostName())
		return nil
	}
	certPEM, keyPEM, err := a.IssueAdmin(adminName)
	if err != nil {
		return err
	}
	// The certificate last: without it the key is created again.
	if err := os.Remove(crt); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("replacing the administrator's certificate: %w", err)
	}
	if err := renameio.WriteFile(key, []byte(keyPEM), 0o600); err != nil {
		return fmt.Errorf("writing the administrator's key: %w", err)
	}
	if err := renameio.WriteFile(crt, []byte(certPEM), 0o600); err != nil {
		return fmt.Errorf("writing the administrator's certificate: %w", err)
	}
	if cert := readAdmin(crt, key, a); cert != nil {
		s.admins.Record(ctx, cert, hostName())
	}
	return nil
}

// keepAdmin keeps the administrator's certificate valid until ctx ends: a server can run
// for longer than its validity, and a revoked one is replaced at once. A failure does not
// stop the server.
func (s *Server) keepAdmin(ctx context.Context, a *pki.Authority) {
	tick := time.NewTicker(s.cfg.refresh)
	defer tick.Stop()
	for {
		changed := s.admins.Changed() // before the check of the file
		if err := s.writeAdmin(ctx, a); err != nil {
			s.log.Error("the administrator's certificate could not be renewed, trying again later", "error", err, "in", s.cfg.refresh)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-changed:
		}
	}
}

// readAdmin returns the administrator's certificate if the authority issued it, it does
// not expire soon, and its key exists.
func readAdmin(crt, key string, a *pki.Authority) *x509.Certificate {
	b, err := os.ReadFile(crt)
	if err != nil {
		return nil
	}
	if _, err := os.Stat(key); err != nil {
		return nil
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	_, err = cert.Verify(x509.VerifyOptions{
		Roots: a.Pool(), CurrentTime: time.Now().Add(renewAdmin), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil
	}
	return cert
}
