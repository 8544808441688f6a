package frr

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// maxSeq is the largest number of a route map's entry.
const maxSeq = 65535

// LocalError is a line of frr.conf.local that conflicts with Viaduct's configuration.
type LocalError struct {
	// Line counts from 1; Text is the line.
	Line         int
	Text, Reason string
}

// Error implements error.
func (e *LocalError) Error() string {
	return fmt.Sprintf("%s:%d: %q %s", LocalOwner, e.Line, e.Text, e.Reason)
}

// Complete returns the blocks that frr.conf.local adds to a configuration; they belong
// after it. Unlike Config.MergeProxmox it loses nothing: it keeps lines of any kind, at
// any place and with any characters. It does not repeat lines of the configuration. It
// continues the numbering of route maps that the configuration has too, as Proxmox does.
//
// It skips blocks that conflict with the configuration, and reports each as a *LocalError
// in the joined error.
func Complete(blocks []desired.FRRBlock, local string) ([]LocalBlock, error) {
	m := known(blocks)
	var out []LocalBlock
	var errs []error
	for _, b := range Parse(local) {
		head, err := m.head(&b)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		b.Head = head
		b.Lines, b.Numbers = m.fresh(&b)
		if len(b.Lines) > 0 || !m.heads[b.Head] {
			m.heads[b.Head] = true
			out = append(out, b)
		}
	}
	return out, errors.Join(errs...)
}

// own is the content of a configuration, for the merge.
type own struct {
	// heads are the heads of blocks, lines "<head>\x00<family>\x00<line>".
	heads, lines map[string]bool
	// routers are the AS numbers of BGP routers by VRF, last the highest numbers
	// of route maps by name.
	routers map[string]string
	last    map[string]int
}

func known(blocks []desired.FRRBlock) *own {
	m := &own{heads: map[string]bool{}, lines: map[string]bool{}, routers: map[string]string{}, last: map[string]int{}}
	for _, b := range blocks {
		m.heads[b.Head] = true
		if asn, vrf, ok := BGPRouter(b.Head); ok {
			m.routers[vrf] = asn
		}
		if name, _, seq, ok := mapEntry(b.Head); ok {
			m.last[name] = max(m.last[name], seq)
		}
		walk(b.Lines, func(_ int, key string) { m.lines[b.Head+"\x00"+key] = true })
	}
	return m
}

// head is the head that a block gets, which differs for route maps of the configuration.
func (m *own) head(b *LocalBlock) (string, error) {
	if asn, vrf, ok := BGPRouter(b.Head); ok && m.routers[vrf] != "" && m.routers[vrf] != asn {
		return "", &LocalError{b.Number, b.Head, "names another AS number than the node's router, which is " + m.routers[vrf]}
	}
	name, action, _, ok := mapEntry(b.Head)
	last, ours := m.last[name]
	switch {
	case !ok || !ours:
		return b.Head, nil
	case last >= maxSeq:
		return "", &LocalError{b.Number, b.Head, "adds to a route map that Viaduct makes and that is full; choose another name"}
	}
	m.last[name]++
	return fmt.Sprintf("route-map %s %s %d", name, action, m.last[name]), nil
}

// fresh are the lines of a block that the configuration does not have. The frames of
// address families that become empty are removed as well.
func (m *own) fresh(b *LocalBlock) (lines []string, numbers []int) {
	drop := map[int]bool{}
	walk(b.Lines, func(i int, key string) { drop[i] = m.lines[b.Head+"\x00"+key] })
	for i, l := range b.Lines {
		if drop[i] {
			continue
		}
		if n := len(lines); n > 0 && l == " exit-address-family" && strings.HasPrefix(lines[n-1], " address-family ") {
			lines, numbers = lines[:n-1], numbers[:n-1]
			continue
		}
		lines, numbers = append(lines, l), append(numbers, b.Numbers[i])
	}
	return lines, numbers
}

// walk calls f for every line with a meaning of its own, with its context. Lines for a
// single VNI are always complete.
func walk(lines []string, f func(i int, key string)) {
	family, deep := "", false
	for i, l := range lines {
		text := strings.TrimSpace(l)
		switch {
		case strings.HasPrefix(text, "address-family "):
			family = text
		case text == "exit-address-family":
			family = ""
		case opensVNI(text) && family != "":
			deep = true
		case text == "exit-vni":
			deep = false
		case !deep:
			f(i, family+"\x00"+text)
		}
	}
}

// BGPRouter reads the head of a BGP router, "router bgp 65000 vrf X"; vrf is empty outside
// all VRFs.
func BGPRouter(head string) (asn, vrf string, ok bool) {
	f := routerLine.FindStringSubmatch(head)
	if f == nil {
		return "", "", false
	}
	return f[1], f[2], true
}

func mapEntry(head string) (name, action string, seq int, ok bool) {
	w := strings.Fields(head)
	if len(w) != 4 || w[0] != "route-map" || !slices.Contains([]string{"permit", "deny"}, w[2]) {
		return "", "", 0, false
	}
	seq, err := strconv.Atoi(w[3])
	return w[1], w[2], seq, err == nil
}
