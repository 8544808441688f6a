package dnsserver

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/dnsserver"
	"github.com/viaduct-sdn/viaduct/internal/render/coredns"
)

// shortDir is a directory whose path leaves room for a socket's name.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ns")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// A server that is ending takes connections that it never answers: some are closed,
// some reset. It counts as gone once it is, not as one that fails.
func TestEndingServerIsNoFault(t *testing.T) {
	for name, hangUp := range map[string]func(net.Conn){
		"closes": func(c net.Conn) { _ = c.Close() },
		"closes after the word": func(c net.Conn) {
			_, _ = c.Read(make([]byte, 64))
			_ = c.Close()
		},
		// Bytes that nobody reads make the kernel reset a connection that is closed.
		"resets": func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1))
			_ = c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := shortDir(t)
			l, err := net.Listen("unix", filepath.Join(dir, coredns.Control))
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for range 3 {
					c, err := l.Accept()
					if err != nil {
						return
					}
					hangUp(c)
				}
				_ = l.Close()
			}()
			d := New(Options{Dir: dir, Command: []string{"unused"}, Version: "1", Timeout: 30 * time.Second})
			if _, pid, err := d.send(t.Context(), coredns.CommandStatus); !errors.Is(err, errNone) || pid != 0 {
				t.Errorf("process %d, %v", pid, err)
			}
			<-ended
			if err := d.stop(t.Context()); err != nil {
				t.Errorf("stop: %v", err)
			}
		})
	}
}

// Whoever finds the directory's lock free finds nobody listening, so a server that
// is started next is the only one.
func TestNobodyListensWithoutTheLock(t *testing.T) {
	for range 20 {
		dir := shortDir(t)
		if err := os.WriteFile(filepath.Join(dir, coredns.Settings), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		d := New(Options{Dir: dir, Command: []string{"unused"}, Version: "1", Timeout: 10 * time.Second})
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- dnsserver.Run(ctx, dir, "1", slog.New(slog.DiscardHandler)) }()
		if _, err := d.await(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := d.send(t.Context(), coredns.CommandStop); err != nil {
			t.Fatal(err)
		}
		if err := d.awaitUnlocked(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c, err := net.Dial("unix", filepath.Join(dir, coredns.Control)); err == nil {
			_ = c.Close()
			t.Fatal("the lock is free and the socket takes connections")
		}
		if err := <-served; err != nil {
			t.Fatal(err)
		}
		cancel()
	}
}
