package fleet

import (
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// The nodes of addresses are named, each once, and the report stays as it was.
func TestPeersAreNamed(t *testing.T) {
	asked := 0
	book := func() addressBook {
		asked++
		return addressBook{"192.0.2.2": "node2"}
	}
	r := &protocol.Status{Objects: []protocol.ObjectStatus{
		{Object: "controller/c", Message: "no session with neighbour 192.0.2.2 (FRR: 192.0.2.2 said so)", Peers: []string{"192.0.2.2"}},
		{Object: "controller/d", Message: "no session with neighbour 192.0.2.20", Peers: []string{"192.0.2.20"}},
	}}
	got := withNames(r, book)
	if want := "no session with neighbour 192.0.2.2 (node2) (FRR: 192.0.2.2 said so)"; got.Objects[0].Message != want || got.Objects[1].Message != r.Objects[1].Message {
		t.Errorf("%+v", got.Objects)
	}
	if r.Objects[0].Message == got.Objects[0].Message {
		t.Error("the stored report was changed")
	}
	asked = 0
	none := &protocol.Status{Objects: []protocol.ObjectStatus{{Object: "zone/z", Message: "of 192.0.2.2"}}}
	if withNames(none, book) != none || withNames(nil, book) != nil || asked > 0 {
		t.Error("the book was asked without need")
	}
}
