// Package systems makes the clients of the external systems that there are: it stands
// above netbox, phpipam and powerdns, and below whoever needs one without knowing which.
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

// Clients makes clients. The zero value is ready.
type Clients struct {
	Options rest.Options
}

// IPAM is the client of a system that manages addresses.
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

// Names is the client of a name server.
func (c Clients) Names(n *model.NameServer) (external.Names, error) {
	return powerdns.New(n, c.Options)
}

// Ping asks the system that an object describes whether it is there and lets in. Any
// other object is.
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

// urlOf is where an object says that an external system is; empty for any other object.
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

// Check refuses an object whose external system is where none may be: rest.ErrForbidden.
func (c Clients) Check(o model.Object) error { return c.Options.Allowed.CheckURL(urlOf(o)) }

// Own returns rest.ErrForbidden for an object that newly says that its system is on the
// server's own host, which only those may say who administer it. Old is the object in
// whose place it comes, or nil.
func (c Clients) Own(old, o model.Object) error {
	if old != nil && urlOf(old) == urlOf(o) {
		return nil
	}
	return c.Options.Allowed.Own(urlOf(o))
}
