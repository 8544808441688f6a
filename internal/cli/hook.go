package cli

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/guest"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// guestFolder is the folder of the guests' configurations on a Proxmox VE host.
const guestFolder = "/etc/pve/local"

// hookTimeout bounds the run time of a hook: a guest waits for it.
const hookTimeout = time.Minute

func (a *app) hookCommand() *cobra.Command {
	var folder, node string
	cmd := &cobra.Command{
		Use:   "hook VMID PHASE",
		Short: "Hook script of Proxmox VE: report a guest that starts or stops",
		Long: `Declares the NICs of a guest of Proxmox VE and the node that it runs on. Its NICs get
their addresses before it starts; if that fails, the guest does not start and its task
log has the reason. Use it as the hook script of a guest:

  printf '#!/bin/sh\nexec viaduct hook "$@"\n' > /var/lib/vz/snippets/viaduct
  chmod +x /var/lib/vz/snippets/viaduct
  qm set 100 --hookscript local:snippets/viaduct

A fixed address in the guest's configuration (ip= and ip6= of a container's net lines,
ipconfigN of a virtual machine's cloud-init) in a subnet of the NIC's VNet is reserved
for the NIC; if it belongs to another NIC, the guest does not start. NICs with dhcp,
auto, manual or no address get one.

Phases are pre-start, post-start, pre-stop and post-stop. NICs on bridges that are not
VNets are ignored. Addresses are kept while a guest is stopped; viaduct delete guest
VMID releases them.`,
		Args: args(2, 2, "the number of a guest and a phase"),
		RunE: func(cmd *cobra.Command, given []string) error {
			phases := []string{"pre-start", "post-start", "pre-stop", "post-stop"}
			if !slices.Contains(phases, given[1]) {
				return usagef(cmd, "%q is no phase; use one of %v", given[1], phases)
			}
			if given[1] == "post-start" || given[1] == "pre-stop" {
				return nil // nothing changes in this phase
			}
			if node == "" {
				var err error
				if node, err = ThisNode("--node"); err != nil {
					return err
				}
			}
			if given[1] == "post-stop" {
				node = ""
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), hookTimeout)
			defer cancel()
			return a.hook(ctx, folder, given[0], node)
		},
	}
	cmd.Flags().StringVar(&folder, "folder", guestFolder, "directory with the guests' configurations, in qemu-server/ and lxc/")
	cmd.Flags().StringVar(&node, "node", "", "name of the node that the guest runs on (default: this host's name, up to the first dot)")
	return cmd
}

// ThisNode is the name of this host's node; flag is the flag that overrides it.
func ThisNode(flag string) (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("cannot determine the name of this host; give %s: %w", flag, err)
	}
	return model.NodeName(host), nil
}

// hook updates the declaration of a guest from its configuration.
func (a *app) hook(ctx context.Context, folder, id, node string) error {
	text, err := guestConfig(folder, id)
	if err != nil {
		return err
	}
	g, err := guest.Parse(id, text)
	if err != nil {
		return fmt.Errorf("guest %s: %w", id, err)
	}
	g.Node = node
	c, err := a.client()
	if err != nil {
		return err
	}
	vnets, err := vnetNames(ctx, c)
	if err != nil {
		return err
	}
	g.NICs = slices.DeleteFunc(g.NICs, func(n model.NIC) bool { return !vnets[n.VNet] })
	if len(g.NICs) == 0 {
		return nil
	}
	if err := keepManaged(ctx, c, g); err != nil {
		return err
	}
	if err := keepDeclared(ctx, c, g); err != nil {
		return err
	}
	if _, err := c.Edit(ctx, []api.Edit{{Put: g}}, false); err != nil {
		return explain(err, nil)
	}
	return nil
}

// keepManaged removes those addresses in the guest's own configuration that are not in a
// subnet of the NIC's VNet: they are of unmanaged networks.
func keepManaged(ctx context.Context, c *client.Client, g *model.Guest) error {
	if !slices.ContainsFunc(g.NICs, func(n model.NIC) bool { return len(n.IPs) > 0 }) {
		return nil
	}
	list, err := c.List(ctx, model.KindSubnet, "")
	if err != nil {
		return err
	}
	for i := range g.NICs {
		n := &g.NICs[i]
		n.IPs = slices.DeleteFunc(n.IPs, func(ip netip.Addr) bool {
			return !slices.ContainsFunc(list, func(o model.Object) bool {
				s := o.(*model.Subnet)
				return s.VNet == n.VNet && s.CIDR.Masked().Contains(ip)
			})
		})
	}
	return nil
}

// keepDeclared keeps the declared addresses of a guest's NICs, which Proxmox VE does not
// know. An address in the guest's own configuration, which it really uses, replaces
// those of its family.
func keepDeclared(ctx context.Context, c *client.Client, g *model.Guest) error {
	o, _, err := c.Get(ctx, model.KindGuest, g.ID, "")
	if api.IsType(err, api.TypeNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	old := o.(*model.Guest)
	for i, n := range g.NICs {
		at := slices.IndexFunc(old.NICs, func(was model.NIC) bool { return was.ID == n.ID && was.VNet == n.VNet })
		if at >= 0 {
			g.NICs[i].IPs = declared(old.NICs[at].IPs, n.IPs)
		}
	}
	return nil
}

// declared are the addresses that a NIC is to declare: those declared before, but for
// each family of which the configuration has an address that is not among them, that
// address instead.
func declared(before, configured []netip.Addr) []netip.Addr {
	out := slices.Clone(before)
	for _, ip := range configured {
		if slices.Contains(out, ip) {
			continue
		}
		out = slices.DeleteFunc(out, func(old netip.Addr) bool { return old.Is4() == ip.Is4() && !slices.Contains(configured, old) })
		out = append(out, ip)
	}
	return out
}

// guestConfig reads the configuration of a virtual machine or container.
func guestConfig(folder, id string) (string, error) {
	for _, kind := range []string{"qemu-server", "lxc"} {
		b, err := os.ReadFile(filepath.Join(folder, kind, filepath.Base(id)+".conf"))
		if err == nil {
			return string(b), nil
		}
		if !os.IsNotExist(err) {
			return "", err
		}
	}
	return "", fmt.Errorf("guest %s has no configuration in %s: is this its node, and the folder right?", id, folder)
}

func vnetNames(ctx context.Context, c *client.Client) (map[string]bool, error) {
	list, err := c.List(ctx, model.KindVNet, "")
	if err != nil {
		return nil, err
	}
	out := make(map[string]bool, len(list))
	for _, o := range list {
		out[o.ObjectID()] = true
	}
	return out, nil
}
