// Package attacks holds the project's own attacks on its server: each uses up what
// clients share, as a client without credentials, with few rights, or with a node's
// certificate, and shows that others are served meanwhile and that the server starts
// again afterwards. Each is against a private server on the loopback, and bounded in
// number and time.
//
// Without a flag the attacks are short; make test-attacks runs them at full size.
package attacks

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/pki"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

var full = flag.Bool("full", false, "run the attacks at full size")

// size is how much of something an attack uses: a short one, or all.
func size(short, all int) int {
	if *full {
		return all
	}
	return short
}

const (
	patience = 60 * time.Second
	// startWithin and memoryMost are what a start may take after any of the attacks.
	startWithin = 30 * time.Second
	memoryMost  = 1 << 10 // MiB
)

// binary is the program under attack.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "viaduct-attacks-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "viaduct")
	if given := os.Getenv("VIADUCT"); given != "" {
		binary = given
	} else if out, err := exec.Command("go", "build", "-o", binary, "github.com/viaduct-sdn/viaduct/cmd/viaduct").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("building: %v: %s", err, out))
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// target is a server process.
type target struct {
	data, address string
	cmd           *exec.Cmd
	log           *os.File
	local         *client.Client
	ca            *x509.CertPool
}

// run starts a server that may open so many files.
func run(t *testing.T, files int) *target {
	t.Helper()
	s := &target{data: t.TempDir()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	_ = l.Close()
	s.start(t, files)
	t.Cleanup(func() { s.stop(t) })
	return s
}

func (s *target) start(t *testing.T, files int) {
	t.Helper()
	var err error
	if s.log, err = os.OpenFile(filepath.Join(s.data, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command("sh", "-c", fmt.Sprintf("ulimit -n %d; exec %s server --data %s/d --listen %s", files, binary, s.data, s.address))
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if s.local, err = client.New("unix://" + filepath.Join(s.data, "d", "api.sock")); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(startWithin); ; <-time.After(50 * time.Millisecond) {
		if _, err = s.local.Version(t.Context()); err == nil {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("the server did not start within %s: %v\n%s", startWithin, err, s.tail())
		}
	}
	pem, err := os.ReadFile(filepath.Join(s.data, "d", "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	s.ca = x509.NewCertPool()
	s.ca.AppendCertsFromPEM(pem)
}

func (s *target) stop(t *testing.T) {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- s.cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("the server ended with %v\n%s", err, s.tail())
		}
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		t.Error("the server did not stop")
	}
	_ = s.log.Close()
	s.cmd = nil
}

// startsAgain demands that the server starts in time and with little memory.
func (s *target) startsAgain(t *testing.T) {
	t.Helper()
	s.stop(t)
	s.start(t, 4096)
	if mem := s.memory(t, "VmHWM"); mem > memoryMost {
		t.Errorf("a start takes %d MiB", mem)
	}
}

func (s *target) tail() string {
	b, _ := os.ReadFile(s.log.Name())
	return string(b[max(0, len(b)-2000):])
}

// memory is a figure of the server's memory, in MiB.
func (s *target) memory(t *testing.T, which string) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == which+":" {
			kib, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			return kib >> 10
		}
	}
	t.Fatalf("no %s", which)
	return 0
}

// user makes a user with a role on a path, unless that is empty, and returns the header
// of a token.
func (s *target) user(t *testing.T, id, path, role string) string {
	t.Helper()
	if _, err := s.local.PutUser(t.Context(), api.User{ID: id}, ""); err != nil {
		t.Fatal(err)
	}
	if path != "" {
		if _, err := s.local.EditACL(t.Context(), api.ACLEdit{Add: []api.ACLEntry{{Path: path, Type: "user", Subject: id, Role: role, Propagate: true}}}); err != nil {
			t.Fatal(err)
		}
	}
	token, err := s.local.CreateUserToken(t.Context(), api.UserToken{User: id, Name: "tt", AllPrivileges: true})
	if err != nil {
		t.Fatal(err)
	}
	return "PVEAPIToken=" + id + "!tt=" + token.Secret
}

// from is a client at an address of the loopback.
func (s *target) from(t *testing.T, address, token string) *caller {
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: patience}
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.ca, ServerName: "127.0.0.1"}, DialContext: d.DialContext}
	t.Cleanup(tr.CloseIdleConnections)
	return &caller{url: "https://" + s.address, token: token, http: &http.Client{Transport: tr, Timeout: 2 * patience}}
}

type caller struct {
	url, token string
	http       *http.Client
}

// do makes a request and returns status and body.
func (c *caller) do(ctx context.Context, method, path string, body []byte) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if c.token != "" {
		req.Header.Set("Authorization", c.token)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, string(b), err
}

// must is do for a request that has to succeed with a status.
func (c *caller) must(t *testing.T, want int, method, path string, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	got, text, err := c.do(t.Context(), method, path, b)
	if err != nil || got != want {
		t.Fatalf("%s %s: %d %.300s, %v; want %d", method, path, got, text, err, want)
	}
	return text
}

// honest makes requests as somebody else from another address until the test calls what
// it returns, which demands that all of them were answered.
func (s *target) honest(t *testing.T) (done func()) {
	t.Helper()
	c := s.from(t, "127.0.0.2", s.user(t, fmt.Sprintf("honest%d@pve", time.Now().UnixNano()), "/", "Administrator"))
	stop, ended := make(chan struct{}), make(chan struct{})
	served, writes := 0, 0
	var fault error
	var slowest time.Duration
	go func() {
		defer close(ended)
		for i := 0; fault == nil; i++ {
			began := time.Now()
			method, path, body, want := "GET", "/api/v1/zones", []byte(nil), 200
			if i%3 == 0 {
				method, path, body = "PUT", "/api/v1/zones/honest", []byte(fmt.Sprintf(`{"type":"simple","mtu":%d}`, 1300+i%100))
				writes++
			}
			got, text, err := c.do(context.Background(), method, path, body)
			if err == nil && got != want {
				err = fmt.Errorf("%d %.200s", got, text)
			}
			if err != nil {
				fault = fmt.Errorf("%s %s: %w", method, path, err)
			}
			served++
			slowest = max(slowest, time.Since(began))
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	finish := sync.OnceFunc(func() { close(stop); <-ended })
	t.Cleanup(finish)
	return func() {
		t.Helper()
		finish()
		if fault != nil {
			t.Errorf("somebody else, after %d requests: %v", served, fault)
		}
		t.Logf("somebody else made %d requests, %d of them writes; the slowest took %s", served, writes, slowest)
	}
}

// member makes a node join and returns its client.
func (s *target) member(t *testing.T, name string) *caller {
	t.Helper()
	tok, err := s.local.CreateToken(t.Context(), api.TokenRequest{Node: name})
	if err != nil {
		t.Fatal(err)
	}
	cert, key, ca, err := pki.Join(t.Context(), "https://"+s.address, tok.Token, name)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := pki.AgentTLS(cert, key, ca)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{TLSClientConfig: cfg, Protocols: pki.OnlyHTTP2()}
	t.Cleanup(tr.CloseIdleConnections)
	return &caller{url: "https://" + s.address, http: &http.Client{Transport: tr, Timeout: 2 * patience}}
}
