package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) sectorCommand() *cobra.Command {
	return accessGroup("sector", "Make tenants' networks, and reach guests in them from outside",
		`A sector is an isolated network with a gateway, DHCP and DNS, whose addresses may be those of other sectors.
Sectors are objects: viaduct get sectors, viaduct set sector. Edits are pending until viaduct apply.`,
		a.sectorCreateCommand(), a.sectorDeleteCommand(), a.sectorForwardCommand(), a.sectorUnforwardCommand(), a.sectorFloatCommand(), a.sectorUnfloatCommand())
}

func (a *app) sectorCreateCommand() *cobra.Command {
	var alias, backplane string
	var subnets []string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a sector",
		Long: `Makes a sector with its zone, VNet, subnets, gateway, DHCP and DNS. The tag of its VNet and its address in the
backplane are the lowest that are free.

  viaduct sector create shop --subnet 172.16.0.0/24
  viaduct sector create lab --subnet 10.0.0.0/16 --subnet fd00:1::/64`,
		Args: args(1, 1, "the name of the sector"),
		RunE: func(cmd *cobra.Command, given []string) error {
			s := &model.Sector{ID: given[0], Alias: alias, Backplane: backplane}
			for _, text := range subnets {
				p, err := netip.ParsePrefix(text)
				if err != nil {
					return usagef(cmd, "--subnet %q is not a network: write it like 172.16.0.0/24", text)
				}
				s.Subnets = append(s.Subnets, model.SectorSubnet{CIDR: p})
			}
			if len(s.Subnets) == 0 {
				return usagef(cmd, "give the sector a network: --subnet 172.16.0.0/24")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			return a.add(cmd.Context(), c, s, s.ID)
		},
	}
	cmd.Flags().StringArrayVar(&subnets, "subnet", nil, "a network of the sector; may be repeated")
	cmd.Flags().StringVar(&alias, "alias", "", "description")
	cmd.Flags().StringVar(&backplane, "backplane", "", "the backplane, where there are several")
	return cmd
}

func (a *app) sectorDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "delete NAME",
		Short:             "Delete a sector with everything that it stands for",
		Long:              `Deletes a sector with its zone, VNet and subnets. It is refused while guests are connected.`,
		Args:              args(1, 1, "the name of the sector"),
		ValidArgsFunction: a.completeAt(0, sectorNames),
		RunE: func(cmd *cobra.Command, given []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			res, err := c.Delete(cmd.Context(), model.KindSector, given[0], "")
			if err != nil {
				return explain(err, nil)
			}
			return a.edited(true, res)
		},
	}
}

func sectorNames(ctx context.Context, c *client.Client) []string {
	list, err := c.List(ctx, model.KindSector, "pending")
	return namesOf(list, err, model.Object.ObjectID)
}

func nodeNames(ctx context.Context, c *client.Client) []string {
	names, _ := joinedNodes(ctx, c) // a completion without names is better than an error
	return names
}

// changeSector changes a sector on condition that nobody else did meanwhile.
func (a *app) changeSector(ctx context.Context, name string, change func(s *model.Sector) error) error {
	return changeObject(ctx, a, model.KindSector, name, change)
}

// changeObject changes a revisioned object on condition that nobody else did meanwhile, and
// prints what was edited.
func changeObject[P model.Object](ctx context.Context, a *app, kind model.Kind, id string, change func(o P) error) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		o, etag, err := c.Get(ctx, kind, id, "pending")
		if err != nil {
			return err
		}
		if err := change(o.(P)); err != nil {
			return err
		}
		res, err := c.Put(ctx, o, etag)
		if api.IsType(err, api.TypeConflict) && try < setTries {
			continue
		}
		if err != nil {
			return explain(err, nil)
		}
		return a.edited(true, res)
	}
}

