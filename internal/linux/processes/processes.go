// Package processes notifies drivers when the processes that they supervise start and end:
// by the files that these create, and by handles on them, since a crash leaves the files.
// It is next to the drivers, at the end of the one-way flow.
package processes

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// changed are the notifications that a file was created, removed or written.
const changed = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_CLOSE_WRITE | unix.IN_DELETE_SELF

// Source names the watched files. Both functions are called again after every notification.
type Source struct {
	// Folders are those with files that indicate processes; a missing one is skipped.
	Folders func() []string
	// Processes are the PIDs of the running processes, each under a name that is never
	// reused.
	Processes func() map[string]int
	// About reports whether a file of the folders is relevant; nil means that every one
	// is.
	About func(name string) bool
}

// Events returns a channel that gets a value after a process started or ended, or a
// relevant file changed, regardless of the cause. It is closed when ctx ends or the kernel
// sends no more notifications. Between events it costs one sleeping thread.
func Events(ctx context.Context, s Source) (<-chan struct{}, error) {
	notify, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("listen for processes: %w", err)
	}
	end, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		_ = unix.Close(notify)
		return nil, fmt.Errorf("listen for processes: %w", err)
	}
	w := &watcher{s: s, notify: notify, end: end, wake: make(chan struct{}, 1), handles: map[string]int{}}
	stopped := make(chan struct{})
	go func() { // only this one writes to end, and closes it when nobody reads
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

type watcher struct {
	s       Source
	notify  int
	end     int // readable once the watch has to end
	wake    chan struct{}
	handles map[string]int // of processes, by name (pidfd_open(2))
}

// close closes all handles except end.
func (w *watcher) close() {
	_ = unix.Close(w.notify)
	for _, fd := range w.handles {
		_ = unix.Close(fd)
	}
}

func (w *watcher) run() {
	for {
		w.watchNew()
		fds := []unix.PollFd{{Fd: int32(w.end), Events: unix.POLLIN}, {Fd: int32(w.notify), Events: unix.POLLIN}}
		var who []string
		for name, fd := range w.handles {
			fds, who = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}), append(who, name)
		}
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		if fds[0].Revents != 0 {
			return
		}
		relevant := fds[1].Revents != 0 && w.drain()
		for i, name := range who {
			if fds[i+2].Revents != 0 {
				_ = unix.Close(w.handles[name])
				delete(w.handles, name)
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

// watchNew watches folders and processes not watched yet. To watch a folder again changes
// nothing.
func (w *watcher) watchNew() {
	for _, folder := range w.s.Folders() {
		_, _ = unix.InotifyAddWatch(w.notify, folder, changed)
	}
	for name, pid := range w.s.Processes() {
		if _, known := w.handles[name]; known {
			continue
		}
		if fd, err := unix.PidfdOpen(pid, 0); err == nil {
			w.handles[name] = fd
		}
	}
}

// drain reads the notifications, and reports whether one is about a process.
func (w *watcher) drain() (relevant bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.Read(w.notify, buf)
		if err != nil || n <= 0 {
			return relevant
		}
		for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			// wd, mask, cookie, length, name (inotify(7))
			length := int(binary.NativeEndian.Uint32(b[12:]))
			name := strings.TrimRight(string(b[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+length]), "\x00")
			b = b[unix.SizeofInotifyEvent+length:]
			relevant = relevant || w.s.About == nil || w.s.About(name)
		}
	}
}
