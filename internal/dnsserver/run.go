package dnsserver

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/render/coredns"
)

// ErrRuns means that the directory has a running server already.
var ErrRuns = errors.New("another name server runs for this directory")

// timeout bounds an exchange over the control socket.
const timeout = 5 * time.Second

// Process configures the process of a DNS server.
type Process struct {
	// Dir is the directory of its files, Version the release that it reports.
	Dir, Version string
	// User, "UID:GID", is the user that it becomes, if not empty: it opens what it needs,
	// and executes itself again as that user, with the arguments Args and one more, the
	// flag --inherited with the value for Inherited.
	User, Inherited string
	Args            []string
	Log             *slog.Logger
}

// Run serves a directory as the present user, until a Stop command or ctx ends.
func Run(ctx context.Context, dir, version string, log *slog.Logger) error {
	return Process{Dir: dir, Version: version, Log: log}.Run(ctx)
}

// Run serves until a Stop command, or ctx ends.
func (p Process) Run(ctx context.Context) error {
	if p.Inherited != "" {
		h, err := inherit(p.Inherited)
		if err != nil {
			return err
		}
		return p.serve(ctx, h)
	}
	h, err := open(p.Dir)
	if err != nil {
		return err
	}
	if p.User == "" {
		return p.serve(ctx, h)
	}
	defer closeAll(h.files())
	return become(p.User, p.Args, h)
}

// serve serves with the opened handles.
func (p Process) serve(ctx context.Context, h *handles) error {
	defer h.lock.Close() // which releases it, however the process ends
	s := New(h.path, p.Version, p.Log)
	if err := s.Load(); err != nil {
		closeAll([]*os.File{h.dir, h.control})
		return fmt.Errorf("read what to serve: %w", err)
	}
	defer h.dir.Close()
	defer s.close()
	// From here on the kernel names this process as the socket's owner (unix(7),
	// SO_PEERCRED).
	if err := unix.Listen(int(h.control.Fd()), backlog); err != nil {
		return errors.Join(err, h.control.Close())
	}
	control, err := net.FileListener(h.control)
	if err := errors.Join(err, h.control.Close()); err != nil {
		return err
	}
	// Closed before the lock is released: a process that finds the directory unlocked
	// finds no listener either, and no connection that is accepted and never answered.
	defer control.Close()
	stop := context.AfterFunc(ctx, func() { _ = control.Close() })
	defer stop()
	p.Log.Info("serving", "directory", p.Dir, "version", p.Version, "uid", os.Getuid())
	for {
		c, err := control.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if s.handleCommand(c.(*net.UnixConn)) {
			return nil
		}
	}
}

// handleCommand answers one command over the control socket, and reports whether to stop.
func (s *Server) handleCommand(c *net.UnixConn) (stop bool) {
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		return false
	}
	lines, files, err := receive(c)
	if err != nil {
		return false
	}
	word, trouble := lines.Text(), ""
	if word != coredns.CommandListen {
		closeAll(files)
	}
	switch word {
	case coredns.CommandStatus:
		s.refresh()
	case coredns.CommandReload:
		if err := s.Load(); err != nil {
			trouble = err.Error()
			s.log.Error("cannot read what to serve; what was served before still is", "error", err)
		}
	case coredns.CommandListen:
		var listeners []desired.NameListener
		lines.Scan()
		if err := json.Unmarshal(lines.Bytes(), &listeners); err != nil {
			closeAll(files)
			trouble = err.Error()
		} else if err := s.addSockets(listeners, files); err != nil {
			trouble = err.Error()
			s.log.Error("cannot use sockets that were given", "error", err)
		}
	case coredns.CommandStop:
	default:
		trouble = fmt.Sprintf("unknown word %q", word)
	}
	a := s.answer()
	a.Error = trouble
	if err := json.NewEncoder(c).Encode(a); err != nil {
		s.log.Warn("cannot answer over the control socket", "error", err)
	}
	return word == coredns.CommandStop
}

// maxCommand bounds a command with its data, in bytes.
const maxCommand = 64 << 10

// receive reads a command, which is on the first line, and the files that come with it.
func receive(c *net.UnixConn) (lines *bufio.Scanner, files []*os.File, err error) {
	first, rights := make([]byte, maxCommand), make([]byte, unix.CmsgSpace(4*2*coredns.MaxListeners))
	n, nr, _, _, err := c.ReadMsgUnix(first, rights)
	if err != nil {
		return nil, nil, err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:nr])
	if err != nil {
		return nil, nil, err
	}
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue // other control messages
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "socket"))
		}
	}
	lines = bufio.NewScanner(io.MultiReader(bytes.NewReader(first[:n]), io.LimitReader(c, maxCommand)))
	lines.Buffer(nil, maxCommand)
	if !lines.Scan() {
		closeAll(files)
		return nil, nil, cmp.Or(lines.Err(), io.ErrUnexpectedEOF)
	}
	return lines, files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // nothing was written
	}
}
