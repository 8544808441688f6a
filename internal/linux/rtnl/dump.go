package rtnl

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// maxDumps bounds how often a dump is repeated because the kernel's tables
// changed while it ran.
const maxDumps = 10

// errInterrupted means that a dump is not one consistent snapshot.
var errInterrupted = errors.New("the kernel's tables kept changing while they were read")

// Dump sends a request for a list, which build makes, and calls f for every message of the
// answer with its type and payload; the payload is valid during the call. reset is called
// before each attempt, to drop the results of one that the kernel's changes interrupted.
func (c *Conn) Dump(ctx context.Context, build func() *Message, reset func(), f func(typ uint16, payload []byte)) error {
	return c.dump(ctx, build, reset, f)
}

// dump sends a request for a list and calls f for every message of the answer. reset is
// called before each attempt, to drop the results of an earlier one.
func (c *Conn) dump(ctx context.Context, build func() *Message, reset func(), f func(typ uint16, payload []byte)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range maxDumps {
		if err := ctx.Err(); err != nil {
			return err
		}
		reset()
		err := c.dumpOnce(build(), f)
		if errors.Is(err, errInterrupted) || errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.EBUSY) {
			c.drain()
			continue
		}
		return err
	}
	return errInterrupted
}

// dumpOnce reads one dump to its end.
func (c *Conn) dumpOnce(m *Message, f func(typ uint16, payload []byte)) error {
	c.seq++
	seq := c.seq
	if err := c.send(m.finish(seq, unix.NLM_F_DUMP)); err != nil {
		return fmt.Errorf("ask the kernel for a list: %w", err)
	}
	var result error
	done, interrupted := false, false
	for !done {
		err := c.receive(func(h header, payload []byte) {
			if h.seq != seq || done {
				return
			}
			interrupted = interrupted || h.flags&unix.NLM_F_DUMP_INTR != 0
			switch h.typ {
			case unix.NLMSG_DONE, unix.NLMSG_ERROR:
				done = true
				result = decodeError(h, payload)
			default:
				f(h.typ, payload)
			}
		})
		if err != nil {
			return fmt.Errorf("read the kernel's list: %w", err)
		}
	}
	if interrupted {
		return errInterrupted
	}
	return result
}
