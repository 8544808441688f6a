package netns

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// noticeBuffer is the receive buffer for notifications, in bytes.
const noticeBuffer = 4 << 20

// Notices listens for notifications of the kernel on multicast groups of a netlink
// protocol (netlink(7)) in the namespace; nil is the process's own. The channel gets a
// value after a relevant datagram. It holds at most one: any number of changes before it
// is read are one wake-up, and so are changes that the kernel could not report because
// there were too many. It is closed when ctx ends or the socket fails.
func (n *NS) Notices(ctx context.Context, protocol int, groups []int, relevant func(datagram []byte) bool) (<-chan struct{}, error) {
	var fd int
	err := n.Run(func() (err error) {
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket: %w", err)
	}
	if err := subscribe(fd, groups); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	// A non-blocking descriptor in an os.File waits in the runtime's poller,
	// so closing the file ends the wait.
	file := os.NewFile(uintptr(fd), "netlink")
	stop := context.AfterFunc(ctx, func() { _ = file.Close() })
	wake := make(chan struct{}, 1)
	go func() {
		defer close(wake)
		defer func() {
			if stop() {
				_ = file.Close()
			}
		}()
		listen(file, wake, relevant)
	}()
	return wake, nil
}

// subscribe binds the socket and joins the groups. A buffer beyond the system's limit
// needs CAP_NET_ADMIN in the first user namespace; without it the allowed size is used.
func subscribe(fd int, groups []int) error {
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("bind a netlink socket: %w", err)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, noticeBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, noticeBuffer)
	}
	for _, group := range groups {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
			return fmt.Errorf("listen to netlink group %d: %w", group, err)
		}
	}
	return nil
}

// listen reads notifications until the file is closed.
func listen(file *os.File, wake chan<- struct{}, relevant func([]byte) bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := file.Read(buf)
		overrun := errors.Is(err, unix.ENOBUFS)
		if err != nil && !overrun {
			return
		}
		if !overrun && !relevant(buf[:n]) {
			continue
		}
		select {
		case wake <- struct{}{}:
		default: // one is waiting already
		}
	}
}
