package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// server is a process that serves, and a client of it.
type server struct {
	cmd    *exec.Cmd
	data   string
	url    string
	client *client.Client
}

// startTimeout bounds a server's start.
const startTimeout = 30 * time.Second

// listening matches the server's log of its listen address, followed by that of its socket.
var listening = regexp.MustCompile(`(?s)address=(127\.0\.0\.1:\d+).*socket=`)

// start starts a server with an empty data directory.
func start(ctx context.Context, binary string) (_ *server, err error) {
	data, err := os.MkdirTemp("", "viaduct-bench-")
	if err != nil {
		return nil, err
	}
	logPath := filepath.Join(data, "log")
	log, err := os.Create(logPath)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(data))
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	s := &server{data: data}
	s.cmd = exec.CommandContext(ctx, binary, "server", "--data", data, "--listen", "127.0.0.1:0")
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(data))
	}
	if s.url, err = address(ctx, logPath); err == nil {
		s.client, err = client.New("unix://" + filepath.Join(data, "api.sock"))
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// address waits until the server serves.
func address(ctx context.Context, logPath string) (string, error) {
	late := time.After(startTimeout)
	for {
		b, err := os.ReadFile(logPath)
		if err != nil {
			return "", err
		}
		if m := listening.FindSubmatch(b); m != nil {
			return "https://" + string(m[1]), nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-late:
			return "", fmt.Errorf("the server does not listen:\n%s", b)
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// stop ends the server and removes its data.
func (s *server) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	err := s.cmd.Wait()
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(s.data, "log")) // or there is none to show
		err = fmt.Errorf("the server: %w\n%s", err, log)
	}
	return errors.Join(err, os.RemoveAll(s.data))
}
