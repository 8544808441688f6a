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

// Address is an assigned address.
type Address struct {
	Zone string     `json:"-"` // both from the key
	IP   netip.Addr `json:"-"`
	// VNet is the VNet in which the address is used; empty if unspecified, which means the
	// VNet of the subnet that contains it.
	VNet string `json:"vnet,omitempty"`
	// MAC is the MAC address as given; empty if unknown.
	MAC string `json:"mac,omitempty"`
	// Guest and NIC identify the owner: "100" and "net0"; empty if unknown.
	Guest string `json:"guest,omitempty"`
	NIC   string `json:"nic,omitempty"`
	// Name is the host name without the domain and the subnet's prefix.
	Name string `json:"name,omitempty"`
	// Declared is true if the address was assigned because a guest has the NIC: it is
	// released together with the NIC.
	Declared bool `json:"declared,omitempty"`
	// Since is the time of the assignment.
	Since time.Time `json:"since,omitzero"`
	// IPAM is the external system that has the address too; Names is where its name is
	// registered.
	IPAM  string `json:"ipam,omitempty"`
	Names *Names `json:"names,omitempty"`

	revision int64
}

// Names is where a name was registered, so that it can be removed although the zone may
// have another DNS server by then.
type Names struct {
	// Server has Name in Zone; Reverse has the reverse record. Either may be empty.
	Server  string `json:"server,omitempty"`
	Zone    string `json:"zone,omitempty"`
	Name    string `json:"name,omitempty"`
	Reverse string `json:"reverse,omitempty"`
	// Subnet is the subnet of the address, which determines the reverse zone.
	Subnet netip.Prefix `json:"subnet,omitzero"`
}

// Owner identifies the owner of the address: the MAC address, or else guest and NIC; empty
// if it has no owner.
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

// describeOwner names the owner for an operator.
func (a *Address) describeOwner() string {
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

// ownerRef refers to the object of describeOwner: the guest, or else the VNet of the NIC.
func (a *Address) ownerRef() string {
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

// cutAddressKey splits the key of an address; ok is false for any other key.
func cutAddressKey(key string) (zone string, ip netip.Addr, ok bool) {
	rest, ok := strings.CutPrefix(key, prefixAddress)
	if !ok {
		return "", ip, false
	}
	zone, text, _ := strings.Cut(rest, "/")
	ip, err := netip.ParseAddr(text)
	return zone, ip, err == nil
}

// cutOwnerKey splits the key of an owner; ok is false for any other key.
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

// Taken is the error for an address that is already assigned.
type Taken struct {
	// Address is the recorded address.
	Address Address
	// Gateway is true if it is the gateway of the address's VNet.
	Gateway bool
}

func (t *Taken) Error() string {
	if t.Gateway {
		return fmt.Sprintf("the address %s of zone %s is taken: it is the gateway of vnet %s", t.Address.IP, t.Address.Zone, t.Address.VNet)
	}
	return fmt.Sprintf("the address %s of zone %s is taken: it is that of %s", t.Address.IP, t.Address.Zone, t.Address.describeOwner())
}

// References implements the interface that model.ReferencesIn uses.
func (t *Taken) References() string {
	about := t.Address.ownerRef()
	if t.Gateway && t.Address.VNet != "" {
		about = model.Ref(model.KindVNet, t.Address.VNet)
	}
	return about
}

// Is makes it an external.ErrTaken.
func (t *Taken) Is(target error) bool { return target == external.ErrTaken }

// ErrNotAssigned means that the owner does not have the address.
var ErrNotAssigned = errors.New("it does not have that address")
