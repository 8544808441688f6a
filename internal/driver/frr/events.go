package frr

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// watched are the events on the directory of FRR's sockets, or until there is
// one on those above it.
const watched = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_CLOSE_WRITE | unix.IN_DELETE_SELF

// Events returns a channel that gets a value after a daemon of FRR came or went.
// It is closed when ctx ends or the kernel gives no more notices. FRR need not be
// installed yet. Between events it costs one sleeping thread.
func (d *Driver) Events(ctx context.Context) (<-chan struct{}, error) {
	notify, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("listen for FRR's daemons: %w", err)
	}
	end, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		_ = unix.Close(notify)
		return nil, fmt.Errorf("listen for FRR's daemons: %w", err)
	}
	w := &watcher{d: d, notify: notify, end: end, wake: make(chan struct{}, 1), daemons: map[process]int{}}
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

// watcher sees daemons come by the files that they make, and go by handles on
// the processes: a crash leaves the files.
type watcher struct {
	d       *Driver
	notify  int
	end     int // readable once the watch shall end
	wake    chan struct{}
	daemons map[process]int // their handles (pidfd_open(2))
}

// close gives up all handles but end.
func (w *watcher) close() {
	_ = unix.Close(w.notify)
	for _, fd := range w.daemons {
		_ = unix.Close(fd)
	}
}

func (w *watcher) run() {
	for {
		w.watchDirectories()
		w.watchDaemons()
		fds := []unix.PollFd{{Fd: int32(w.end), Events: unix.POLLIN}, {Fd: int32(w.notify), Events: unix.POLLIN}}
		var who []process
		for p, fd := range w.daemons {
			fds, who = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}), append(who, p)
		}
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		if fds[0].Revents != 0 {
			return
		}
		relevant := fds[1].Revents != 0 && w.drain()
		for i, p := range who {
			if fds[i+2].Revents != 0 {
				_ = unix.Close(w.daemons[p])
				delete(w.daemons, p)
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

// watchDirectories watches the directory of sockets and, for the time before it
// is there, the nearest one above it. To watch one again changes nothing.
func (w *watcher) watchDirectories() {
	dir := w.d.path(w.d.runDir())
	for dir != "/" && dir != "." {
		if _, err := unix.InotifyAddWatch(w.notify, dir, watched); err == nil {
			return
		}
		dir = filepath.Dir(dir)
	}
}

// watchDaemons gets handles on the daemons that run.
func (w *watcher) watchDaemons() {
	for _, p := range w.d.running() {
		if _, known := w.daemons[p]; known {
			continue
		}
		if fd, err := unix.PidfdOpen(p.pid, 0); err == nil {
			w.daemons[p] = fd
		}
	}
}

// drain reads the notices, and reports whether one is about a daemon, or the
// directory of one.
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
			relevant = relevant || w.about(name)
		}
	}
}

// about reports whether a file tells that a daemon came or went.
func (w *watcher) about(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".vty" || ext == ".pid" || name == filepath.Base(w.d.runDir()) || name == filepath.Base(w.d.o.RunDir)
}
