package rtnl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
)

// bufferSize is what the kernel may queue for the socket: the acknowledgements of one
// batch, or the part of a dump that is ahead of the reader.
const bufferSize = 4 << 20

// answerTimeout bounds the wait for an answer. The kernel answers a request
// before the system call that sent it returns, so it is never reached unless
// an answer was lost.
const answerTimeout = 30 * time.Second

// Conn is a netlink socket in one network namespace. It is safe for concurrent use; calls
// run one after the other.
type Conn struct {
	mu     sync.Mutex
	fd     int
	seq    uint32
	buf    []byte
	out    []byte
	writes atomic.Int64
}

// Open opens a route netlink socket in the namespace; nil means the process's own.
func Open(ns *netns.NS) (*Conn, error) { return OpenProtocol(ns, unix.NETLINK_ROUTE) }

// OpenProtocol opens a socket of another netlink protocol (NETLINK_NETFILTER). Its callers
// encode requests with NewMessage and decode lists with Dump and Attributes.
func OpenProtocol(ns *netns.NS, protocol int) (*Conn, error) {
	c := &Conn{buf: make([]byte, 64<<10)}
	err := ns.Run(func() (err error) {
		c.fd, err = socket(protocol)
		return err
	})
	if err != nil {
		return nil, err
	}
	tv := unix.NsecToTimeval(answerTimeout.Nanoseconds())
	if err := unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		_ = unix.Close(c.fd)
		return nil, fmt.Errorf("set up a netlink socket: %w", err)
	}
	// Answers without a copy of the request, filters on dumps: both are older than any
	// supported kernel, and optional.
	_ = unix.SetsockoptInt(c.fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	_ = unix.SetsockoptInt(c.fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	_ = unix.SetsockoptInt(c.fd, unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
	return c, nil
}

// socket opens and binds a netlink socket with large buffers.
func socket(protocol int) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return -1, fmt.Errorf("open a netlink socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("bind a netlink socket: %w", err)
	}
	setBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF)
	setBuffer(fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF)
	return fd, nil
}

// setBuffer requests bufferSize beyond the system's limit, which needs CAP_NET_ADMIN in
// the first user namespace, or else the allowed size.
func setBuffer(fd, force, normal int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, bufferSize) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, normal, bufferSize)
	}
}

// Close closes the socket.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return nil
	}
	err := unix.Close(c.fd)
	c.fd = -1
	return err
}

// Writes counts the requests to change something since the connection was opened.
func (c *Conn) Writes() int64 { return c.writes.Load() }

// send writes bytes to the socket.
func (c *Conn) send(b []byte) error {
	for {
		err := unix.Sendto(c.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// receive reads one datagram and calls f for each message in it, with the message's header
// fields and the payload.
func (c *Conn) receive(f func(h header, payload []byte)) error {
	n, from, err := 0, unix.Sockaddr(nil), error(unix.EINTR)
	for errors.Is(err, unix.EINTR) {
		n, from, err = unix.Recvfrom(c.fd, c.buf, unix.MSG_TRUNC)
	}
	if err != nil {
		return err
	}
	if n > len(c.buf) {
		return fmt.Errorf("netlink answer of %d bytes is longer than the %d byte buffer", n, len(c.buf))
	}
	if sa, ok := from.(*unix.SockaddrNetlink); ok && sa.Pid != 0 {
		return nil // only the kernel may answer
	}
	return split(c.buf[:n], f)
}

// header is the decoded netlink header.
type header struct {
	typ, flags uint16
	seq        uint32
}

// split cuts a datagram into messages.
func split(b []byte, f func(h header, payload []byte)) error {
	for len(b) >= headerLen {
		l := int(binary.NativeEndian.Uint32(b))
		if l < headerLen || l > len(b) {
			return fmt.Errorf("malformed netlink message: length %d in %d bytes", l, len(b))
		}
		f(header{
			typ:   binary.NativeEndian.Uint16(b[4:]),
			flags: binary.NativeEndian.Uint16(b[6:]),
			seq:   binary.NativeEndian.Uint32(b[8:]),
		}, b[headerLen:l])
		b = b[min(align(l), len(b)):]
	}
	return nil
}
