package nft

import (
	"context"
	"encoding/binary"
	"maps"
	"time"

	"golang.org/x/sys/unix"
)

// seen is how the tables of ours stood at a generation of the kernel's rules.
type seen struct {
	known      bool
	generation uint32
	listings   map[string]string
}

// listings are the tables of ours as nft prints them, by key. As long as the
// kernel's rules are of the same generation nobody has changed any, and they need
// not be listed again.
func (d *Driver) listings(ctx context.Context) (map[string]string, error) {
	before, known := d.generation()
	if known && d.seen.known && before == d.seen.generation {
		return maps.Clone(d.seen.listings), nil
	}
	d.seen.known = false
	listed, err := d.listAll(ctx)
	if err != nil {
		return nil, err
	}
	if after, ok := d.generation(); known && ok && after == before {
		d.seen = seen{known: true, generation: after, listings: maps.Clone(listed)}
	}
	return listed, nil
}

// relist lists a table after a transaction of ours. What was seen of the others
// holds if there was no other transaction.
func (d *Driver) relist(ctx context.Context, key string) (string, error) {
	was := d.seen
	d.seen.known = false
	before, _ := d.generation()
	listing, err := d.list(ctx, key)
	if err != nil {
		return "", err
	}
	if after, known := d.generation(); was.known && known && after == before && after == was.generation+1 {
		d.seen = seen{known: true, generation: after, listings: was.listings}
		d.seen.listings[key] = listing
	}
	return listing, nil
}

// generationTimeout bounds the wait for the kernel's answer.
const generationTimeout = 2 * time.Second

// The numbers of linux/netfilter/nf_tables.h and nfnetlink.h.
const (
	getGeneration = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETGEN
	newGeneration = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWGEN
	generationID  = unix.NFTA_GEN_ID
	headers       = unix.SizeofNlMsghdr + sizeofNfgenmsg
	// sizeofNfgenmsg is that of struct nfgenmsg.
	sizeofNfgenmsg = 4
)

// generation is the number of the namespace's rules, which each transaction raises
// by one, whoever makes it; ok is false if the kernel does not tell.
func (d *Driver) generation() (generation uint32, ok bool) {
	err := d.ns.Run(func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		timeout := unix.NsecToTimeval(generationTimeout.Nanoseconds())
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
			return err
		}
		request := make([]byte, headers)
		binary.NativeEndian.PutUint32(request, headers)
		binary.NativeEndian.PutUint16(request[4:], getGeneration)
		binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST)
		if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			return err
		}
		answer := make([]byte, 4096)
		n, _, err := unix.Recvfrom(fd, answer, 0)
		if err == nil {
			generation, ok = parseGeneration(answer[:n])
		}
		return err
	})
	return generation, ok && err == nil
}

// parseGeneration reads the kernel's answer: a header, and attributes of which one
// is the number.
func parseGeneration(b []byte) (generation uint32, ok bool) {
	if len(b) < headers || binary.NativeEndian.Uint16(b[4:]) != newGeneration {
		return 0, false
	}
	for b = b[headers:]; len(b) >= unix.SizeofNlAttr; {
		length := int(binary.NativeEndian.Uint16(b))
		if length < unix.SizeofNlAttr || length > len(b) {
			return 0, false
		}
		if binary.NativeEndian.Uint16(b[2:]) == generationID && length >= unix.SizeofNlAttr+4 {
			return binary.BigEndian.Uint32(b[unix.SizeofNlAttr:]), true
		}
		b = b[min(len(b), (length+unix.NLA_ALIGNTO-1)&^(unix.NLA_ALIGNTO-1)):]
	}
	return 0, false
}
