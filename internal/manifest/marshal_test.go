package manifest

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

func genAddr(t *rapid.T) netip.Addr {
	if rapid.Bool().Draw(t, "v6") {
		var b [16]byte
		copy(b[:], rapid.SliceOfN(rapid.SampledFrom([]byte{0, 0, 0, 1, 0xfd, 0xff}), 16, 16).Draw(t, "addr6"))
		return netip.AddrFrom16(b)
	}
	return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "addr4")))
}

// genText is any text a manifest can hold.
func genText(t *rapid.T, label string) string {
	if rapid.Bool().Draw(t, "odd") {
		return rapid.SampledFrom([]string{"yes", "null", "~", "- a", "a: b", "#", "a #b", "'", `"`, `\`, "[a", "{", "0x10", "1_0", "12", "1.5", "*x", "&x", "!x", "%", "@", "`", "a\nb", "a\tb", " a ", "---", "é", "?", "? a", "-", "a:", ":a", "1:2", "2001-01-01", "<<", "=", ".", "..."}).Draw(t, label)
	}
	return rapid.StringMatching(`[ -~]{1,12}`).Draw(t, label)
}

func genObject(t *rapid.T, i int) model.Object {
	id := fmt.Sprintf("x%d", i)
	switch rapid.IntRange(0, 6).Draw(t, "kind") {
	case 0:
		return &model.Node{ID: id, Address: genAddr(t), Reserved: []string{genText(t, "reserved")}}
	case 1:
		return &model.Zone{ID: id, Type: model.ZoneVXLAN, Peers: []netip.Addr{genAddr(t), genAddr(t)}, MTU: rapid.Int().Draw(t, "mtu"), DNSZone: genText(t, "dnszone")}
	case 2:
		return &model.VNet{ID: id, Zone: genText(t, "zone"), Alias: genText(t, "alias"), VLANAware: true, Tag: rapid.IntRange(-5, 5).Draw(t, "tag")}
	case 3:
		return &model.Subnet{ID: fmt.Sprintf("z-10.0.%d.0-24", i), CIDR: netip.MustParsePrefix(fmt.Sprintf("10.0.%d.0/24", i)), VNet: "vx", SNAT: true,
			Gateway: genAddr(t), DHCPRange: []model.Range{{Start: genAddr(t), End: genAddr(t)}}}
	case 4:
		return &model.PrefixList{ID: id, Entries: []model.PrefixEntry{
			{Action: genText(t, "action"), Prefix: netip.PrefixFrom(genAddr(t), rapid.IntRange(0, 32).Draw(t, "bits")), Seq: rapid.IntRange(0, 9).Draw(t, "seq")}}}
	case 5:
		return &model.RouteMap{ID: id, Entries: []model.RouteMapEntry{
			{Order: rapid.IntRange(0, 9).Draw(t, "order"), Action: "permit", Match: []string{"vni=5", genText(t, "match")}, Set: []string{"metric=+5"}, ExitAction: "continue=20"}, {Call: genText(t, "call")}}}
	}
	return &model.Guest{ID: id, Name: genText(t, "name"), NICs: []model.NIC{
		{ID: "net0", VNet: genText(t, "vnet"), MAC: genText(t, "mac"), IPs: []netip.Addr{genAddr(t)}}, {ID: "net1"}}}
}

// What Marshal writes, Load reads back to equal objects.
func TestMarshalRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []model.Object
		for i := range rapid.IntRange(1, 4).Draw(t, "n") {
			want = append(want, genObject(t, i))
		}
		b, err := Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		set, err := Load([]string{Stdin}, strings.NewReader(string(b)))
		if err != nil {
			t.Fatalf("cannot read back:\n%s\n%v", b, err)
		}
		if d := cmp.Diff(want, set.Objects, compareAddrs); d != "" {
			t.Fatalf("%s\n%s", b, d)
		}
	})
}

func TestMarshalText(t *testing.T) {
	b, err := Marshal([]model.Object{
		&model.Zone{ID: "za", Type: model.ZoneVXLAN, Peers: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}},
		&model.VNet{ID: "va", Zone: "za", Tag: 5, Alias: "a: b"},
		&model.Guest{ID: "100", NICs: []model.NIC{{ID: "net0", VNet: "va", MAC: "BC:24:11:00:00:01"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `kind: zone
id: za
type: vxlan
peers:
  - 192.0.2.1
  - 2001:db8::1
---
kind: vnet
id: va
zone: za
tag: 5
alias: "a: b"
---
kind: guest
id: 100
nics:
  - id: net0
    vnet: va
    mac: "BC:24:11:00:00:01"
`
	if d := cmp.Diff(want, string(b)); d != "" {
		t.Error(d)
	}
}
