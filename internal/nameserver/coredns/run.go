package coredns

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/nameserver"
)

// ErrRuns says that the directory has a server already.
var ErrRuns = errors.New("another name server runs for this directory")

// patience bounds an exchange over the control socket.
const patience = 5 * time.Second

// Run serves a directory until it is told to stop, or ctx ends.
func Run(ctx context.Context, dir, version string, log *slog.Logger) error {
	lock, err := os.OpenFile(filepath.Join(dir, nameserver.Lock), os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	// The kernel lets go of the lock when the process ends, however it does.
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("%w: %s", ErrRuns, dir)
	}
	path := filepath.Join(dir, nameserver.Control)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	s := New(dir, version, log)
	if err := s.Load(); err != nil {
		return fmt.Errorf("read what to serve: %w", err)
	}
	defer s.close()
	control, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	// Closed before the lock is released: whoever finds the directory free finds nobody
	// listening either, and no connection that is taken and never answered.
	defer control.Close()
	stop := context.AfterFunc(ctx, func() { _ = control.Close() })
	defer stop()
	log.Info("serving", "directory", dir, "version", version)
	for {
		c, err := control.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if s.obey(c) {
			return nil
		}
	}
}

// obey answers one word over the control socket, and reports whether to stop.
func (s *Server) obey(c net.Conn) (stop bool) {
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return false
	}
	word, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return false
	}
	trouble := ""
	switch word = strings.TrimSpace(word); word {
	case nameserver.Look:
		s.again()
	case nameserver.Reload:
		if err := s.Load(); err != nil {
			trouble = err.Error()
			s.log.Error("cannot read what to serve; what was served before still is", "error", err)
		}
	case nameserver.Stop:
	default:
		trouble = fmt.Sprintf("unknown word %q", word)
	}
	a := s.answer()
	a.Error = trouble
	if err := json.NewEncoder(c).Encode(a); err != nil {
		s.log.Warn("cannot answer over the control socket", "error", err)
	}
	return word == nameserver.Stop
}
