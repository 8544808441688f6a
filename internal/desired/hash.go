package desired

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/netip"
	"slices"
	"strconv"
)

// Hash identifies the state: equal states have equal hashes. It is lower-case
// hexadecimal SHA-256 of the JSON form, in which NICs and names, of which there may
// be ten thousands, are plain lines before all else.
func (n *Node) Hash() string {
	h := sha256.New()
	w := bufio.NewWriterSize(h, 1<<16) // a hash takes all: no write fails
	rest := *n
	rest.DHCP = slices.Clone(n.DHCP)
	for i := range rest.DHCP {
		s := &rest.DHCP[i]
		s.Networks = slices.Clone(s.Networks)
		for k := range s.Networks {
			hosts := s.Networks[k].Hosts
			s.Networks[k].Hosts = nil
			count(w, len(hosts))
			for _, x := range hosts {
				line(w, x.MAC, x.Name, x.IPs)
			}
		}
	}
	if n.NameServer != nil {
		names := *n.NameServer
		names.Views = slices.Clone(names.Views)
		rest.NameServer = &names
		for i := range names.Views {
			entries := names.Views[i].Names
			names.Views[i].Names = nil
			count(w, len(entries))
			for _, x := range entries {
				line(w, x.Name, "", x.IPs)
			}
		}
	}
	if err := json.NewEncoder(w).Encode(&rest); err != nil { // plain values only: cannot happen
		panic(err)
	}
	_ = w.Flush()
	return hex.EncodeToString(h.Sum(nil))
}

// count writes how many lines follow.
func count(w *bufio.Writer, n int) {
	_, _ = w.Write(append(strconv.AppendInt(w.AvailableBuffer(), int64(n), 10), '\n'))
}

// line writes words and addresses, each with what is in none of them at its end.
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
