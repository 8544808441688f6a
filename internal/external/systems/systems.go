// Package systems creates the clients of all kinds of external systems: it is above
// netbox, phpipam and powerdns, and below code that needs a client of any kind.
package systems

import (
	"context"
	"fmt"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/external/netbox"
	"github.com/viaduct-sdn/viaduct/internal/external/phpipam"
	"github.com/viaduct-sdn/viaduct/internal/external/powerdns"
	"github.com/viaduct-sdn/viaduct/internal/external/rest"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Clients creates clients. The zero value is ready to use.
type Clients struct {
	Options rest.Options
}

// IPAM returns the client of an address management system.
func (c Clients) IPAM(i *model.IPAM) (external.System, error) {
	switch i.Type {
	case model.IPAMTypeNetBox:
		return netbox.New(i, c.Options)
	case model.IPAMTypePHPIPAM:
		return phpipam.New(i, c.Options)
	case model.IPAMTypePVE:
	}
	return nil, fmt.Errorf("ipam %s of type %q is no external system", i.ID, i.Type)
}

// Names returns the client of a DNS server.
func (c Clients) Names(n *model.NameServer) (external.Names, error) {
	return powerdns.New(n, c.Options)
}

// Ping checks whether the system that an object describes is available and accepts the
// credentials. Any other object passes.
func (c Clients) Ping(ctx context.Context, o model.Object) error {
	switch o := o.(type) {
	case *model.IPAM:
		if !o.External() {
			return nil
		}
		system, err := c.IPAM(o)
		if err != nil {
			return err
		}
		return system.Ping(ctx)
	case *model.NameServer:
		server, err := powerdns.New(o, c.Options)
		if err != nil {
			return err
		}
		return server.Ping(ctx)
	}
	return nil
}

// urlOf is the URL of the external system of an object; empty for any other object.
func urlOf(o model.Object) string {
	switch o := o.(type) {
	case *model.IPAM:
		if o != nil && o.External() {
			return o.URL
		}
	case *model.NameServer:
		if o != nil {
			return o.URL
		}
	}
	return ""
}

// Check rejects an object with an external system at a forbidden address:
// rest.ErrForbidden.
func (c Clients) Check(o model.Object) error { return c.Options.Allowed.CheckURL(urlOf(o)) }

// Own returns rest.ErrForbidden for an object that newly places its system on the server's
// own host, which only administrators of the host may do. old is the object that it
// replaces, or nil.
func (c Clients) Own(old, o model.Object) error {
	if old != nil && urlOf(old) == urlOf(o) {
		return nil
	}
	return c.Options.Allowed.Own(urlOf(o))
}
