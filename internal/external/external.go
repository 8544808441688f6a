// Package external says what address management needs of external systems: those that
// keep addresses (NetBox, phpIPAM) and those that keep names (PowerDNS). It stands
// below ipam, which decides what is registered where, and above the packages that
// speak with one kind of system each.
package external

import (
	"context"
	"errors"
	"net/netip"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Errors of every implementation, to be tested with errors.Is.
var (
	// ErrNone: no address is free in the subnet or range.
	ErrNone = errors.New("no address is free")
	// ErrTaken: the address is registered already.
	ErrTaken = errors.New("the address is taken")
	// ErrMissing: the system does not have what is spoken of.
	ErrMissing = errors.New("the external system does not have it")
	// ErrNotEmpty: a subnet has addresses other than its gateway's.
	ErrNotEmpty = errors.New("addresses in it are in use")
	// ErrUnreachable: the system did not answer in time, or not as what it should
	// be. What was written is unknown.
	ErrUnreachable = errors.New("the external system does not answer")
)

// Entry is one address as it is registered.
type Entry struct {
	IP netip.Addr
	// Name is the host name with the prefix of the subnet's DNS zone, without the
	// domain; empty if there is none.
	Name string
	// MAC is in the form of model.NormalizeMAC; empty if there is none.
	MAC string
	// Guest is the guest's number; empty if it is none.
	Guest string
	// Gateway marks the address of a subnet's gateway.
	Gateway bool
}

// Addresses registers addresses of subnets. A method that fails with anything but
// ErrUnreachable has changed nothing. None is called twice at once for one address.
type Addresses interface {
	// Add registers an address of the subnet, or returns ErrTaken. To register a
	// gateway again is no error.
	Add(ctx context.Context, s *model.Subnet, e Entry) error
	// Update replaces what is registered of an address, or returns ErrMissing.
	Update(ctx context.Context, s *model.Subnet, e Entry) error
	// Delete removes an address. One that is not there is no error.
	Delete(ctx context.Context, s *model.Subnet, ip netip.Addr) error
	// Next registers the next free address of the subnet, or of the range if it is
	// not nil, and returns it; or ErrNone. The entry's IP is empty.
	Next(ctx context.Context, s *model.Subnet, r *model.Range, e Entry) (netip.Addr, error)
	// Of returns the addresses that are registered for a hardware address in the
	// subnet, sorted.
	Of(ctx context.Context, s *model.Subnet, mac string) ([]netip.Addr, error)
}

// Subnets registers the subnets themselves.
type Subnets interface {
	// Ping tells whether the system is there and lets in.
	Ping(ctx context.Context) error
	// AddSubnet registers a subnet and its ranges. One that is there already, with
	// exactly this network, is taken over.
	AddSubnet(ctx context.Context, s *model.Subnet) error
	// UpdateSubnet makes the ranges of a registered subnet those of now.
	UpdateSubnet(ctx context.Context, old, now *model.Subnet) error
	// DeleteSubnet removes a subnet with its ranges and its gateway's address; or
	// returns ErrNotEmpty. One that is not there is no error.
	DeleteSubnet(ctx context.Context, s *model.Subnet) error
}

// System is an external address management system.
type System interface {
	Addresses
	Subnets
}

// Names registers names in zones of a name server. Names and zones are without a
// final dot.
type Names interface {
	// HasZone tells whether the server has a zone, or returns ErrMissing.
	HasZone(ctx context.Context, zone string) error
	// Add adds an address to those of a name in a zone: "web1" in "lab.example".
	// Nothing is changed if it is there.
	Add(ctx context.Context, zone, name string, ip netip.Addr) error
	// Remove removes an address of a name.
	Remove(ctx context.Context, zone, name string, ip netip.Addr) error
	// Point makes the name, whole with its domain, the one that an address leads
	// back to (PTR), in the reverse zone of the subnet; a subnet without one is
	// passed over.
	Point(ctx context.Context, s *model.Subnet, ip netip.Addr, name string) error
	// Unpoint removes it.
	Unpoint(ctx context.Context, s *model.Subnet, ip netip.Addr) error
}
