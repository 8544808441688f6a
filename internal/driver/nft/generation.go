package nft

import (
	"context"
	"encoding/binary"
	"maps"
	"time"

	"golang.org/x/sys/unix"
)

// seen is the state of the owned tables at a generation of the kernel's rules.
type seen struct {
	known      bool
	generation uint32
	listings   map[string]string
	// elements are those of the dynamic sets, sorted, by table and name.
	elements map[string]map[string][]string
}

// listings returns the owned tables as nft prints them, by key. As long as the
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

// relist lists a table after one of the driver's transactions. The listings of the
// others are valid if there was no other transaction.
func (d *Driver) relist(ctx context.Context, key string, terse bool) (string, error) {
	was := d.seen
	d.seen.known = false
	before, _ := d.generation()
	listing, err := d.list(ctx, key, terse)
	if err != nil {
		return "", err
	}
	if after, known := d.generation(); was.known && known && after == before && after == was.generation+1 {
		d.seen = seen{known: true, generation: after, listings: was.listings, elements: was.elements}
		d.seen.listings[key] = listing
	}
	return listing, nil
}

// generationTimeout bounds the wait for the kernel's answer.
const generationTimeout = 2 * time.Second

// The constants of linux/netfilter/nf_tables.h and nfnetlink.h.
const (
	getGeneration = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETGEN
	newGeneration = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWGEN
	generationID  = unix.NFTA_GEN_ID
	// sizeofNfgenmsg is the size of struct nfgenmsg.
	sizeofNfgenmsg = 4
)

// generation returns the number of the namespace's rules, which every transaction
// increments; ok is false if the kernel does not report it.
func (d *Driver) generation() (generation uint32, ok bool) {
	t := &batch{}
	t.message(getGeneration, 0, unix.AF_UNSPEC, 0, nil)
	err := d.exchange(t.b, func(typ uint16, _ uint32, payload []byte) (done bool, err error) {
		generation, ok = parseGeneration(typ, payload)
		return true, nil
	})
	return generation, ok && err == nil
}

// parseGeneration parses the kernel's answer; the number is one of its attributes.
func parseGeneration(typ uint16, payload []byte) (generation uint32, ok bool) {
	if typ != newGeneration || len(payload) < sizeofNfgenmsg {
		return 0, false
	}
	eachAttribute(payload[sizeofNfgenmsg:], func(typ uint16, data []byte) {
		if typ == generationID && len(data) >= 4 {
			generation, ok = binary.BigEndian.Uint32(data), true
		}
	})
	return generation, ok
}
