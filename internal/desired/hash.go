package desired

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/netip"
)

// Hash identifies the state: equal states have equal hashes. It is lower-case
// hexadecimal SHA-256 of all spaces with their sections.
func (n *Node) Hash() string {
	h := sha256.New()
	w := bufio.NewWriterSize(h, 1<<16) // a hash takes all: no write fails
	n.hash(w)
	for i := range n.Spaces {
		line(w, n.Spaces[i].Name, n.Spaces[i].Owner, nil)
		n.Spaces[i].hash(w)
	}
	_ = w.Flush()
	return hex.EncodeToString(h.Sum(nil))
}

func (s *Space) hash(w *bufio.Writer) {
	for _, section := range s.Sections() {
		line(w, section.Kind(), "", nil)
		section.Hash(w)
	}
}

// line writes words and addresses, each followed by a separator that none of them contains.
func line(w *bufio.Writer, one, two string, ips []netip.Addr) {
	for _, s := range []string{one, two} {
		_, _ = io.WriteString(w, s)
		_ = w.WriteByte(0)
	}
	for _, ip := range ips {
		_, _ = w.Write(append(ip.AppendTo(w.AvailableBuffer()), 0))
	}
	_ = w.WriteByte('\n')
}
