package frr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// askTimeout bounds the wait for what a daemon has to say, endTimeout that for
// the end of one which says nothing.
const (
	askTimeout = time.Minute
	endTimeout = 3 * time.Second
)

// readRunning reads what the daemons run. It asks them itself, as vtysh does, and
// puts their answers together: each shows of a shared context, such as an
// interface, what it holds of it. Starting vtysh, which learns thousands of
// commands first, would take longer than all the rest of a pass with nothing to do.
func (d *Driver) readRunning(ctx context.Context) (*node, error) {
	names, err := d.listening()
	if err != nil {
		return nil, err
	}
	root := &node{}
	for _, name := range names {
		text, err := d.askAgain(ctx, name)
		if err != nil {
			return nil, err
		}
		root.learn(text)
	}
	return root, nil
}

// askAgain asks a daemon until it answers or has ended, which leaves its socket:
// one that is about to end takes a question and does not answer it.
func (d *Driver) askAgain(ctx context.Context, daemon string) (string, error) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	deadline := time.Now().Add(endTimeout)
	for {
		text, err := d.ask(ctx, daemon)
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

// readDaemon reads what one daemon runs.
func (d *Driver) readDaemon(ctx context.Context, name string) (*node, error) {
	text, err := d.ask(ctx, name)
	if err != nil {
		return nil, err
	}
	return parseRunning(text), nil
}

// listening lists the daemons that have a socket, those of others too. watchfrr
// has settings of its own only; vtysh leaves it out as well.
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
	// In the order in which FRR starts them, others after those.
	slices.SortStableFunc(out, func(a, b string) int { return turn(a) - turn(b) })
	return out, nil
}

// turn is a daemon's place among the known ones, or after them.
func turn(daemon string) int {
	if i := slices.Index(known, daemon); i >= 0 {
		return i
	}
	return len(known)
}

// ask has a daemon print its configuration.
func (d *Driver) ask(ctx context.Context, daemon string) (text string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("FRR's %s does not tell its configuration: %w", daemon, err)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	// The path of a socket is short (unix(7)), that of its directory may not be.
	dir, err := os.Open(d.path(d.runDir()))
	if err != nil {
		return "", err
	}
	defer dir.Close()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d/%s.vty", dir.Fd(), daemon))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	for _, command := range []string{"enable", "write terminal"} {
		if text, err = converse(conn, command); err != nil {
			return "", errors.Join(ctx.Err(), err)
		}
	}
	return text, nil
}

// converse gives a daemon a command as vtysh does, and returns what it prints: the
// command ends with a zero byte, the answer with three of them and a status, which
// is zero for success (FRR's lib/vty.c).
func converse(conn net.Conn, command string) (string, error) {
	if _, err := conn.Write(append([]byte(command), 0)); err != nil {
		return "", err
	}
	var answer []byte
	chunk := make([]byte, 64<<10)
	for {
		n, err := conn.Read(chunk)
		if err != nil {
			return "", fmt.Errorf("after %d bytes: %w", len(answer), err)
		}
		answer = append(answer, chunk[:n]...)
		if end := len(answer) - 4; end >= 0 && bytes.Equal(answer[end:end+3], []byte{0, 0, 0}) {
			text := string(answer[:end])
			if status := answer[end+3]; status != 0 {
				return "", fmt.Errorf("it refuses %q (status %d): %s", command, status, lastLine(text))
			}
			return text, nil
		}
	}
}
