package agent

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// reachEvery is the time between two probes of remote VTEPs.
const reachEvery = 10 * time.Second

// reach finds remote VTEPs that cannot be reached. It sends each an empty datagram to the
// tunnels' own port, which the receiver drops, and reads only errors from the kernel or a
// router: no route, no answer to ARP or neighbour discovery, ICMP unreachable. A VTEP
// without an error counts as reached, since a filter may drop any reply that would show
// that it is up. The zero value is ready.
type reach struct {
	sockets map[netip.Addr]int
	last    time.Time
	failing map[netip.Addr]refused
}

// refused is how often in a row a probe was refused, and why; now is true if the last one
// was.
type refused struct {
	times  int
	reason string
	now    bool
}

// target is a remote VTEP.
type target struct {
	local, remote netip.Addr
	port          uint16
}

// probe reads the errors of earlier probes and, when it is time, sends new ones. It
// returns the targets that failed twice in a row, with the reason.
func (r *reach) probe(now time.Time, targets []target) map[netip.Addr]string {
	if r.sockets == nil {
		r.sockets, r.failing = map[netip.Addr]int{}, map[netip.Addr]refused{}
	}
	for _, fd := range r.sockets {
		readErrors(fd, r.refuse)
	}
	if now.Sub(r.last) >= reachEvery {
		r.last = now
		r.round(targets)
	}
	out := map[netip.Addr]string{}
	for _, t := range targets {
		if f := r.failing[t.remote]; f.times >= 2 {
			out[t.remote] = f.reason
		}
	}
	return out
}

// refuse records the error of a probe.
func (r *reach) refuse(remote netip.Addr, err error) {
	f := r.failing[remote]
	if reason := unreachable(err); reason != "" && !f.now {
		r.failing[remote] = refused{f.times + 1, reason, true}
	}
}

// round removes the targets without a new error from failing, and sends to all targets.
func (r *reach) round(targets []target) {
	for remote, f := range r.failing {
		if f.now {
			f.now = false
			r.failing[remote] = f
		} else {
			delete(r.failing, remote)
		}
	}
	used := map[netip.Addr]bool{}
	for _, t := range targets {
		used[t.local] = true
		fd, open := r.sockets[t.local]
		if !open {
			var err error
			if fd, err = openProbe(t.local); err != nil {
				continue // the node's own address is missing, which is reported elsewhere
			}
			r.sockets[t.local] = fd
		}
		if err := send(fd, t); err != nil {
			r.refuse(t.remote, err)
		}
	}
	for local, fd := range r.sockets {
		if !used[local] {
			_ = unix.Close(fd)
			delete(r.sockets, local)
		}
	}
}

// send sends to a target. A socket returns the error of an earlier datagram, to any
// destination, before it sends another: that error is read first, and ignored here.
func send(fd int, t target) error {
	var err error
	for range 3 {
		_, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR) // clears it
		if err = unix.Sendto(fd, nil, unix.MSG_DONTWAIT, sockaddr(t.remote, t.port)); err == nil {
			return nil
		}
	}
	return err
}

// unreachable returns why an error of a probe means that the VTEP is unreachable; empty
// if it does not.
func unreachable(err error) string {
	switch {
	case errors.Is(err, unix.ENETUNREACH):
		return "no route leads to it"
	case errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.EHOSTDOWN):
		return "nothing answers at its address, or a router on the way refuses"
	}
	return ""
}

// openProbe makes a socket at an address of the node that queues the errors of its
// datagrams (ip(7), IP_RECVERR).
func openProbe(local netip.Addr) (int, error) {
	family, level, option := unix.AF_INET, unix.IPPROTO_IP, unix.IP_RECVERR
	if local.Is6() {
		family, level, option = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_RECVERR
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return 0, err
	}
	err = unix.SetsockoptInt(fd, level, option, 1)
	if err == nil {
		err = unix.Bind(fd, sockaddr(local, 0))
	}
	if err != nil {
		_ = unix.Close(fd)
		return 0, err
	}
	return fd, nil
}

func sockaddr(a netip.Addr, port uint16) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Port: int(port), Addr: a.As4()}
	}
	return &unix.SockaddrInet6{Port: int(port), Addr: a.As16()}
}

// readErrors reads the errors of a socket's datagrams, by destination.
func readErrors(fd int, refuse func(netip.Addr, error)) {
	data, oob := make([]byte, 512), make([]byte, 512)
	for {
		_, n, _, from, err := unix.Recvmsg(fd, data, oob, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if err != nil {
			return // there is no more
		}
		messages, err := unix.ParseSocketControlMessage(oob[:n])
		if err != nil {
			continue
		}
		for _, m := range messages {
			// struct sock_extended_err (linux/errqueue.h) begins with the error.
			if len(m.Data) >= 4 && (m.Header.Type == unix.IP_RECVERR || m.Header.Type == unix.IPV6_RECVERR) {
				refuse(address(from), unix.Errno(binary.NativeEndian.Uint32(m.Data)))
			}
		}
	}
}

func address(s unix.Sockaddr) netip.Addr {
	switch s := s.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(s.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(s.Addr)
	}
	return netip.Addr{}
}
