// Package external defines what address management needs of external systems: those that
// keep addresses (NetBox, phpIPAM) and those that keep names (PowerDNS). It is below ipam,
// which decides what is registered where, and above the packages that implement one kind
// of system each.
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
	// ErrMissing: the system does not have the object in question.
	ErrMissing = errors.New("the external system does not have it")
	// ErrNotEmpty: a subnet has addresses other than its gateway's.
	ErrNotEmpty = errors.New("addresses in it are in use")
	// ErrUnreachable: the system did not answer in time, or not as it should. It is
	// unknown what was written.
	ErrUnreachable = errors.New("the external system does not answer")
)

// Entry is one registered address.
type Entry struct {
	IP netip.Addr
	// Name is the host name with the prefix of the subnet's DNS zone, without the
	// domain; empty if there is none.
	Name string
	// MAC is in the form of model.NormalizeMAC; empty if there is none.
	MAC string
	// Guest is the guest's number; empty for other owners.
	Guest string
	// Gateway marks the address of a subnet's gateway.
	Gateway bool
}

// Addresses registers addresses of subnets. A method that fails with any error except
// ErrUnreachable has changed nothing. There are no concurrent calls for one address.
type Addresses interface {
	// Add registers an address of the subnet, or returns ErrTaken. To register a gateway
	// again is no error.
	Add(ctx context.Context, s *model.Subnet, e Entry) error
	// Update replaces the data of an address, or returns ErrMissing.
	Update(ctx context.Context, s *model.Subnet, e Entry) error
	// Delete removes an address. A missing one is no error.
	Delete(ctx context.Context, s *model.Subnet, ip netip.Addr) error
	// Next registers the next free address of the subnet, or of the range if it is
	// not nil, and returns it; or ErrNone. The entry's IP is empty.
	Next(ctx context.Context, s *model.Subnet, r *model.Range, e Entry) (netip.Addr, error)
	// Of returns the addresses that are registered for a MAC address in the subnet,
	// sorted.
	Of(ctx context.Context, s *model.Subnet, mac string) ([]netip.Addr, error)
}

// Subnets registers the subnets themselves.
type Subnets interface {
	// Ping checks whether the system is available and accepts the credentials.
	Ping(ctx context.Context) error
	// AddSubnet registers a subnet and its ranges. An existing one, with exactly this
	// network, is adopted.
	AddSubnet(ctx context.Context, s *model.Subnet) error
	// UpdateSubnet changes the ranges of a registered subnet to those of now.
	UpdateSubnet(ctx context.Context, old, now *model.Subnet) error
	// DeleteSubnet removes a subnet with its ranges and its gateway's address; or returns
	// ErrNotEmpty. A missing one is no error.
	DeleteSubnet(ctx context.Context, s *model.Subnet) error
}

// System is an external address management system.
type System interface {
	Addresses
	Subnets
}

// Names registers names in zones of a DNS server. Names and zones are without a final dot.
type Names interface {
	// HasZone checks that the server has a zone, or returns ErrMissing.
	HasZone(ctx context.Context, zone string) error
	// Add adds an address to those of a name in a zone: "web1" in "lab.example". It
	// changes nothing if the address exists.
	Add(ctx context.Context, zone, name string, ip netip.Addr) error
	// Remove removes an address of a name.
	Remove(ctx context.Context, zone, name string, ip netip.Addr) error
	// Point sets the PTR record of an address to the fully qualified name, in the reverse
	// zone of the subnet; it skips a subnet without one.
	Point(ctx context.Context, s *model.Subnet, ip netip.Addr, name string) error
	// Unpoint removes the PTR record.
	Unpoint(ctx context.Context, s *model.Subnet, ip netip.Addr) error
}