func (a *app) sectorForwardCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "forward NAME PORT ADDRESS[:PORT]",
		Short: "Lead a port of a sector's address to a guest",
		Long: `Leads a port, or a range of ports, of the sector's address in the backplane to a guest. A forward of the same
port is replaced. Ports are below 32768.

  viaduct sector forward shop tcp/8080 172.16.0.42:80
  viaduct sector forward shop udp/6000-6010 172.16.0.43`,
		Args:              args(3, 3, "a sector, a port like tcp/80, and the address of a guest"),
		ValidArgsFunction: a.completeAt(0, sectorNames),
		RunE: func(cmd *cobra.Command, given []string) error {
			f := model.SectorForward{Port: given[1]}
			if to, err := netip.ParseAddr(given[2]); err == nil {
				f.To = to
			} else if to, err := netip.ParseAddrPort(given[2]); err == nil {
				f.To, f.ToPort = to.Addr(), int(to.Port())
			} else {
				return usagef(cmd, "%q is not the address of a guest: write it like 172.16.0.42 or 172.16.0.42:80", given[2])
			}
			return a.changeSector(cmd.Context(), given[0], func(s *model.Sector) error {
				i := slices.IndexFunc(s.Forwards, func(have model.SectorForward) bool { return have.Port == f.Port })
				if i < 0 {
					s.Forwards = append(s.Forwards, f)
				} else {
					s.Forwards[i] = f
				}
				return nil
			})
		},
	}
}

func (a *app) sectorUnforwardCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "unforward NAME PORT",
		Short:             "Remove a forward of a sector",
		Args:              args(2, 2, "a sector and the port of a forward"),
		ValidArgsFunction: a.completeAt(0, sectorNames),
		RunE: func(cmd *cobra.Command, given []string) error {
			return a.changeSector(cmd.Context(), given[0], func(s *model.Sector) error {
				before := len(s.Forwards)
				s.Forwards = slices.DeleteFunc(s.Forwards, func(f model.SectorForward) bool { return f.Port == given[1] })
				return foundAny(before != len(s.Forwards), "sector %s has no forward of %s: see viaduct get sector %s -o yaml", given[0], given[1], given[0])
			})
		},
	}
}

// foundAny returns an error with a text if nothing was found.
func foundAny(found bool, format string, args ...any) error {
	if found {
		return nil
	}
	return &exitError{ExitUsage, fmt.Errorf(format, args...)}
}

func (a *app) sectorFloatCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "float NAME ADDRESS GUEST-ADDRESS",
		Short: "Lead an address of the backplane to a guest",
		Long: `Leads a whole address of the backplane to a guest, which leaves with it as well. A floating IP of the same
address is replaced.

  viaduct sector float shop 10.200.0.99 172.16.0.43`,
		Args:              args(3, 3, "a sector, an address of the backplane, and the address of a guest"),
		ValidArgsFunction: a.completeAt(0, sectorNames),
		RunE: func(cmd *cobra.Command, given []string) error {
			address, err1 := netip.ParseAddr(given[1])
			target, err2 := netip.ParseAddr(given[2])
			if err := errors.Join(err1, err2); err != nil {
				return usagef(cmd, "%v: write addresses like 10.200.0.99", err)
			}
			return a.changeSector(cmd.Context(), given[0], func(s *model.Sector) error {
				s.FloatingIPs = slices.DeleteFunc(s.FloatingIPs, func(f model.FloatingIP) bool { return f.Address == address })
				s.FloatingIPs = append(s.FloatingIPs, model.FloatingIP{Address: address, Target: target})
				return nil
			})
		},
	}
}

func (a *app) sectorUnfloatCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "unfloat NAME ADDRESS",
		Short:             "Remove a floating IP of a sector",
		Args:              args(2, 2, "a sector and an address of the backplane"),
		ValidArgsFunction: a.completeAt(0, sectorNames),
		RunE: func(cmd *cobra.Command, given []string) error {
			return a.changeSector(cmd.Context(), given[0], func(s *model.Sector) error {
				before := len(s.FloatingIPs)
				s.FloatingIPs = slices.DeleteFunc(s.FloatingIPs, func(f model.FloatingIP) bool { return f.Address.String() == given[1] })
				return foundAny(before != len(s.FloatingIPs), "sector %s has no floating IP %s: see viaduct get sector %s -o yaml", given[0], given[1], given[0])
			})
		},
	}
}

func (a *app) backplaneCommand() *cobra.Command {
	return accessGroup("backplane", "Make the network that sectors leave through",
		`The backplane is a routed network over all nodes, in which every sector has an address.
Backplanes are objects: viaduct get backplanes. Edits are pending until viaduct apply.`,
		a.backplaneInitCommand(), a.backplaneAddCommand(), a.backplaneRemoveCommand())
}

