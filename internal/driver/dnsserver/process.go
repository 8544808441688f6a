package dnsserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/render/coredns"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
)

// pause is the polling interval for a server that starts or ends.
const pause = 5 * time.Millisecond

// errNone reports that no server runs.
var errNone = errors.New("no DNS server runs")

// run makes a server of this release serve the content, and reports whether it had
// to be started.
func (d *Driver) run(ctx context.Context, content string, want *desired.NameServer) (a coredns.Answer, started bool, err error) {
	a, started, err = d.ensure(ctx, content)
	if err == nil {
		a, err = d.passSockets(ctx, a, want)
	}
	return a, started, err
}

// ensure is run without the server's sockets.
func (d *Driver) ensure(ctx context.Context, content string) (a coredns.Answer, started bool, err error) {
	a, pid, err := d.send(ctx, coredns.CommandStatus)
	switch {
	case err == nil && a.Version == d.o.Version:
		if a.Content != content {
			a, _, err = d.send(ctx, coredns.CommandReload)
		}
		if err == nil && a.Error != "" {
			err = fmt.Errorf("the DNS server cannot read its files and serves what it had: %s", a.Error)
		}
		return a, false, err
	case err == nil:
		err = d.stop(ctx)
	case pid != 0:
		err = d.kill(ctx, pid)
	case errors.Is(err, errNone):
		err = nil
	}
	if err != nil {
		return a, false, err
	}
	if err := d.start(); err != nil {
		return a, false, err
	}
	a, err = d.await(ctx)
	return a, true, err
}

// Services returns the server, if there should be one. It may be called at any time.
func (d *Driver) Services(ctx context.Context, want *desired.Space) []driver.Service {
	if want.NameServer == nil {
		return nil
	}
	_, pid, err := d.send(ctx, coredns.CommandStatus)
	if err != nil {
		pid = 0 // one that does not answer does not serve
	}
	return []driver.Service{{Name: "DNS server", PID: pid}}
}

// send sends a command to the server. pid is the owner of the socket, 0 if there is
// none; with an owner, an error means that it does not answer. A server that is
// ending accepts a connection and closes it: it is queried until it answers or has
// ended.
func (d *Driver) send(ctx context.Context, word string) (a coredns.Answer, pid int, err error) {
	ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	for {
		a, pid, err = d.exchange(ctx, word)
		if !hungUp(err) || !sleep.Context(ctx, pause) {
			return a, pid, err
		}
	}
}

// hungUp reports whether the peer closed a connection instead of answering.
func hungUp(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// exchange sends a command over a new connection and reads the answer.
func (d *Driver) exchange(ctx context.Context, word string) (a coredns.Answer, pid int, err error) {
	return d.withConn(ctx, func(c *net.UnixConn) error {
		_, err := fmt.Fprintln(c, word)
		return err
	})
}

// withConn sends data over a new connection and reads the answer.
func (d *Driver) withConn(ctx context.Context, send func(c *net.UnixConn) error) (a coredns.Answer, pid int, err error) {
	ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(d.o.Dir, coredns.Control))
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) {
		return a, 0, errNone
	}
	if err != nil {
		return a, 0, fmt.Errorf("reach the DNS server: %w", err)
	}
	defer c.Close()
	if pid, err = owner(c); err != nil {
		return a, 0, fmt.Errorf("tell who the DNS server is: %w", err)
	}
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return a, pid, err
	}
	if err = send(c.(*net.UnixConn)); err == nil {
		err = json.NewDecoder(c).Decode(&a)
	}
	if err != nil {
		err = fmt.Errorf("the DNS server (process %d) does not answer: %w", pid, err)
	}
	return a, pid, err
}

// owner returns the process that listens at the other end of a connection.
func owner(c net.Conn) (int, error) {
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	if ctl := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); ctl != nil {
		return 0, ctl
	}
	if err != nil {
		return 0, err
	}
	return int(cred.Pid), nil
}

// start starts the server, in its own session so that it survives the agent, and
// with its own log file.
func (d *Driver) start() error {
	log, err := os.OpenFile(filepath.Join(d.o.Dir, coredns.Log), os.O_CREATE|os.O_WRONLY|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("start the DNS server: %w", err)
	}
	defer log.Close()
	args := append(append([]string(nil), d.o.Command[1:]...), d.o.Dir)
	cmd := exec.Command(d.o.Command[0], args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	begin := cmd.Start
	if d.o.Namespace != nil {
		begin = func() error { return d.o.Namespace.Run(cmd.Start) }
	}
	if err := begin(); err != nil {
		return fmt.Errorf("start the DNS server: %w", err)
	}
	go func() { _ = cmd.Wait() }() // the result does not matter: the next pass detects that it ended
	return nil
}

// startFactor is the ratio of a server's start time limit to its answer time limit.
const startFactor = 4

// await waits until a started server answers.
func (d *Driver) await(ctx context.Context) (coredns.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, startFactor*d.o.Timeout)
	defer cancel()
	for {
		a, _, err := d.send(ctx, coredns.CommandStatus)
		if err == nil {
			return a, nil
		}
		if !sleep.Context(ctx, pause) {
			return a, fmt.Errorf("the DNS server was started but does not answer (%w); see %s: %s", err, filepath.Join(d.o.Dir, coredns.Log), d.lastLog())
		}
	}
}

// lastLog returns the end of the server's log.
func (d *Driver) lastLog() string {
	data, err := os.ReadFile(filepath.Join(d.o.Dir, coredns.Log))
	if err != nil {
		return ""
	}
	return string(data[max(0, len(data)-500):])
}

// stop ends the server, if one runs.
func (d *Driver) stop(ctx context.Context) error {
	_, pid, err := d.send(ctx, coredns.CommandStop)
	switch {
	case err == nil, errors.Is(err, errNone): // it may have ended without an answer
		return d.awaitUnlocked(ctx)
	case pid != 0:
		return d.kill(ctx, pid)
	}
	return err
}

// kill ends a server that does not answer. pid is the kernel's for the owner of the
// socket in the driver's directory.
func (d *Driver) kill(ctx context.Context, pid int) error {
	if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("end the DNS server that does not answer (process %d): %w", pid, err)
	}
	return d.awaitUnlocked(ctx)
}

// awaitUnlocked waits until nobody holds the lock of the directory.
func (d *Driver) awaitUnlocked(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	lock, err := os.OpenFile(filepath.Join(d.o.Dir, coredns.Lock), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	for {
		err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return nil
		}
		if !sleep.Context(ctx, pause) {
			return fmt.Errorf("the DNS server does not end: %w", err)
		}
	}
}
