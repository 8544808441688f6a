// Package process runs the program under test as a server of its own, for the benchmarks
// below test/bench.
package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// Server is a process that serves on the loopback, with a data directory of its own.
type Server struct {
	cmd *exec.Cmd
	log *log
	// Data is the data directory; Address where it serves TLS, host and port.
	Data, Address string
	// Client has the rights of the server's socket.
	Client *client.Client
}

// startTimeout bounds a server's start.
const startTimeout = 30 * time.Second

// Start starts a server with an empty data directory, and waits until it serves.
func Start(ctx context.Context, binary string, args ...string) (*Server, error) {
	data, err := os.MkdirTemp("", "viaduct-bench-")
	if err != nil {
		return nil, err
	}
	s := &Server{Data: data, log: &log{ready: make(chan string, 1)}}
	s.cmd = exec.CommandContext(ctx, binary, append([]string{"server", "--data", data, "--listen", "127.0.0.1:0"}, args...)...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(data))
	}
	if err := s.await(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Server) await(ctx context.Context) (err error) {
	select {
	case s.Address = <-s.log.ready:
	case <-time.After(startTimeout):
		return fmt.Errorf("the server does not listen:\n%s", s.log)
	case <-ctx.Done():
		return ctx.Err()
	}
	s.Client, err = client.New("unix://" + filepath.Join(s.Data, "api.sock"))
	return err
}

// Stop ends the server and removes its data.
func (s *Server) Stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	err := s.cmd.Wait()
	if err != nil {
		err = fmt.Errorf("the server: %w\n%s", err, s.log)
	}
	return errors.Join(err, os.RemoveAll(s.Data))
}

// Memory reads a size from the process' status (proc(5)), such as VmRSS, in MiB.
func (s *Server) Memory(field string) (float64, error) {
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

// ResetPeak makes the kernel forget the peak memory, VmHWM (proc(5), clear_refs).
func (s *Server) ResetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.cmd.Process.Pid), []byte("5"), 0)
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
