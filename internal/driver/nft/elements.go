package nft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// The constants of linux/netfilter/nf_tables.h and nfnetlink.h.
const (
	nestedAttribute = unix.NLA_F_NESTED

	newElements = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWSETELEM
	getElements = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETSETELEM
	delElements = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_DELSETELEM

	listTable    = unix.NFTA_SET_ELEM_LIST_TABLE
	listSet      = unix.NFTA_SET_ELEM_LIST_SET
	listElements = unix.NFTA_SET_ELEM_LIST_ELEMENTS
	listItem     = unix.NFTA_LIST_ELEM
	elementKey   = unix.NFTA_SET_ELEM_KEY
	elementFlags = unix.NFTA_SET_ELEM_FLAGS
	dataValue    = unix.NFTA_DATA_VALUE
	intervalEnd  = unix.NFT_SET_ELEM_INTERVAL_END

	// batchGeneration makes the kernel refuse a batch made for another generation
	// of its rules.
	batchGeneration = 1
	// elementsPerMessage keeps the list within the 64 KiB limit of an attribute.
	elementsPerMessage = 500
	// socketBuffer, in bytes, holds a batch: the kernel accepts it only as a whole.
	socketBuffer = 64 << 20
	// receiveBuffer, in bytes, is longer than any message of a listing.
	receiveBuffer = 64 << 10
)

// families maps nft's names of table families to the kernel's numbers.
var families = map[string]byte{
	"ip": unix.NFPROTO_IPV4, "ip6": unix.NFPROTO_IPV6, "inet": unix.NFPROTO_INET, "bridge": unix.NFPROTO_BRIDGE, "netdev": unix.NFPROTO_NETDEV,
}

// elementChange is the change of one set of a table.
type elementChange struct {
	family, table, set string
	// Either added or removed is empty.
	added, removed []segment
}

// errStale reports that somebody else changed the rules concurrently.
var errStale = errors.New("somebody else changed the node's nftables rules at the same moment; the next pass looks again")

// batch is a transaction of the kernel under construction.
type batch struct {
	b   []byte
	seq uint32
}

// message appends a message; flags are in addition to NLM_F_REQUEST. id is the
// subsystem's for the ends of the batch.
func (t *batch) message(typ, flags uint16, family byte, id uint16, f func(a *attributes)) {
	at := len(t.b)
	t.seq++
	t.b = append(t.b, make([]byte, unix.SizeofNlMsghdr)...)
	t.b = append(t.b, family, 0, byte(id>>8), byte(id))
	a := &attributes{b: t.b}
	if f != nil {
		f(a)
	}
	t.b = a.b
	binary.NativeEndian.PutUint32(t.b[at:], uint32(len(t.b)-at))
	binary.NativeEndian.PutUint16(t.b[at+4:], typ)
	binary.NativeEndian.PutUint16(t.b[at+6:], flags|unix.NLM_F_REQUEST)
	binary.NativeEndian.PutUint32(t.b[at+8:], t.seq)
}

// elements appends the messages that add or remove segments of a set.
func (t *batch) elements(typ, flags uint16, c elementChange, list []segment) {
	for len(list) > 0 {
		some := list[:min(len(list), elementsPerMessage)]
		list = list[len(some):]
		t.message(typ, flags, families[c.family], 0, func(a *attributes) {
			a.bytes(listTable, c.table+"\x00")
			a.bytes(listSet, c.set+"\x00")
			a.nest(listElements, func() {
				for _, s := range some {
					a.nest(listItem, func() {
						if s.end {
							a.bytes(elementFlags, "\x00\x00\x00\x01")
						}
						a.nest(elementKey, func() { a.bytes(dataValue, s.key) })
					})
				}
			})
		})
	}
}

