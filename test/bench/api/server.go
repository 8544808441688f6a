package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

// server is a process that serves, and a client of it.
type server struct {
	cmd    *exec.Cmd
	data   string
	log    *log
	url    string
	token  string
	client *http.Client
	peak   float64 // memory, before its reset in the kernel
}

// startTimeout bounds a server's start.
const startTimeout = 30 * time.Second

// start starts a server with an empty data directory and makes a token.
func start(ctx context.Context, binary string) (*server, error) {
	data, err := os.MkdirTemp("", "viaduct-bench-")
	if err != nil {
		return nil, err
	}
	s := &server{data: data, log: &log{ready: make(chan string, 1)}}
	s.cmd = exec.CommandContext(ctx, binary, "server", "--data", data, "--listen", "127.0.0.1:0")
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(data))
	}
	if err := s.connect(ctx, binary); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// connect waits until the server serves, and makes a client.
func (s *server) connect(ctx context.Context, binary string) error {
	select {
	case address := <-s.log.ready:
		s.url = "https://" + address + "/api2/json"
	case <-time.After(startTimeout):
		return fmt.Errorf("the server does not listen:\n%s", s.log)
	case <-ctx.Done():
		return ctx.Err()
	}
	cmd := exec.CommandContext(ctx, binary, "token", "create", "root@pam", "bench", "--privsep=false")
	cmd.Env = append(os.Environ(), "VIADUCT_SERVER=unix://"+filepath.Join(s.data, "api.sock"))
	out, err := cmd.CombinedOutput()
	_, secret, ok := strings.Cut(strings.TrimSpace(string(out)), "=")
	if err != nil || !ok {
		return fmt.Errorf("making a token: %w: %s", err, out)
	}
	s.token = "PVEAPIToken=root@pam!bench=" + secret
	pem, err := os.ReadFile(filepath.Join(s.data, "ca.crt"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	s.client = &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, NextProtos: []string{"http/1.1"}}, MaxIdleConnsPerHost: writers, DisableCompression: true,
	}}
	return nil
}

// stop ends the server and removes its data.
func (s *server) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	err := s.cmd.Wait()
	if err != nil {
		err = fmt.Errorf("the server: %w\n%s", err, s.log)
	}
	return errors.Join(err, os.RemoveAll(s.data))
}

// call makes a request and returns the answer's body.
func (s *server) call(ctx context.Context, method, path string, form url.Values) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", s.token)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	return body, nil
}

// memory returns the present and the peak memory of the server.
func (s *server) memory() ([]report.Row, error) {
	now, err := s.status("VmRSS")
	if err != nil {
		return nil, err
	}
	peak, err := s.status("VmHWM")
	return []report.Row{mebibytes("api/memory", now), mebibytes("api/memory/peak", max(peak, s.peak))}, err
}

// forgetPeak makes the kernel reset the peak memory (proc(5), clear_refs), and returns
// the present memory.
func (s *server) forgetPeak() (float64, error) {
	var err error
	if s.peak, err = s.status("VmHWM"); err != nil {
		return 0, err
	}
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.cmd.Process.Pid), []byte("5"), 0); err != nil {
		return 0, err
	}
	return s.status("VmRSS")
}

// status reads a size from the server's status (proc(5)), in MiB.
func (s *server) status(field string) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, field+": %f kB", &kb); n == 1 {
			return kb / 1024, nil
		}
	}
	return 0, fmt.Errorf("the server's process tells no %s", field)
}

// listening matches the server's log of its listen address, followed by that of its socket.
var listening = regexp.MustCompile(`(?s)address=(127\.0\.0\.1:\d+).*socket=`)

// maxLog bounds how much of the server's log is kept, in bytes.
const maxLog = 1 << 20

// log is what the server writes, until it serves and then as much as fits.
type log struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	ready chan string
	sent  bool
}

// Write implements io.Writer.
func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buf.Len() < maxLog {
		l.buf.Write(b)
	}
	if !l.sent {
		if m := listening.FindSubmatch(l.buf.Bytes()); m != nil {
			l.sent = true
			l.ready <- string(m[1])
		}
	}
	return len(b), nil
}

// String is what was written.
func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
