package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// The time between the guest's queries: short enough to resolve milliseconds, and long
// enough that the replies cause no significant load.
const every = 2 * time.Millisecond

// Lengths of headers in bytes, and where fields of a BOOTP message are (RFC 2131,
// section 2).
const (
	ethLen, ipLen, udpLen = 14, 20, 8
	bootpXID, bootpFlags  = 4, 10
	bootpYourIP           = 16
	bootpHardware         = 28
	bootpOptions          = 236
	bootpLen              = 300
)

// openWire opens a socket for IPv4 frames on a link.
func openWire(index int) (int, error) {
	proto := htons(unix.ETH_P_IP)
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(proto))
	if err != nil {
		return -1, err
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: proto, Ifindex: index}); err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

// discover is a DHCPDISCOVER of a NIC as a frame. The answer is to be a broadcast.
func discover(mac [6]byte, xid uint32) []byte {
	f := make([]byte, ethLen+ipLen+udpLen+bootpLen)
	copy(f, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	copy(f[6:], mac[:])
	binary.BigEndian.PutUint16(f[12:], unix.ETH_P_IP)

	ip := f[ethLen:]
	ip[0], ip[8], ip[9] = 0x45, 64, unix.IPPROTO_UDP
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	copy(ip[16:], []byte{255, 255, 255, 255})
	binary.BigEndian.PutUint16(ip[10:], checksum(ip[:ipLen]))

	udp := ip[ipLen:]
	binary.BigEndian.PutUint16(udp, 68)
	binary.BigEndian.PutUint16(udp[2:], 67)
	binary.BigEndian.PutUint16(udp[4:], uint16(len(udp))) // the checksum may be left out

	b := udp[udpLen:]
	b[0], b[1], b[2] = 1, 1, 6
	binary.BigEndian.PutUint32(b[bootpXID:], xid)
	binary.BigEndian.PutUint16(b[bootpFlags:], 0x8000)
	copy(b[bootpHardware:], mac[:])
	copy(b[bootpOptions:], []byte{99, 130, 83, 99, 53, 1, 1, 255})
	return f
}

// checksum is that of a header of IPv4 (RFC 791).
func checksum(header []byte) uint16 {
	var sum uint32
	for i := 0; i < len(header); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(header[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// offer reads a frame that offers an address to a NIC.
func offer(f []byte, mac [6]byte) (netip.Addr, bool) {
	if len(f) < ethLen+ipLen+udpLen+bootpOptions || f[ethLen]>>4 != 4 || f[ethLen+9] != unix.IPPROTO_UDP {
		return netip.Addr{}, false
	}
	udp := f[ethLen+int(f[ethLen]&15)*4:]
	if len(udp) < udpLen+bootpOptions || binary.BigEndian.Uint16(udp) != 67 || [6]byte(udp[udpLen+bootpHardware:]) != mac {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte(udp[udpLen+bootpYourIP:])), true
}

// offered asks by DHCP until the NIC is offered its address.
func (w *world) offered(ctx context.Context, n nic) (time.Time, error) {
	mac := n.mac()
	buf := make([]byte, 2048)
	var sent time.Time
	for xid := uint32(n.number) << 12; ctx.Err() == nil; {
		if time.Since(sent) >= every {
			xid++
			sent = time.Now()
			if _, err := unix.Write(w.wire, discover(mac, xid)); err != nil && !errors.Is(err, unix.ENOBUFS) {
				return time.Time{}, fmt.Errorf("send a DHCPDISCOVER: %w", err)
			}
		}
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(w.wire), Events: unix.POLLIN}}, 1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return time.Time{}, err
		}
		if ready <= 0 {
			continue
		}
		size, err := unix.Read(w.wire, buf)
		at := time.Now()
		if err != nil {
			return at, err
		}
		switch ip, is := offer(buf[:size], mac); {
		case is && ip == n.ip:
			return at, nil
		case is:
			return at, fmt.Errorf("%s was offered instead of %s", ip, n.ip)
		}
	}
	return time.Time{}, fmt.Errorf("%s was not offered: %w", n.ip, ctx.Err())
}

// named asks the name server until it knows the NIC's name.
func (w *world) named(ctx context.Context, n nic) (time.Time, error) {
	q := new(dns.Msg)
	q.SetQuestion(n.label()+"."+domain+".", dns.TypeA)
	text, err := q.Pack()
	if err != nil {
		return time.Time{}, err
	}
	buf := make([]byte, 2048)
	for ctx.Err() == nil {
		next := time.Now().Add(every)
		// Until the server listens the kernel refuses datagrams to it.
		if _, err := w.query.Write(text); err != nil && !errors.Is(err, unix.ECONNREFUSED) {
			return time.Time{}, fmt.Errorf("send a question: %w", err)
		}
		for {
			if err := w.query.SetReadDeadline(next); err != nil {
				return time.Time{}, err
			}
			size, err := w.query.Read(buf)
			at := time.Now()
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil && !errors.Is(err, unix.ECONNREFUSED) {
				return at, err
			}
			if err == nil && answers(buf[:size], q.Id, n.ip) {
				return at, nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("%s has no name: %w", n.ip, ctx.Err())
}

// answers reports whether a message answers a question with an address.
func answers(text []byte, id uint16, ip netip.Addr) bool {
	var m dns.Msg
	if m.Unpack(text) != nil || m.Id != id || len(m.Answer) != 1 {
		return false
	}
	a, is := m.Answer[0].(*dns.A)
	return is && a.A.Equal(ip.AsSlice())
}
