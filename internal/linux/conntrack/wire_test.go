package conntrack

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

// same compares entries; addresses are compared as values.
var same = cmpopts.EquateComparable(netip.Addr{})

func address(t *rapid.T, six bool, label string) netip.Addr {
	size := 4
	if six {
		size = 16
	}
	a, _ := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), size, size).Filter(func(b []byte) bool {
		a, _ := netip.AddrFromSlice(b)
		return !a.Is4In6()
	}).Draw(t, label))
	return a
}

func anyTuple(t *rapid.T, six bool, proto uint8, label string) Tuple {
	out := Tuple{Src: address(t, six, label+" src"), Dst: address(t, six, label+" dst"), Proto: proto, SrcPort: rapid.Uint16().Draw(t, label+" sport")}
	if out.icmp() {
		out.ICMPType, out.ICMPCode = rapid.Byte().Draw(t, label+" type"), rapid.Byte().Draw(t, label+" code")
	} else {
		out.DstPort = rapid.Uint16().Draw(t, label+" dport")
	}
	return out
}

func anyEntry(t *rapid.T) Entry {
	six := rapid.Bool().Draw(t, "six")
	proto := rapid.SampledFrom([]uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_ICMP, unix.IPPROTO_ICMPV6, unix.IPPROTO_GRE}).Draw(t, "proto")
	e := Entry{
		Orig: anyTuple(t, six, proto, "orig"), Reply: anyTuple(t, six, proto, "reply"), Zone: rapid.Uint16().Draw(t, "zone"),
		Status: rapid.Uint32().Draw(t, "status"), Timeout: rapid.Uint32().Draw(t, "timeout"), Mark: rapid.Uint32().Draw(t, "mark"),
	}
	if proto == unix.IPPROTO_TCP {
		b := rapid.SliceOfN(rapid.Byte(), 5, 5).Draw(t, "tcp")
		e.TCP = TCP{b[0], b[1], b[2], b[3], b[4]}
	}
	return e
}

// What is written is what is read, and a part of it is nothing.
func TestWireForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfN(rapid.Custom(anyEntry), 0, 5).Draw(t, "entries")
		b, err := Encode(entries)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(entries, got, same, cmpopts.EquateEmpty()); d != "" {
			t.Fatal(d)
		}
		if cut := rapid.IntRange(0, len(b)-1).Draw(t, "cut"); cut < len(b) {
			if _, err := Decode(b[:cut]); err == nil {
				t.Fatalf("%d of %d bytes were read", cut, len(b))
			}
		}
		if _, err := Decode(append(bytes.Clone(b), 0)); err == nil {
			t.Fatal("a byte more was read")
		}
	})
}

// A later version may add fields at the end of entries; another version of the whole is
// refused, and so is a number of entries that the text has no room for.
func TestWireVersions(t *testing.T) {
	e := Entry{Orig: tcp("10.0.0.1", 1000, "192.0.2.1", 80), Reply: tcp("192.0.2.1", 80, "198.51.100.1", 2000), Mark: 7}
	b, err := Encode([]Entry{e})
	if err != nil {
		t.Fatal(err)
	}
	if len(b) != len(wireMagic)+1+1+49 {
		t.Errorf("an entry has %d bytes with everything", len(b))
	}
	longer := append(bytes.Clone(b), 1, 2, 3)
	longer[len(wireMagic)+1] += 3
	if got, err := Decode(longer); err != nil || len(got) != 1 || got[0] != e {
		t.Errorf("a longer entry: %v, %v", got, err)
	}
	other := bytes.Clone(b)
	other[len(wireMagic)-1] = 2
	if _, err := Decode(other); err == nil {
		t.Error("version 2 was read")
	}
	for _, count := range []uint64{2, MaxEntries + 1, 1 << 60} {
		many := append(binary.AppendUvarint([]byte(wireMagic), count), b[len(wireMagic)+1:]...)
		if _, err := Decode(many); err == nil {
			t.Errorf("%d entries were read out of one", count)
		}
	}
	for name, bad := range map[string]Entry{
		"no address":       {Orig: Tuple{Proto: unix.IPPROTO_TCP}, Reply: e.Reply},
		"two families":     {Orig: e.Orig, Reply: Tuple{Src: netip.MustParseAddr("fd00::1"), Dst: netip.MustParseAddr("fd00::2"), Proto: unix.IPPROTO_TCP}},
		"another protocol": {Orig: e.Orig, Reply: Tuple{Src: e.Reply.Src, Dst: e.Reply.Dst, Proto: unix.IPPROTO_UDP}},
	} {
		if _, err := Encode([]Entry{bad}); err == nil {
			t.Errorf("%s: was written", name)
		}
		if _, err := restore(&bad); err == nil {
			t.Errorf("%s: was sent", name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	b, _ := Encode([]Entry{{Orig: tcp("10.0.0.1", 1000, "192.0.2.1", 80), Reply: tcp("192.0.2.1", 80, "198.51.100.1", 2000)}})
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := Decode(b)
		if err != nil {
			return
		}
		if _, err := Encode(entries); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}

// The kernel's form of a tuple is read as it was written.
func TestTupleOfTheKernel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEntry(t)
		if e.Orig.icmp() && e.Orig.Src.Is4() != (e.Orig.Proto == unix.IPPROTO_ICMP) {
			return
		}
		m := rtnl.NewMessage(ctNew, 0, header(unix.AF_INET))
		tuple(m, attrOrig, e.Orig)
		tuple(m, attrReply, e.Reply)
		be32(m, attrMark, e.Mark)
		got, ok := parse(m.Payload())
		if !ok {
			t.Fatal("was not read")
		}
		if d := cmp.Diff(Entry{Orig: e.Orig, Reply: e.Reply, Mark: e.Mark}, got, same); d != "" {
			t.Fatal(d)
		}
	})
}

func tcp(src string, sport uint16, dst string, dport uint16) Tuple {
	return Tuple{Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), Proto: unix.IPPROTO_TCP, SrcPort: sport, DstPort: dport}
}

// A filter selects by every one of its fields.
func TestFilter(t *testing.T) {
	zone, other := uint16(3), uint16(0)
	e := Entry{Orig: tcp("10.0.0.1", 1000, "192.0.2.1", 80), Reply: tcp("192.0.2.1", 80, "198.51.100.1", 2000), Mark: 0x17, Zone: 3}
	for _, c := range []struct {
		f    Filter
		want bool
	}{
		{Filter{}, true},
		{Filter{ReplyDst: e.Reply.Dst, OrigSrc: e.Orig.Src, OrigDst: e.Orig.Dst, Proto: unix.IPPROTO_TCP, FirstPort: 2000, LastPort: 2000, Mark: 7, MarkMask: 0xf, Zone: &zone}, true},
		{Filter{ReplyDst: e.Orig.Src}, false},
		{Filter{OrigSrc: e.Reply.Dst}, false},
		{Filter{OrigDst: e.Reply.Dst}, false},
		{Filter{Proto: unix.IPPROTO_UDP}, false},
		{Filter{FirstPort: 2001, LastPort: 3000}, false},
		{Filter{FirstPort: 1000, LastPort: 1999}, false},
		{Filter{Mark: 6, MarkMask: 0xf}, false},
		{Filter{Zone: &other}, false},
	} {
		if got := c.f.matches(&e); got != c.want {
			t.Errorf("%+v: %v", c.f, got)
		}
	}
}
