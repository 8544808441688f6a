package dnsmasq

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/dnsmasq"
)

// watched are the notices that a file of configuration changed, or that a process
// noted its number.
const watched = unix.IN_CLOSE_WRITE | unix.IN_MOVED_TO | unix.IN_DELETE | unix.IN_CREATE

// Events returns a channel that gets a value after a dnsmasq of ours came or went,
// or a file of one changed, whoever did it. It is closed when ctx ends.
func (d *Driver) Events(ctx context.Context) (<-chan struct{}, error) {
	if err := os.MkdirAll(filepath.Join(d.o.Root, runDir), 0o755); err != nil {
		return nil, fmt.Errorf("listen for DHCP servers: %w", err)
	}
	notify, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("listen for DHCP servers: %w", err)
	}
	end, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		_ = unix.Close(notify)
		return nil, fmt.Errorf("listen for DHCP servers: %w", err)
	}
	w := &watcher{d: d, notify: notify, end: end, wake: make(chan struct{}, 1), processes: map[process]int{}}
	stopped := make(chan struct{})
	go func() { // it alone writes to end, and closes it when nobody reads
		defer func() { _ = unix.Close(end) }()
		select {
		case <-ctx.Done():
			_, _ = unix.Write(end, binary.NativeEndian.AppendUint64(nil, 1))
			<-stopped
		case <-stopped:
		}
	}()
	go func() {
		defer close(w.wake)
		defer close(stopped)
		defer w.close()
		w.run()
	}()
	return w.wake, nil
}

// watcher sees files come and go, and processes go by handles on them: a crash
// leaves the files.
type watcher struct {
	d         *Driver
	notify    int
	end       int // readable once the watch shall end
	wake      chan struct{}
	processes map[process]int // their handles (pidfd_open(2))
}

// close gives up all handles but end.
func (w *watcher) close() {
	_ = unix.Close(w.notify)
	for _, fd := range w.processes {
		_ = unix.Close(fd)
	}
}

func (w *watcher) run() {
	for {
		w.watch()
		fds := []unix.PollFd{{Fd: int32(w.end), Events: unix.POLLIN}, {Fd: int32(w.notify), Events: unix.POLLIN}}
		var who []process
		for p, fd := range w.processes {
			fds, who = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}), append(who, p)
		}
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		if fds[0].Revents != 0 {
			return
		}
		relevant := fds[1].Revents != 0
		w.drain()
		for i, p := range who {
			if fds[i+2].Revents != 0 {
				_ = unix.Close(w.processes[p])
				delete(w.processes, p)
				relevant = true
			}
		}
		if !relevant {
			continue
		}
		select {
		case w.wake <- struct{}{}:
		default: // one is waiting already
		}
	}
}

// watch looks for folders and processes that are not watched yet. To watch a
// folder again changes nothing.
func (w *watcher) watch() {
	// Whatever is started is noted there.
	_, _ = unix.InotifyAddWatch(w.notify, filepath.Join(w.d.o.Root, runDir), watched)
	zones, err := w.d.ours()
	if err != nil {
		return
	}
	for _, zone := range zones {
		_, _ = unix.InotifyAddWatch(w.notify, w.d.folder(zone), watched)
		there, err := w.d.files(zone)
		if err != nil {
			continue
		}
		for _, name := range names(there.ours) {
			if link, is := dnsmasq.LinkOf(name); is {
				w.watchProcess(instance{zone, link})
			}
		}
	}
}

// watchProcess gets a handle on the process of an instance, if one runs.
func (w *watcher) watchProcess(i instance) {
	p, runs := w.d.noted(i)
	if _, known := w.processes[p]; known || !runs {
		return
	}
	if fd, err := unix.PidfdOpen(p.pid, 0); err == nil {
		w.processes[p] = fd
	}
}

// drain forgets the notices: that there were any is enough.
func (w *watcher) drain() {
	buf := make([]byte, 64<<10)
	for {
		if n, err := unix.Read(w.notify, buf); err != nil || n <= 0 {
			return
		}
	}
}
