package frr

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// askTimeout bounds the wait for a daemon's answer, endTimeout the wait for the end
// of a daemon that does not answer.
const (
	askTimeout = time.Minute
	endTimeout = 3 * time.Second
)

// readRunning reads the running configuration of the daemons. It queries them
// directly, as vtysh does, and merges their answers: each shows its part of a
// shared context, such as an interface. Starting vtysh, which loads thousands of
// commands first, would take longer than all the rest of a pass with nothing to do.
func (d *Driver) readRunning(ctx context.Context) (*node, error) {
	names, err := d.listening()
	if err != nil {
		return nil, err
	}
	root := &node{}
	for _, name := range names {
		text, err := d.showConfigRetrying(ctx, name)
		if err != nil {
			return nil, err
		}
		root.mergeRunning(text)
	}
	return root, nil
}

// showConfigRetrying queries a daemon until it answers or has ended, which leaves its
// socket: one that is about to end accepts a query and does not answer it.
func (d *Driver) showConfigRetrying(ctx context.Context, daemon string) (string, error) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	deadline := time.Now().Add(endTimeout)
	for {
		text, err := d.showConfig(ctx, daemon)
		if err == nil {
			return text, nil
		}
		if _, runs := d.process(daemon); !runs && ctx.Err() == nil {
			return "", nil
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return "", err
		}
		<-tick.C
	}
}

// readDaemon reads the running configuration of one daemon.
func (d *Driver) readDaemon(ctx context.Context, name string) (*node, error) {
	text, err := d.showConfig(ctx, name)
	if err != nil {
		return nil, err
	}
	return parseRunning(text), nil
}

// listening lists the daemons that have a socket, including those of others.
// watchfrr has only settings of its own; vtysh leaves it out as well.
func (d *Driver) listening() ([]string, error) {
	const suffix = ".vty"
	entries, err := os.ReadDir(d.path(d.runDir()))
	if err != nil {
		return nil, fmt.Errorf("find FRR's daemons: %w", err)
	}
	var out []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok && name != "watchfrr" {
			out = append(out, name)
		}
	}
	// In FRR's start order, others after those.
	slices.SortStableFunc(out, func(a, b string) int { return startOrder(a) - startOrder(b) })
	return out, nil
}

// startOrder is a daemon's position among the known ones, or after them.
func startOrder(daemon string) int {
	if i := slices.Index(known, daemon); i >= 0 {
		return i
	}
	return len(known)
}

// showConfig has a daemon print its configuration.
func (d *Driver) showConfig(ctx context.Context, daemon string) (text string, err error) {
	err = d.withConn(ctx, daemon, func(c *vtyConn) error {
		if _, err := c.mustCommand("enable"); err != nil {
			return err
		}
		text, err = c.mustCommand("write terminal")
		return err
	})
	if err != nil {
		return "", fmt.Errorf("FRR's %s does not tell its configuration: %w", daemon, err)
	}
	return text, nil
}

// Show runs a show command on a daemon, and returns its output. It may be called at
// any time.
func (d *Driver) Show(ctx context.Context, daemon, command string) (text string, err error) {
	if _, runs := d.process(daemon); !runs {
		return "", fmt.Errorf("FRR's %s does not run", daemon)
	}
	err = d.withConn(ctx, daemon, func(c *vtyConn) error {
		if _, err := c.mustCommand("enable"); err != nil {
			return err
		}
		text, err = c.mustCommand(command)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("FRR's %s does not answer %q: %w", daemon, command, err)
	}
	return text, nil
}

// configure sends the lines of a script to one daemon, and returns its messages
// about those that it refuses. Lines below a refused head are not sent.
func (d *Driver) configure(ctx context.Context, daemon string, lines []string) (*messages, error) {
	out := newMessages()
	err := d.withConn(ctx, daemon, func(c *vtyConn) error {
		for _, command := range []string{"enable", "configure terminal"} {
			if _, err := c.mustCommand(command); err != nil {
				return err
			}
		}
		depth := func(i int) int { return len(lines[i]) - len(strings.TrimLeft(lines[i], " ")) }
		for i := 0; i < len(lines); i++ {
			reply, status, err := c.command(lines[i])
			if err != nil {
				return err
			}
			if status == 0 {
				continue
			}
			out.add(i+1, cmp.Or(firstMessage(reply), "refused"))
			head := depth(i)
			if i+1 == len(lines) || depth(i+1) <= head {
				continue
			}
			for i++; depth(i) > head; i++ {
			} // now at the end of the context, which is not open
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("configure FRR's %s: %w", daemon, err)
	}
	return out, nil
}

// vtyConn is a connection to a daemon, in the protocol of vtysh: a command ends
// with a zero byte, the answer with three of them and a status, which is zero for
// success (FRR's lib/vty.c).
type vtyConn struct{ conn net.Conn }

// withConn opens a connection to a daemon for the duration of f.
func (d *Driver) withConn(ctx context.Context, daemon string, f func(*vtyConn) error) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	// The path of a socket is short (unix(7)), that of its directory may not be.
	dir, err := os.Open(d.path(d.runDir()))
	if err != nil {
		return err
	}
	defer dir.Close()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d/%s.vty", dir.Fd(), daemon))
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := f(&vtyConn{conn}); err != nil {
		return errors.Join(ctx.Err(), err)
	}
	return nil
}

// command sends a command to the daemon, and returns its output and the status.
func (c *vtyConn) command(command string) (text string, status byte, err error) {
	if _, err := c.conn.Write(append([]byte(command), 0)); err != nil {
		return "", 0, err
	}
	var answer []byte
	chunk := make([]byte, 64<<10)
	for {
		n, err := c.conn.Read(chunk)
		if err != nil {
			return "", 0, fmt.Errorf("after %d bytes: %w", len(answer), err)
		}
		answer = append(answer, chunk[:n]...)
		if end := len(answer) - 4; end >= 0 && bytes.Equal(answer[end:end+3], []byte{0, 0, 0}) {
			return string(answer[:end]), answer[end+3], nil
		}
	}
}

// mustCommand is command for a command that cannot be refused.
func (c *vtyConn) mustCommand(command string) (string, error) {
	text, status, err := c.command(command)
	if err == nil && status != 0 {
		err = fmt.Errorf("it refuses %q (status %d): %s", command, status, lastLine(text))
	}
	return text, err
}