func (a *app) backplaneInitCommand() *cobra.Command {
	var cidr, cidr6, typ, controller string
	b := &model.Backplane{}
	cmd := &cobra.Command{
		Use:   "init [NAME]",
		Short: "Make the backplane",
		Long: `Makes the backplane over all nodes that have joined: an EVPN zone with all of them as exit nodes, or where a
node has no VRFs or no FRR a VXLAN zone with anycast gateways. An EVPN controller that exists is used.

  viaduct backplane init
  viaduct backplane init --cidr 100.96.0.0/16 --cidr6 fd00:96::/48`,
		Args: args(0, 1, "a name"),
		RunE: func(cmd *cobra.Command, given []string) error {
			b.ID = model.DefaultBackplane
			if len(given) > 0 {
				b.ID = given[0]
			}
			b.Type, b.Controller = model.ZoneType(typ), controller
			for _, f := range []struct {
				flag, text string
				into       *netip.Prefix
			}{{"cidr", cidr, &b.CIDR}, {"cidr6", cidr6, &b.CIDR6}} {
				if f.text == "" {
					continue
				}
				var err error
				if *f.into, err = netip.ParsePrefix(f.text); err != nil {
					return usagef(cmd, "--%s %q is not a network: write it like %s", f.flag, f.text, model.DefaultBackplaneCIDR)
				}
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			return a.add(cmd.Context(), c, b, b.ID)
		},
	}
	f := cmd.Flags()
	f.StringVar(&cidr, "cidr", "", "network of the IPv4 addresses (default "+model.DefaultBackplaneCIDR.String()+", unless there is --cidr6)")
	f.StringVar(&cidr6, "cidr6", "", "network of IPv6 addresses")
	f.StringVar(&typ, "type", "", "evpn or vxlan (default evpn, if all nodes have VRFs and FRR)")
	f.StringVar(&controller, "controller", "", "EVPN controller (default the only one, or a new one)")
	f.BoolVar(&b.Routed, "routed", false, "hosts outside have routes to the backplane: nodes do not translate its addresses")
	f.IntVar(&b.Slices, "slices", 0, "parts of each sector's source ports, one for each node: a power of two up to "+strconv.Itoa(model.MaxSlices)+" (default 8 or more)")
	return cmd
}

// backplaneFlag adds the flag that names a backplane.
func backplaneFlag(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "backplane", model.DefaultBackplane, "name of the backplane")
}

func (a *app) backplaneAddCommand() *cobra.Command {
	var name, address string
	cmd := &cobra.Command{
		Use:               "add-node NODE",
		Short:             "Make a node a member of the backplane",
		Args:              args(1, 1, "the name of a node"),
		ValidArgsFunction: a.completeAt(0, nodeNames),
		RunE: func(cmd *cobra.Command, given []string) error {
			m := model.BackplaneMember{Node: given[0]}
			if address != "" {
				var err error
				if m.Address, err = netip.ParseAddr(address); err != nil {
					return usagef(cmd, "--address: %v", err)
				}
			}
			return changeObject(cmd.Context(), a, model.KindBackplane, name, func(b *model.Backplane) error {
				if b.Member(m.Node) != nil {
					return &exitError{ExitConflict, fmt.Errorf("node %s is a member of backplane %s already", m.Node, name)}
				}
				b.Members = append(b.Members, m)
				return nil
			})
		},
	}
	backplaneFlag(cmd, &name)
	cmd.Flags().StringVar(&address, "address", "", "the node's address for tunnels (default that of vmbr0 or of the default route)")
	return cmd
}

func (a *app) backplaneRemoveCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:               "remove-node NODE",
		Short:             "Take a node out of the backplane",
		Args:              args(1, 1, "the name of a node"),
		ValidArgsFunction: a.completeAt(0, nodeNames),
		RunE: func(cmd *cobra.Command, given []string) error {
			return changeObject(cmd.Context(), a, model.KindBackplane, name, func(b *model.Backplane) error {
				before := len(b.Members)
				b.Members = slices.DeleteFunc(b.Members, func(m model.BackplaneMember) bool { return m.Node == given[0] })
				return foundAny(before != len(b.Members), "node %s is no member of backplane %s: see viaduct get backplane %s -o yaml", given[0], name, name)
			})
		},
	}
	backplaneFlag(cmd, &name)
	return cmd
}
