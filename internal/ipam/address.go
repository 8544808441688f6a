package ipam

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Keys of the store.
const (
	prefix        = "ipam/"
	prefixAddress = prefix + "address/"
	prefixOwner   = prefix + "owner/"
	prefixIntent  = prefix + "intent/"
	prefixSubnet  = prefix + "subnet/"
)

// Address is one address that somebody has.
type Address struct {
	Zone string     `json:"-"` // both from the key
	IP   netip.Addr `json:"-"`
	// VNet is where it is used; empty if it was not said, and then that of the subnet
	// that contains it.
	VNet string `json:"vnet,omitempty"`
	// MAC is the hardware address as it was given; empty if it is not known.
	MAC string `json:"mac,omitempty"`
	// Guest and NIC are whose it is: "100" and "net0"; empty if nobody said so.
	Guest string `json:"guest,omitempty"`
	NIC   string `json:"nic,omitempty"`
	// Name is the host name without the domain and the subnet's prefix.
	Name string `json:"name,omitempty"`
	// Declared says that it was given because a guest has the NIC: it goes with that.
	Declared bool `json:"declared,omitempty"`
	// Since is when it was given.
	Since time.Time `json:"since,omitzero"`
	// IPAM is the external system that has it too; Names where its name is registered.
	IPAM  string `json:"ipam,omitempty"`
	Names *Names `json:"names,omitempty"`

	revision int64
}

// Names is where a name was registered, so that it can be taken back though the zone
// may have another name server by then.
type Names struct {
	// Server has Name in Zone; Reverse has the way back. Either may be empty.
	Server  string `json:"server,omitempty"`
	Zone    string `json:"zone,omitempty"`
	Name    string `json:"name,omitempty"`
	Reverse string `json:"reverse,omitempty"`
	// Subnet is that of the address: its reverse zone follows from it.
	Subnet netip.Prefix `json:"subnet,omitzero"`
}

// Owner tells whose the address is: by the hardware address, or else by guest and NIC;
// empty if it is nobody's.
func (a *Address) Owner() string { return ownerOf(a.MAC, a.Guest, a.NIC) }

func ownerOf(mac, guest, nic string) string {
	if normal, ok := model.NormalizeMAC(mac); ok {
		return normal
	}
	if guest != "" {
		return guest + "." + nic
	}
	return ""
}

// who names the owner for an operator.
func (a *Address) who() string {
	switch {
	case a.Guest != "" && a.NIC != "":
		return "guest " + a.Guest + " " + a.NIC
	case a.Guest != "":
		return "guest " + a.Guest
	case a.MAC != "":
		return "the NIC " + a.MAC
	}
	return "somebody who gave no name"
}

// about refers to what who tells of: the guest, or else the VNet that the NIC is in.
func (a *Address) about() string {
	switch {
	case a.Guest != "":
		return model.Ref(model.KindGuest, a.Guest)
	case a.MAC != "" && a.VNet != "":
		return model.Ref(model.KindVNet, a.VNet)
	}
	return ""
}

func addressKey(zone string, ip netip.Addr) string { return prefixAddress + zone + "/" + ip.String() }

func ownerKey(zone, owner string) string { return prefixOwner + zone + "/" + owner }

// cutAddressKey takes the key of an address apart; ok is false of any other.
func cutAddressKey(key string) (zone string, ip netip.Addr, ok bool) {
	rest, ok := strings.CutPrefix(key, prefixAddress)
	if !ok {
		return "", ip, false
	}
	zone, text, _ := strings.Cut(rest, "/")
	ip, err := netip.ParseAddr(text)
	return zone, ip, err == nil
}

// cutOwnerKey takes the key of an owner apart; ok is false of any other.
func cutOwnerKey(key string) (zone, owner string, ok bool) {
	rest, ok := strings.CutPrefix(key, prefixOwner)
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "/")
}

// parseAddress reads a record.
func parseAddress(r store.Record) (*Address, error) {
	a := &Address{revision: r.Revision}
	if err := json.Unmarshal(r.Value, a); err != nil {
		return nil, fmt.Errorf("stored value %s is not understood (written by a newer release?): %w", r.Key, err)
	}
	var ok bool
	if a.Zone, a.IP, ok = cutAddressKey(r.Key); !ok {
		return nil, fmt.Errorf("the key %s names no address", r.Key)
	}
	return a, nil
}

// Taken is the refusal of an address that somebody has.
type Taken struct {
	// Address is the one asked for as it is recorded.
	Address Address
	// Gateway says that it is the gateway of the address's VNet.
	Gateway bool
}

// Error implements error.
func (t *Taken) Error() string {
	if t.Gateway {
		return fmt.Sprintf("the address %s of zone %s is taken: it is the gateway of vnet %s", t.Address.IP, t.Address.Zone, t.Address.VNet)
	}
	return fmt.Sprintf("the address %s of zone %s is taken: it is that of %s", t.Address.IP, t.Address.Zone, t.Address.who())
}

// TellsOf implements what model.TellsOf looks for.
func (t *Taken) TellsOf() string {
	about := t.Address.about()
	if t.Gateway && t.Address.VNet != "" {
		about = model.Ref(model.KindVNet, t.Address.VNet)
	}
	return about
}

// Is makes it a external.ErrTaken.
func (t *Taken) Is(target error) bool { return target == external.ErrTaken }

// ErrNotAssigned says that the owner does not have the address.
var ErrNotAssigned = errors.New("it does not have that address")
