package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) addressCommand() *cobra.Command {
	cmd := accessGroup("address", "Manage IP addresses (IPAM)",
		`NICs of guests get addresses in zones that have an IPAM: when a guest is declared,
when it starts (viaduct hook), or with these commands. Changes take effect at once.`,
		a.addressListCommand(), a.addressAddCommand(), a.addressMoveCommand(), a.addressDeleteCommand(), a.usageCommand(),
		a.addressExportCommand(), a.addressImportCommand())
	return cmd
}

// within are the flags that select a zone or VNet.
type within struct{ zone, vnet string }

func (w *within) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.zone, "zone", "", "only addresses of this zone")
	cmd.Flags().StringVar(&w.vnet, "vnet", "", "only addresses of this VNet")
}

func (a *app) addressListCommand() *cobra.Command {
	var w within
	cmd := listCommand(a, &cobra.Command{Use: "list", Short: "List allocated addresses", Args: args(0, 0, "")}, listing[api.Address]{
		empty:  "no addresses allocated; zones with an ipam allocate one to each NIC",
		header: []string{"ADDRESS", "ZONE", "VNET", "OWNER", "MAC", "NAME"},
		row: func(x api.Address) []string {
			return []string{x.IP.String(), x.Zone, x.VNet, ownerText(x), x.MAC, x.Name}
		},
		name: func(x api.Address) string { return "address/" + x.Zone + "/" + x.IP.String() },
	}, func(ctx context.Context, c *client.Client, _ []string) ([]api.Address, error) {
		return c.Addresses(ctx, w.zone, w.vnet)
	})
	w.flags(cmd)
	return cmd
}

func ownerText(x api.Address) string {
	switch {
	case x.Gateway:
		return "gateway"
	case x.Guest == "":
		return ""
	}
	return strings.TrimSpace("guest " + x.Guest + " " + x.NIC)
}

// nicFlags select the NIC that an address is for.
func nicFlags(cmd *cobra.Command, r *api.AddressRequest) {
	f := cmd.Flags()
	f.StringVar(&r.MAC, "mac", "", "MAC address of the NIC, for example BC:24:11:00:00:01")
	f.StringVar(&r.Guest, "guest", "", "ID of the guest")
	f.StringVar(&r.NIC, "nic", "", "NIC of the guest, for example net0")
	f.StringVar(&r.Name, "name", "", "host name to register")
}

func (a *app) addressAddCommand() *cobra.Command {
	var r api.AddressRequest
	cmd := &cobra.Command{
		Use:   "add VNET [ADDRESS]",
		Short: "Allocate an address to a NIC",
		Long: `Allocates the address to a NIC in a VNet, or without an address a free one of each
family that the NIC lacks. Prints the resulting addresses.`,
		Example: `  viaduct address add vnet1 --mac BC:24:11:00:00:01 --name web1
  viaduct address add vnet1 10.0.1.50 --mac BC:24:11:00:00:02`,
		Args: args(1, 2, "the name of a vnet, and perhaps an address"),
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(given) > 1 {
				var err error
				if r.IP, err = netip.ParseAddr(given[1]); err != nil {
					return usagef(cmd, "invalid IP address %q (example: 10.0.1.50)", given[1])
				}
			}
			r.VNet = given[0]
			return a.assign(cmd.Context(), r)
		},
	}
	nicFlags(cmd, &r)
	return cmd
}

func (a *app) addressMoveCommand() *cobra.Command {
	r := api.AddressRequest{Move: true}
	cmd := &cobra.Command{
		Use:   "move VNET ADDRESS",
		Short: "Replace the address of a NIC",
		Long: `Replaces the address of the same family that a NIC has in a VNet. On failure the NIC
keeps its address.`,
		Args: args(2, 2, "the name of a vnet and an address"),
		RunE: func(cmd *cobra.Command, given []string) error {
			var err error
			if r.IP, err = netip.ParseAddr(given[1]); err != nil {
				return usagef(cmd, "invalid IP address %q (example: 10.0.1.50)", given[1])
			}
			r.VNet = given[0]
			return a.assign(cmd.Context(), r)
		},
	}
	nicFlags(cmd, &r)
	return cmd
}

func (a *app) assign(ctx context.Context, r api.AddressRequest) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	got, err := c.AssignAddress(ctx, r)
	if err != nil {
		return err
	}
	if len(got) == 0 {
		return a.write("vnet " + r.VNet + " has no subnet to allocate an address from: add one with viaduct create subnet\n")
	}
	text := ""
	for _, x := range got {
		text += x.IP.String() + "\n"
	}
	return a.write(text)
}

