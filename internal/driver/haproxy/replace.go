package haproxy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/render/haproxy"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
)

// maxDraining bounds the processes that were replaced and still have connections. When there
// are more, the oldest ends with its connections.
const maxDraining = 8

// next is the generation of the next process.
func (d *Driver) next() int {
	last := d.current()
	for generation := range d.known() {
		last = max(last, generation)
	}
	return last + 1
}

// start starts the process of a generation with a configuration. It takes the listening sockets
// of the one that serves, if there is one. It returns when the new one serves and the other
// accepts no more connections.
//
// HAProxy's own way to end the other (-sf, SIGUSR1) closes its handles of network namespaces,
// so that requests it has accepted already reach no server there.
func (d *Driver) start(ctx context.Context, generation int, config string, now *present) error {
	args := []string{"-D", "-f", config, "-p", d.pidFile(generation)}
	if now != nil {
		args = append(args, "-x", d.socket(now.generation))
	} else if _, err := d.info(ctx, d.current()); !errors.Is(err, errNone) { // one that does not answer
		if err := d.stopAll(ctx); err != nil {
			return err
		}
	}
	if err := d.command(ctx, args...); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	for {
		_, err := d.info(waiting, generation)
		if err == nil {
			break
		}
		if !sleep.Context(waiting, pause) {
			return fmt.Errorf("HAProxy was started but does not answer: %w", err)
		}
	}
	if err := d.replace(currentFile, strconv.Itoa(generation)+"\n"); err != nil {
		return err
	}
	for other, p := range d.known() {
		if other != generation && p.pid != 0 {
			if err := d.drain(ctx, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// drain makes a process accept no more connections; those that it has stay. One that does not
// answer is ended.
func (d *Driver) drain(ctx context.Context, p process) error {
	answer, err := d.ask(ctx, p.generation, "show stat -1 1 -1") // all proxies, the listeners of each
	var listeners []haproxy.Statistics
	if err == nil {
		listeners, err = haproxy.ParseStatistics(answer)
	}
	for _, s := range listeners {
		if err == nil && s.Server == "FRONTEND" && s.Status != "STOP" {
			_, err = d.ask(ctx, p.generation, "shutdown frontend "+s.Proxy)
		}
	}
	if err != nil {
		return p.stop(ctx, d.o.Timeout)
	}
	return nil
}

// reap ends replaced processes that have no connections left, and the oldest if there are too
// many, and removes the files of those that have ended.
func (d *Driver) reap(ctx context.Context) error {
	current, known := d.current(), d.known()
	var errs []error
	left := 0
	for _, generation := range slices.Backward(slices.Sorted(maps.Keys(known))) {
		p := known[generation]
		if generation == current {
			continue
		}
		if p.pid != 0 {
			left++
			info, err := d.info(ctx, generation)
			if err == nil && info.Connections > 0 && left <= maxDraining {
				continue
			}
			if err := p.stop(ctx, d.o.Timeout); err != nil {
				errs = append(errs, err)
				continue
			}
			left--
		}
		for _, path := range []string{d.socket(generation), d.pidFile(generation)} {
			if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// stopAll ends all processes.
func (d *Driver) stopAll(ctx context.Context) error {
	for _, p := range d.processes() {
		if err := p.stop(ctx, d.o.Timeout); err != nil {
			return err
		}
	}
	return nil
}

// stop ends a process with its connections, and returns when it has ended.
func (p process) stop(ctx context.Context, timeout time.Duration) error {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("end HAProxy (process %d): %w", p.pid, err)
	}
	defer func() { _ = unix.Close(fd) }()
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		if err := unix.PidfdSendSignal(fd, sig, nil, 0); errors.Is(err, unix.ESRCH) {
			return nil
		} else if err != nil {
			return fmt.Errorf("end HAProxy (process %d): %w", p.pid, err)
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(timeout.Milliseconds()))
		if n > 0 && err == nil {
			return nil
		}
	}
	return fmt.Errorf("HAProxy (process %d) does not end: %w", p.pid, ctx.Err())
}
