package conntrack

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/test/requires"
	"github.com/viaduct-sdn/viaduct/test/scratch"
)

// open makes a namespace that tracks and translates, and a connection to it.
func open(t testing.TB) (*Conn, *netns.NS) {
	t.Helper()
	ns := scratch.New(t)
	rules(t, ns, "table inet t { chain post { type nat hook postrouting priority srcnat;\n }\n }\n")
	return connTo(t, ns), ns
}

// rules loads nftables rules in a namespace.
func rules(t testing.TB, ns *netns.NS, text string) {
	t.Helper()
	cmd := exec.Command(requires.Program(t, "nft"), "-f", "-")
	cmd.Stdin = strings.NewReader(text)
	if err := ns.Run(func() error {
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func icmp(proto uint8, src, dst string, id uint16, typ uint8) Tuple {
	return Tuple{Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), Proto: proto, SrcPort: id, ICMPType: typ}
}

// samples are entries of every sort, with the translation that the kernel notes for each.
func samples() []Entry {
	udp := func(src string, sport uint16, dst string, dport uint16) Tuple {
		t := tcp(src, sport, dst, dport)
		t.Proto = unix.IPPROTO_UDP
		return t
	}
	const lasting = StatusSeenReply | StatusAssured | StatusConfirmed
	return []Entry{
		{Orig: tcp("10.0.0.1", 1000, "192.0.2.1", 80), Reply: tcp("192.0.2.1", 80, "198.51.100.1", 2000), Status: lasting | StatusSrcNAT, Timeout: 400000, Mark: 7,
			TCP: TCP{State: TCPEstablished, WScaleOrig: 7, WScaleReply: 9, FlagsOrig: 0x23, FlagsReply: 0x23}},
		{Orig: tcp("203.0.113.9", 1000, "198.51.100.1", 443), Reply: tcp("10.0.0.2", 8443, "203.0.113.9", 1000), Status: lasting | StatusDstNAT, Timeout: 300, Zone: 9, TCP: TCP{State: TCPCloseWait}},
		{Orig: tcp("10.0.0.3", 1000, "198.51.100.1", 443), Reply: tcp("10.0.0.2", 8443, "10.0.0.254", 3000), Status: lasting | StatusSrcNAT | StatusDstNAT, Timeout: 300, TCP: TCP{State: TCPEstablished}},
		{Orig: udp("10.0.0.1", 1000, "192.0.2.1", 53), Reply: udp("192.0.2.1", 53, "198.51.100.1", 2000), Status: StatusSeenReply | StatusConfirmed | StatusSrcNAT, Timeout: 100},
		{Orig: udp("10.0.0.1", 1001, "192.0.2.1", 53), Reply: udp("192.0.2.1", 53, "10.0.0.1", 1001), Status: StatusConfirmed, Timeout: 100, Mark: 0xffffffff},
		{Orig: icmp(unix.IPPROTO_ICMP, "10.0.0.1", "192.0.2.1", 77, 8), Reply: icmp(unix.IPPROTO_ICMP, "192.0.2.1", "198.51.100.1", 4077, 0), Status: StatusSeenReply | StatusConfirmed | StatusSrcNAT, Timeout: 100},
		{Orig: tcp("fd00::1", 1000, "2001:db8::1", 80), Reply: tcp("2001:db8::1", 80, "2001:db8:1::1", 2000), Status: lasting | StatusSrcNAT, Timeout: 300, TCP: TCP{State: TCPEstablished}},
		{Orig: icmp(unix.IPPROTO_ICMPV6, "fd00::1", "2001:db8::1", 78, 128), Reply: icmp(unix.IPPROTO_ICMPV6, "2001:db8::1", "fd00::1", 78, 129), Status: StatusSeenReply | StatusConfirmed, Timeout: 100},
	}
}

// Every sort of entry is restored as it was, with its translation; a second time it exists.
func TestRestore(t *testing.T) {
	c, _ := open(t)
	ctx, want := t.Context(), samples()
	restored, existing, err := c.Restore(ctx, want)
	if err != nil || restored != len(want) || len(existing) > 0 {
		t.Fatalf("%d of %d restored, %d exist: %v", restored, len(want), len(existing), err)
	}
	got, err := c.Dump(ctx, Filter{})
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d of %d entries listed: %v", len(got), len(want), err)
	}
	for _, w := range want {
		i := slices.IndexFunc(got, func(e Entry) bool { return e.Orig == w.Orig })
		if i < 0 {
			t.Errorf("%+v is not listed", w)
			continue
		}
		if d := cmp.Diff(w, asRestored(&w, got[i]), same); d != "" {
			t.Error(d)
		}
	}
	if restored, existing, err = c.Restore(ctx, want); err != nil || restored != 0 || len(existing) != len(want) {
		t.Errorf("again: %d restored, %d exist: %v", restored, len(existing), err)
	}
	// An address and port that another connection has are not given twice.
	rival := want[0]
	rival.Orig.SrcPort = 1111
	if restored, existing, err = c.Restore(ctx, []Entry{rival}); err != nil || restored != 0 || len(existing) != 1 {
		t.Errorf("a rival for a translated port: %d restored, %d exist: %v", restored, len(existing), err)
	}
	if _, _, err := c.Restore(ctx, []Entry{{}, want[0]}); err == nil || !strings.Contains(err.Error(), "needs two addresses") {
		t.Errorf("an entry without addresses: %v", err)
	}
}

// asRestored is an entry as the kernel lists it without what it adds: that the translation is
// set up, that TCP is liberal, an ID; and a life that a few seconds may have shortened.
func asRestored(want *Entry, got Entry) Entry {
	const natDone = 1<<7 | 1<<8 // IPS_SRC_NAT_DONE, IPS_DST_NAT_DONE
	got.Status &^= natDone
	if got.ID == 0 || got.Timeout > want.Timeout || got.Timeout+5 < want.Timeout {
		return got
	}
	got.ID, got.Timeout = 0, want.Timeout
	if got.Orig.Proto == unix.IPPROTO_TCP && got.TCP.FlagsOrig&got.TCP.FlagsReply&tcpFlagLiberal != 0 {
		got.TCP.FlagsOrig, got.TCP.FlagsReply = want.TCP.FlagsOrig, want.TCP.FlagsReply
	}
	return got
}

// The kernel's own filter and this package's agree, and exactly what was listed is deleted.
func TestDumpAndDelete(t *testing.T) {
	c, _ := open(t)
	ctx := t.Context()
	if _, _, err := c.Restore(ctx, samples()); err != nil {
		t.Fatal(err)
	}
	zone := uint16(9)
	for _, f := range []Filter{
		{ReplyDst: netip.MustParseAddr("198.51.100.1")},
		{ReplyDst: netip.MustParseAddr("198.51.100.1"), Proto: unix.IPPROTO_TCP},
		{ReplyDst: netip.MustParseAddr("198.51.100.1"), FirstPort: 4000, LastPort: 4100},
		{OrigSrc: netip.MustParseAddr("10.0.0.1")},
		{OrigSrc: netip.MustParseAddr("10.0.0.1"), ReplyDst: netip.MustParseAddr("198.51.100.1"), Proto: unix.IPPROTO_UDP},
		{OrigDst: netip.MustParseAddr("2001:db8::1")},
		{Mark: 7, MarkMask: 0xf},
		{Zone: &zone},
		{Proto: unix.IPPROTO_ICMPV6},
	} {
		want := 0
		for _, e := range samples() {
			if f.matches(&e) {
				want++
			}
		}
		if got, err := c.Dump(ctx, f); err != nil || len(got) != want || want == 0 {
			t.Errorf("%+v: %d entries, want %d: %v", f, len(got), want, err)
		}
	}
	first, err := c.Dump(ctx, Filter{ReplyDst: netip.MustParseAddr("198.51.100.1")})
	if err != nil {
		t.Fatal(err)
	}
	for again, want := range []int{len(first), 0} {
		if n, err := c.Delete(ctx, first); err != nil || n != want {
			t.Errorf("delete, time %d: %d, want %d: %v", again+1, n, want, err)
		}
	}
	if rest, err := c.Dump(ctx, Filter{}); err != nil || len(rest) != len(samples())-len(first) {
		t.Errorf("%d entries are left, want %d: %v", len(rest), len(samples())-len(first), err)
	}
	if _, _, err := c.Restore(ctx, first); err != nil {
		t.Fatal(err)
	}
	for i := range first { // later ones with the same tuples, in other memory of the kernel's
		first[i].ID ^= 1
	}
	if n, err := c.Delete(ctx, first); err != nil || n != 0 {
		t.Errorf("%d later entries with the same tuples were deleted: %v", n, err)
	}
	if n, err := c.Delete(ctx, []Entry{{}}); err == nil || n != 0 {
		t.Errorf("an entry without addresses: %d deleted, %v", n, err)
	}
	if left, err := c.Dump(ctx, Filter{}); err != nil || len(left) != len(samples()) {
		t.Errorf("%d entries are left, want all: %v", len(left), err)
	}
}

// Events come in their order, with the entry; a listener that ends says why.
func TestEvents(t *testing.T) {
	c, ns := open(t)
	l, err := Listen(ns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	all := samples()
	if _, _, err := c.Restore(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	listed, err := c.Dump(t.Context(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Delete(t.Context(), listed[:1]); err != nil {
		t.Fatal(err)
	}
	var got []Event
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for len(got) < len(all)+1 {
		events, err := l.Next(ctx)
		if err != nil {
			t.Fatalf("after %d events: %v", len(got), err)
		}
		got = append(got, events...)
	}
	for i, e := range all {
		if got[i].Type != EventNew || got[i].Entry.Orig != e.Orig || got[i].Entry.Reply != e.Reply {
			t.Errorf("event %d: %+v, want a new %+v", i, got[i], e)
		}
	}
	if last := got[len(all)]; last.Type != EventDestroy || last.Entry.Orig != listed[0].Orig || last.Entry.ID != listed[0].ID {
		t.Errorf("the last event: %+v, want the end of %+v", last, listed[0])
	}
	short, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	if events, err := l.Next(short); !errors.Is(err, context.DeadlineExceeded) || len(events) > 0 {
		t.Errorf("without events: %v, %v", events, err)
	}
}
