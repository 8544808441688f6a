package rtnl

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// The limits of one system call. Each request may be rejected with a datagram of its own,
// which waits in the receive buffer in the meantime; the kernel accounts somewhat less than
// 1 kB for each, so that even the default buffer of 208 kB holds them.
const (
	maxBatch      = 160
	maxBatchBytes = 96 << 10
)

// ErrUnknown is the outcome of a request with a lost answer: it may or may not have been
// carried out. Read the state again to know.
var ErrUnknown = errors.New("the kernel's answer was lost")

// Error is the error for a request that the kernel rejected.
type Error struct {
	// Errno is the reason.
	Errno unix.Errno
	// Message is the kernel's own explanation; often empty.
	Message string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Message != "" {
		return fmt.Sprintf("%s (%s)", e.Errno.Error(), e.Message)
	}
	return e.Errno.Error()
}

// Unwrap returns the errno, so that errors.Is(err, unix.EEXIST) works.
func (e *Error) Unwrap() error { return e.Errno }

// Do sends the messages in their order, many in one system call, and returns the outcome
// of each: errs[i] is nil if msgs[i] was carried out, an *Error if the kernel rejected it,
// an error that wraps ErrUnknown if its answer was lost. Later messages are tried after a
// rejected one. When ctx ends, the messages not sent yet get its error.
func (c *Conn) Do(ctx context.Context, msgs []*Message) (errs []error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	errs = make([]error, len(msgs))
	for start := 0; start < len(msgs); {
		end, size := start, 0
		for end < len(msgs) && end-start < maxBatch && (end == start || size+len(msgs[end].b) <= maxBatchBytes) {
			size += len(msgs[end].b)
			end++
		}
		if err := ctx.Err(); err != nil {
			fill(errs[start:], err)
			return errs
		}
		c.chunk(msgs[start:end], errs[start:end])
		start = end
	}
	return errs
}

// chunk sends some messages at once and waits for their answers. The kernel carries them out
// in their order and answers every one that it rejects; of the others only the last asks for
// an acknowledgement, which says that all before it are done.
func (c *Conn) chunk(msgs []*Message, errs []error) {
	first := c.seq + 1
	c.out = c.out[:0]
	for i, m := range msgs {
		c.seq++
		var flags uint16
		if i == len(msgs)-1 {
			flags = unix.NLM_F_ACK
		}
		c.out = append(c.out, m.finish(c.seq, flags)...)
	}
	c.writes.Add(int64(len(msgs)))
	if err := c.send(c.out); err != nil {
		fill(errs, fmt.Errorf("send to the kernel: %w", err))
		return
	}
	answered := make([]bool, len(msgs))
	for last := len(msgs) - 1; !answered[last]; {
		err := c.receive(func(h header, payload []byte) {
			i := int(h.seq - first)
			if h.typ != unix.NLMSG_ERROR || i < 0 || i >= len(msgs) || answered[i] {
				return // a late answer to an abandoned request
			}
			answered[i] = true
			errs[i] = decodeError(h, payload)
		})
		if err != nil {
			// ENOBUFS: answers were dropped. Requests without an answer are not reported
			// as success.
			for i := range errs {
				if !answered[i] {
					errs[i] = fmt.Errorf("%w: %w", ErrUnknown, err)
				}
			}
			c.drain()
			return
		}
	}
}

// drain discards queued datagrams, so that a later call starts clean. It is bounded:
// nobody else sends to this socket.
func (c *Conn) drain() {
	for range 4 * maxBatch {
		if _, _, err := unix.Recvfrom(c.fd, c.buf, unix.MSG_DONTWAIT); errors.Is(err, unix.EAGAIN) {
			return
		}
	}
}

// decodeError turns the payload of an NLMSG_ERROR message into an error; an
// error number of 0 is an acknowledgement.
func decodeError(h header, payload []byte) error {
	errno := -int32(u32(payload))
	if errno == 0 {
		return nil
	}
	e := &Error{Errno: unix.Errno(errno)}
	const ackTLVs, ackCapped = 0x200, 0x100 // NLM_F_ACK_TLVS, NLM_F_CAPPED
	if h.flags&ackTLVs == 0 || len(payload) < 4+headerLen {
		return e
	}
	skip := 4 + headerLen
	if h.flags&ackCapped == 0 { // a copy of the request comes first
		skip = 4 + align(int(u32(payload[4:])))
	}
	if skip <= len(payload) {
		attrs(payload[skip:], func(typ uint16, data []byte) {
			if typ == 1 { // NLMSGERR_ATTR_MSG
				e.Message = cString(data)
			}
		})
	}
	return e
}

// fill sets every element.
func fill(errs []error, err error) {
	for i := range errs {
		errs[i] = err
	}
}