// changeElements makes changes in one transaction, if the rules are still of the
// generation.
func (d *Driver) changeElements(generation uint32, changes []elementChange) error {
	t := &batch{}
	t.message(unix.NFNL_MSG_BATCH_BEGIN, 0, 0, unix.NFNL_SUBSYS_NFTABLES, func(a *attributes) {
		a.bytes(batchGeneration, string(binary.BigEndian.AppendUint32(nil, generation)))
	})
	for _, c := range changes {
		t.elements(delElements, 0, c, c.removed)
		t.elements(newElements, unix.NLM_F_CREATE|unix.NLM_F_ACK, c, c.added)
	}
	// A message without elements changes nothing: its acknowledgement ends the
	// wait.
	last := changes[len(changes)-1]
	t.message(newElements, unix.NLM_F_CREATE|unix.NLM_F_ACK, families[last.family], 0, func(a *attributes) {
		a.bytes(listTable, last.table+"\x00")
		a.bytes(listSet, last.set+"\x00")
		a.nest(listElements, func() {})
	})
	end := t.seq
	t.message(unix.NFNL_MSG_BATCH_END, 0, 0, unix.NFNL_SUBSYS_NFTABLES, nil)
	return d.exchange(t.b, func(typ uint16, seq uint32, payload []byte) (done bool, err error) {
		if typ != unix.NLMSG_ERROR || len(payload) < 4 {
			return false, nil
		}
		errno := unix.Errno(-int32(binary.NativeEndian.Uint32(payload)))
		switch {
		case errno == unix.ERESTART:
			return true, errStale
		case errno != 0:
			return true, fmt.Errorf("the kernel refuses the change of elements: %w", errno)
		}
		return seq == end, nil
	})
}

// dumpElements lists the kernel's elements of a set, sorted.
func (d *Driver) dumpElements(family, table, set string) ([]segment, error) {
	t := &batch{}
	t.message(getElements, unix.NLM_F_DUMP, families[family], 0, func(a *attributes) {
		a.bytes(listTable, table+"\x00")
		a.bytes(listSet, set+"\x00")
	})
	var out []segment
	err := d.exchange(t.b, func(typ uint16, _ uint32, payload []byte) (done bool, err error) {
		switch {
		case typ == newElements && len(payload) >= sizeofNfgenmsg:
			out = append(out, parseElements(payload[sizeofNfgenmsg:])...)
		case typ == unix.NLMSG_ERROR && len(payload) >= 4:
			return true, unix.Errno(-int32(binary.NativeEndian.Uint32(payload)))
		}
		return typ == unix.NLMSG_DONE, nil
	})
	if err != nil {
		return nil, fmt.Errorf("list set %s of table %s %s: %w", set, family, table, err)
	}
	return sortSegments(out), nil
}

// exchange sends a request and passes each message of the answer to f until f is
// done.
func (d *Driver) exchange(request []byte, f func(typ uint16, seq uint32, payload []byte) (done bool, err error)) error {
	if d.socket == nil {
		if err := d.ns.Run(d.open); err != nil {
			return err
		}
	}
	err := exchange(int(d.socket.Fd()), request, f)
	if err != nil { // the rest must not be read as the answer to another request
		_ = d.socket.Close()
		d.socket = nil
	}
	return err
}

// open opens the driver's socket in its namespace. It stays open for the lifetime
// of the driver: after elements were removed the kernel blocks closing one until no
// packet sees them any more, which needs milliseconds.
func (d *Driver) open() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return fmt.Errorf("open a socket to the kernel's nftables: %w", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, socketBuffer)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer)
	timeout := unix.NsecToTimeval(generationTimeout.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		_ = unix.Close(fd)
		return fmt.Errorf("open a socket to the kernel's nftables: %w", err)
	}
	d.socket = os.NewFile(uintptr(fd), "nftables")
	return nil
}

func exchange(fd int, request []byte, f func(typ uint16, seq uint32, payload []byte) (done bool, err error)) error {
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, receiveBuffer)
	for {
		n, _, err := unix.Recvfrom(fd, answer, 0)
		if err != nil {
			return err
		}
		if done, err := eachMessage(answer[:n], f); done || err != nil {
			return err
		}
	}
}

// eachMessage passes the messages of a datagram to f until f is done.
func eachMessage(b []byte, f func(typ uint16, seq uint32, payload []byte) (done bool, err error)) (done bool, err error) {
	for len(b) >= unix.SizeofNlMsghdr {
		n := int(binary.NativeEndian.Uint32(b))
		if n < unix.SizeofNlMsghdr || n > len(b) {
			return true, errors.New("the kernel's answer is cut off")
		}
		done, err := f(binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint32(b[8:]), b[unix.SizeofNlMsghdr:n])
		if done || err != nil {
			return true, err
		}
		b = b[min(len(b), (n+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1)):]
	}
	return false, nil
}
