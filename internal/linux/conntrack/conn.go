package conntrack

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

// Filter selects entries; a zero field selects all.
type Filter struct {
	// ReplyDst is the destination of replies: the address that SNAT gives. OrigSrc is the
	// sender of the first packet, OrigDst where it was sent to.
	ReplyDst, OrigSrc, OrigDst netip.Addr
	// Proto is the IP protocol.
	Proto uint8
	// FirstPort and LastPort are the range of ports, or of ICMP identifiers, that replies
	// are sent to.
	FirstPort, LastPort uint16
	// Mark is compared with the bits of an entry's mark that MarkMask has.
	Mark, MarkMask uint32
	// Zone is the conntrack zone; nil selects all of them.
	Zone *uint16
}

// matches reports whether the filter selects an entry.
func (f *Filter) matches(e *Entry) bool {
	port := e.Reply.DstPort
	if e.Reply.icmp() {
		port = e.Reply.SrcPort
	}
	switch {
	case f.ReplyDst.IsValid() && e.Reply.Dst != f.ReplyDst,
		f.OrigSrc.IsValid() && e.Orig.Src != f.OrigSrc,
		f.OrigDst.IsValid() && e.Orig.Dst != f.OrigDst,
		f.Proto != 0 && e.Orig.Proto != f.Proto,
		f.LastPort != 0 && (port < f.FirstPort || port > f.LastPort),
		e.Mark&f.MarkMask != f.Mark&f.MarkMask,
		f.Zone != nil && e.Zone != *f.Zone:
		return false
	}
	return true
}

// request asks for the entries. The kernel filters by what it can (since Linux 5.8), so that
// the others of a large table are not copied; an older one sends all. Of IPv6 addresses it
// selects those that differ from the wanted one (ctnetlink_filter_match_tuple, Linux 6.18), so
// only the family is asked for.
func (f *Filter) request() *rtnl.Message {
	var family uint8
	for _, a := range []netip.Addr{f.ReplyDst, f.OrigSrc, f.OrigDst} {
		if a.IsValid() {
			family = rtnl.Family(a)
		}
	}
	m := rtnl.NewMessage(ctGet, 0, header(family))
	if f.MarkMask != 0 {
		be32(m, attrMark, f.Mark)
		be32(m, attrMarkMask, f.MarkMask)
	}
	if f.Zone != nil && *f.Zone != 0 {
		m.Uint16BE(attrZone, *f.Zone)
	}
	if family != unix.AF_INET {
		return m
	}
	orig := partial(m, attrOrig, f.OrigSrc, f.OrigDst, f.Proto)
	reply := partial(m, attrReply, netip.Addr{}, f.ReplyDst, 0)
	return m.Nest(attrFilter, func(m *rtnl.Message) { m.Uint32(filterOrig, orig).Uint32(filterReply, reply) })
}

// partial appends the given parts of an IPv4 tuple, and returns which they are.
func partial(m *rtnl.Message, typ uint16, src, dst netip.Addr, proto uint8) (flags uint32) {
	if !src.IsValid() && !dst.IsValid() && proto == 0 {
		return 0
	}
	m.Nest(typ, func(m *rtnl.Message) {
		m.Nest(tupleIP, func(m *rtnl.Message) {
			for _, p := range []struct {
				addr netip.Addr
				typ  uint16
				flag uint32
			}{{src, ip4Src, filterIPSrc}, {dst, ip4Dst, filterIPDst}} {
				if p.addr.IsValid() {
					m.Addr(p.typ, p.addr)
					flags |= p.flag
				}
			}
		})
		if proto != 0 {
			m.Nest(tupleProto, func(m *rtnl.Message) { m.Uint8(protoNum, proto) })
			flags |= filterProto
		}
	})
	return flags
}

// Conn is a connection to the connection tracking of one network namespace. It is safe for
// concurrent use.
type Conn struct{ c *rtnl.Conn }

// Open opens a connection in the namespace; nil means the process's own.
func Open(ns *netns.NS) (*Conn, error) {
	c, err := rtnl.OpenProtocol(ns, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, err
	}
	return &Conn{c: c}, nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.c.Close() }

// Dump lists the entries that a filter selects. Entries that are added or removed
// during the dump may be missing.
func (c *Conn) Dump(ctx context.Context, f Filter) ([]Entry, error) {
	var out []Entry
	err := c.c.Dump(ctx, f.request, func() { out = nil }, func(_ uint16, payload []byte) {
		if e, ok := parse(payload); ok && f.matches(&e) {
			out = append(out, e)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("list tracked connections: %w", err)
	}
	return out, nil
}

// Delete removes entries that Dump returned or an event reported, and no later ones with the
// same tuples as far as Entry.ID distinguishes them; with ID 0 any with the tuples. It returns
// how many it removed; a missing one is not an error.
func (c *Conn) Delete(ctx context.Context, entries []Entry) (deleted int, err error) {
	errs := c.do(ctx, entries, remove)
	for i, err := range errs {
		if err == nil {
			deleted++
		} else if errors.Is(err, unix.ENOENT) {
			errs[i] = nil
		}
	}
	return deleted, joined("delete", entries, errs)
}

// Restore makes entries, with their translation. It returns how many it made, and those that
// exist already, which it leaves unchanged: delete them first to replace them. They include a
// connection with a translated address and port that are in use.
func (c *Conn) Restore(ctx context.Context, entries []Entry) (restored int, existing []Entry, err error) {
	errs := c.do(ctx, entries, restore)
	for i, err := range errs {
		if err == nil {
			restored++
		} else if errors.Is(err, unix.EEXIST) {
			existing = append(existing, entries[i])
			errs[i] = nil
		}
	}
	return restored, existing, joined("restore", entries, errs)
}

// do sends a request for each entry and returns the outcomes.
func (c *Conn) do(ctx context.Context, entries []Entry, build func(*Entry) (*rtnl.Message, error)) []error {
	errs := make([]error, len(entries))
	messages := make([]*rtnl.Message, 0, len(entries))
	of := make([]int, 0, len(entries))
	for i := range entries {
		m, err := build(&entries[i])
		if errs[i] = err; err == nil {
			messages, of = append(messages, m), append(of, i)
		}
	}
	for i, err := range c.c.Do(ctx, messages) {
		errs[of[i]] = err
	}
	return errs
}

// mostErrors is how many errors of entries are reported.
const mostErrors = 4

// joined is the error for the entries that failed: the first of them, and their number.
func joined(what string, entries []Entry, errs []error) error {
	failed := 0
	var out []error
	for i, err := range errs {
		if err == nil {
			continue
		}
		if failed++; failed <= mostErrors {
			o := entries[i].Orig
			out = append(out, fmt.Errorf("%s the tracked connection of protocol %d from %s to %s: %w", what, o.Proto,
				netip.AddrPortFrom(o.Src, o.SrcPort), netip.AddrPortFrom(o.Dst, o.DstPort), err))
		}
	}
	if failed > mostErrors {
		out = append(out, fmt.Errorf("and %d more of %d", failed-mostErrors, len(entries)))
	}
	return errors.Join(out...)
}
