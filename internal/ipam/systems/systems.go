// Package systems makes the clients of the external systems that there are: it stands
// above netbox, phpipam and powerdns, and below whoever needs one without knowing which.
package systems

import (
	"context"
	"fmt"

	"github.com/viaduct-sdn/viaduct/internal/ipam/netbox"
	"github.com/viaduct-sdn/viaduct/internal/ipam/phpipam"
	"github.com/viaduct-sdn/viaduct/internal/ipam/plugin"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/powerdns"
	"github.com/viaduct-sdn/viaduct/internal/remote"
)

// Clients makes clients. The zero value is ready.
type Clients struct {
	Options remote.Options
}

// IPAM is the client of a system that manages addresses.
func (c Clients) IPAM(i *model.IPAM) (plugin.System, error) {
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
func (c Clients) Names(n *model.NameServer) (plugin.Names, error) { return powerdns.New(n, c.Options) }

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
