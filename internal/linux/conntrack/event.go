package conntrack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

// EventType is what happened to a connection.
type EventType uint8

// The types of events.
const (
	EventNew EventType = iota + 1
	EventUpdate
	EventDestroy
)

// Event is a change of an entry. Entry holds what the kernel reports with it: the tuples and the
// ID always, of a destroyed one neither timeout nor state.
type Event struct {
	Type  EventType
	Entry Entry
}

// The multicast groups of ctnetlink (linux/netfilter/nfnetlink.h).
const (
	groupNew     = 1
	groupUpdate  = 2
	groupDestroy = 3
)

// ErrLost means that the kernel had more events than the listener could take: what it missed is
// found by Dump.
var ErrLost = errors.New("events of tracked connections were lost")

// The bounds of a batch.
const (
	maxBatch      = 1024
	listenBuffer  = 8 << 20 // bytes that the kernel queues
	datagramBytes = 64 << 10
)

// Listener receives the events of a namespace. The kernel makes events of connections that
// begin while somebody listens; of all others if the sysctl
// net.netfilter.nf_conntrack_events is 1.
type Listener struct {
	file *os.File
	buf  []byte
}

// Listen begins to listen in the namespace; nil means the process's own.
func Listen(ns *netns.NS) (*Listener, error) {
	fd := -1
	err := ns.Run(func() (err error) {
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_NETFILTER)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket: %w", err)
	}
	if err := join(fd); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("listen for events of tracked connections: %w", err)
	}
	// A non-blocking descriptor in an os.File waits in the runtime's poller, with deadlines.
	return &Listener{file: os.NewFile(uintptr(fd), "conntrack events"), buf: make([]byte, datagramBytes)}, nil
}

// join binds the socket and joins the groups. A buffer beyond the system's limit needs
// CAP_NET_ADMIN in the first user namespace; without it the allowed size is used.
func join(fd int) error {
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, listenBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, listenBuffer)
	}
	for _, group := range []int{groupNew, groupUpdate, groupDestroy} {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the listener; a waiting Next returns.
func (l *Listener) Close() error { return l.file.Close() }

// Next waits for an event and returns it together with all that have happened by then, at most
// some thousand, in their order. With ErrLost it returns those before the loss; the listener
// goes on. It ends with ctx's error when ctx ends. Only one goroutine may call it.
func (l *Listener) Next(ctx context.Context) ([]Event, error) {
	if err := l.file.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = l.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var out []Event
	for len(out) < maxBatch {
		n, err := l.file.Read(l.buf)
		switch {
		case errors.Is(err, unix.ENOBUFS):
			return out, ErrLost
		case errors.Is(err, os.ErrDeadlineExceeded) && len(out) > 0:
			return out, nil
		case ctx.Err() != nil:
			return out, ctx.Err()
		case err != nil:
			return out, fmt.Errorf("read events of tracked connections: %w", err)
		}
		if err := rtnl.Messages(l.buf[:n], func(typ, flags uint16, payload []byte) {
			if e, ok := event(typ, flags, payload); ok {
				out = append(out, e)
			}
		}); err != nil {
			return out, err
		}
		if len(out) > 0 { // take what is there, and do not wait for more
			if err := l.file.SetReadDeadline(time.Unix(1, 0)); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

// event decodes a notification: a message that makes an entry reports a new one or of an
// update.
func event(typ, flags uint16, payload []byte) (Event, bool) {
	e, ok := parse(payload)
	out := Event{Entry: e}
	switch {
	case typ == ctNew && flags&(unix.NLM_F_CREATE|unix.NLM_F_EXCL) != 0:
		out.Type = EventNew
	case typ == ctNew:
		out.Type = EventUpdate
	case typ == ctDelete:
		out.Type = EventDestroy
	default:
		return out, false
	}
	return out, ok
}
