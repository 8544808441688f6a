package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
	"github.com/viaduct-sdn/viaduct/internal/livequery"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// busyNode is a node whose interfaces count.
type busyNode struct {
	*fakeNode
	links []rtnl.CountedLink
}

func (b *busyNode) Traffic(context.Context) ([]rtnl.CountedLink, error) { return b.links, nil }

// Interfaces are listed with what they are to the networks: uplinks, VNets' uplinks, guests' ports.
func TestInterfaceCounters(t *testing.T) {
	link := func(index int, name, kind string, master int, more ...func(*rtnl.Link)) rtnl.CountedLink {
		l := rtnl.CountedLink{Link: rtnl.Link{Index: index, Name: name, Kind: kind, Master: master}, Traffic: rtnl.Traffic{ReceivedBytes: uint64(index), SentPackets: 7}}
		for _, f := range more {
			f(&l.Link)
		}
		return l
	}
	own := func(l *rtnl.Link) { l.Group = desired.LinkGroup }
	elsewhere := func(l *rtnl.Link) { l.ParentElsewhere = true }
	node := &busyNode{newFakeNode(), []rtnl.CountedLink{
		link(1, "lo", "", 0, func(l *rtnl.Link) { l.Loopback = true }),
		link(2, "eno1", "", 3),
		link(3, "bond0", "bond", 0),
		link(4, "eth0", "veth", 0, elsewhere), // as in a container
		link(5, "red", "bridge", 0, own),
		link(6, "vxlan_red", "vxlan", 5, own),
		link(7, "fwpr100p0", "veth", 5),
		link(8, "tap100i0", "tun", 9), // behind the firewall bridge: the same NIC
		link(9, "fwbr100i0", "bridge", 0),
		link(10, "veth101i1", "veth", 5, elsewhere),
		link(11, "veth1f2a", "veth", 12, elsewhere), // of Docker
		link(12, "docker0", "bridge", 0),
		link(13, "blue", "bridge", 0, own),
		link(14, "tap999i0", "tun", 13), // a guest that nobody declares
	}}
	doc := &document.Document{
		Node: "n1", Config: model.Config{VNets: map[string]*model.VNet{"red": {ID: "red"}, "blue": {ID: "blue"}}},
		Guests: map[string]*model.Guest{"100": {ID: "100", NICs: []model.NIC{{ID: "net0", VNet: "red"}}}, "101": {ID: "101", NICs: []model.NIC{{ID: "net1", VNet: "red"}, {ID: "net2", VNet: "red"}}}},
	}
	a := &Agent{Config: Config{System: node}, doc: doc}
	all := []string{"uplink eno1 2", "uplink eth0 4", "vnet-uplink tap999i0 blue 14", "vnet-uplink vxlan_red red 6", "guest fwpr100p0 red 100 net0 7", "guest veth101i1 red 101 net1 10"}
	for _, c := range []struct {
		query protocol.LiveQuery
		want  []string
	}{
		{protocol.LiveQuery{Subject: livequery.Counters.Subject}, all},
		{protocol.LiveQuery{Subject: livequery.VNetCounters.Subject, Of: "red"}, all[3:]},
	} {
		var list []livequery.InterfaceCounters
		if err := json.Unmarshal(a.answer(t.Context(), &c.query).Data, &list); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range list {
			text := i.Role + " " + i.Name
			for _, part := range []string{i.VNet, i.Guest, i.NIC} {
				if part != "" {
					text += " " + part
				}
			}
			got = append(got, fmt.Sprintf("%s %d", text, i.ReceivedBytes))
			if i.Time.IsZero() || i.SentPackets != 7 {
				t.Errorf("%+v", i)
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s %s: %s", c.query.Subject, c.query.Of, d)
		}
	}
	if got := a.answer(t.Context(), &protocol.LiveQuery{Subject: livequery.VNetCounters.Subject, Of: "green"}); got.Error != "" || string(got.Data) != "[]" {
		t.Errorf("a VNet elsewhere: %s %q", got.Data, got.Error)
	}
}
