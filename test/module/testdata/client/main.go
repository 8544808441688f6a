// Command client declares a network, looks at what an apply would change, and applies it.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func main() {
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, target string) error {
	c, err := client.New(target)
	if err != nil {
		return err
	}
	for _, o := range []api.Object{
		&api.Zone{ID: "overlay", Type: api.ZoneVXLAN, Peers: []netip.Addr{netip.MustParseAddr("192.0.2.1")}},
		&api.VNet{ID: "blue", Zone: "overlay", Tag: 100},
		&api.Subnet{CIDR: netip.MustParsePrefix("10.0.0.0/24"), VNet: "blue", DHCPRange: []api.Range{{Start: netip.MustParseAddr("10.0.0.10"), End: netip.MustParseAddr("10.0.0.20")}}},
		&api.Guest{ID: "100", NICs: []api.NIC{{ID: "net0", VNet: "blue"}}},
	} {
		result, err := c.Put(ctx, o, client.IfAbsent)
		if err != nil {
			return err
		}
		for _, p := range result.Warnings {
			fmt.Println(p.Severity, p.Kind, p.ID, p.Message)
		}
	}
	objects, err := c.List(ctx, api.KindZone, "pending")
	if err != nil {
		return err
	}
	for _, o := range objects {
		zone, ok := o.(*api.Zone)
		if !ok {
			return errors.New("not a zone")
		}
		fmt.Println(zone.ID, zone.Type, zone.Peers)
	}
	plan, err := c.Plan(ctx)
	if err != nil {
		return err
	}
	var changes []api.Change = plan.Objects
	fmt.Println(len(changes), "changes")
	applied, err := c.Apply(ctx, api.ApplyRequest{Plan: plan.Token})
	if err != nil {
		return err
	}
	fmt.Println("revision", applied.Revision)
	return nil
}