func (a *app) addressDeleteCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete ZONE ADDRESS",
		Short: "Release an address",
		Long: `Releases an address and removes it and its name from external systems. A guest that
still uses it is not notified and may conflict with the next owner.`,
		Args: args(2, 2, "the name of a zone and an address"),
		RunE: func(cmd *cobra.Command, given []string) error {
			ip, err := netip.ParseAddr(given[1])
			if err != nil {
				return usagef(cmd, "invalid IP address %q (example: 10.0.1.50)", given[1])
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if err := a.confirm(cmd.Context(), yes, fmt.Sprintf("Release address %s of zone %s?", ip, given[0])); err != nil {
				return err
			}
			if err := c.ReleaseAddress(cmd.Context(), given[0], ip); err != nil {
				return err
			}
			return a.write(fmt.Sprintf("address %s of zone %s released\n", ip, given[0]))
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask for confirmation")
	return cmd
}

func (a *app) usageCommand() *cobra.Command {
	var w within
	cmd := listCommand(a, &cobra.Command{Use: "usage", Short: "Show the utilisation of subnets", Args: args(0, 0, "")}, listing[api.Usage]{
		empty:  "no subnets",
		header: []string{"SUBNET", "ZONE", "VNET", "USED", "PERCENT"},
		row: func(u api.Usage) []string {
			return []string{u.CIDR.String(), u.Zone, u.VNet, usageText(u), percentText(u)}
		},
		name: func(u api.Usage) string { return "subnet/" + u.Subnet },
	}, func(ctx context.Context, c *client.Client, _ []string) ([]api.Usage, error) {
		return c.Usage(ctx, w.zone, w.vnet)
	})
	w.flags(cmd)
	return cmd
}

// usageText is how much of a subnet is used: "2 of 254", "2 of 2^64".
func usageText(u api.Usage) string {
	size := u.SizeLog2
	if size == 0 {
		if u.Size <= 1<<32 {
			return fmt.Sprintf("%d of %d", u.Used, u.Size)
		}
		size = math.Log2(float64(u.Size))
	}
	// One decimal at most: with so many addresses, gateways and the like do not matter.
	return fmt.Sprintf("%d of 2^%s", u.Used, strconv.FormatFloat(math.Round(10*size)/10, 'f', -1, 64))
}

func percentText(u api.Usage) string {
	switch {
	case u.Size <= 0:
		return "100"
	case u.SizeLog2 != 0:
		return strconv.FormatFloat(100*float64(u.Used)/math.Exp2(u.SizeLog2), 'f', 1, 64)
	}
	return strconv.FormatFloat(100*float64(u.Used)/float64(u.Size), 'f', 1, 64)
}

func (a *app) addressExportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "export FILE",
		Short: "Export addresses in the format of Proxmox VE",
		Long:  `Writes the addresses of zones with built-in ipam as a pve-ipam-state.json; - is standard output.`,
		Args:  args(1, 1, "a file"),
		RunE: func(cmd *cobra.Command, given []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			state, err := c.ExportAddresses(cmd.Context())
			if err != nil {
				return err
			}
			if given[0] == "-" {
				return a.write(string(state) + "\n")
			}
			if err := renameio.WriteFile(given[0], state, 0o640); err != nil {
				return err
			}
			return a.write("wrote " + given[0] + "\n")
		},
	}
}

func (a *app) addressImportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "Import addresses allocated by Proxmox VE",
		Long: `Imports the addresses of a pve-ipam-state.json (/etc/pve/sdn or /etc/pve/priv of
Proxmox VE) in zones and subnets that are configured. Addresses that cannot be
imported are reported, and the exit status is 4. Known addresses stay as they are;
gateways follow from the subnets.`,
		Args: args(1, 1, "a file"),
		RunE: func(cmd *cobra.Command, given []string) error {
			b, err := readFile(given[0])
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			got, err := c.ImportAddresses(cmd.Context(), b)
			if err != nil {
				return err
			}
			text := ""
			for _, r := range got.Refused {
				text += "not imported: " + r + "\n"
			}
			text += fmt.Sprintf("%s imported, %d already known\n", count(got.Added, "address"), got.Known)
			if err := a.write(text); err != nil || len(got.Refused) == 0 {
				return err
			}
			return &exitError{ExitDegraded, fmt.Errorf("%s could not be imported", count(len(got.Refused), "address"))}
		},
	}
}

// readFile reads a JSON file of a bounded size.
func readFile(path string) (json.RawMessage, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxImport {
		err = fmt.Errorf("%s has %d bytes, more than the %d that such a file may have", path, info.Size(), maxImport)
	}
	var b []byte
	if err == nil {
		b, err = os.ReadFile(path)
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff")) // some editors write a byte order mark
	if err == nil && !json.Valid(b) {
		err = errors.New(path + " is not JSON")
	}
	if err != nil {
		return nil, &exitError{ExitUsage, err}
	}
	return b, nil
}
