package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/model"
	pvefrr "github.com/viaduct-sdn/viaduct/internal/pve/render/frr"
	pveinterfaces "github.com/viaduct-sdn/viaduct/internal/pve/render/interfaces"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
	"github.com/viaduct-sdn/viaduct/internal/render/interfaces"
)

// renderCommand is `viaduct render`.
func (a *app) renderCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "render",
		Short: "Render a node's network for other tools",
	}
	cmd.AddCommand(a.renderInterfacesCommand(), a.renderFRRCommand())
	return cmd
}

// renderInput names the files that a node's file is rendered from.
type renderInput struct{ running, facts, interfaces string }

func (in *renderInput) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&in.running, "running", "", "Proxmox's running configuration, a JSON file")
	cmd.Flags().StringVar(&in.facts, "facts", "", "facts of the node, a JSON file")
	cmd.Flags().StringVar(&in.interfaces, "interfaces", "", "the node's interfaces file; its addresses and bridges override those in the facts")
}

func (in *renderInput) check(cmd *cobra.Command) error {
	switch {
	case in.running == "":
		return usagef(cmd, "missing flag --running: it names Proxmox's running configuration")
	case in.facts == "":
		return usagef(cmd, "missing flag --facts: it names the facts of the node")
	}
	return nil
}

// Help texts that both commands share.
const (
	runningHelp = `--running is Proxmox's running configuration, /etc/pve/sdn/.running-config.`

	interfacesHelp = `--interfaces is the node's /etc/network/interfaces. Addresses and types of bridges
are then those of the file; the address of an interface is the one that Proxmox
uses: the last address line of its inet stanza. Other interfaces keep their facts
except for addresses.`

	incompleteHelp = `What cannot be rendered is reported by name; the rest is printed, and the exit
status is 1.`
)

func (a *app) renderInterfacesCommand() *cobra.Command {
	var in renderInput
	cmd := &cobra.Command{
		Use:   "interfaces --running FILE --facts FILE [--interfaces FILE]",
		Short: "Print the interfaces file that Proxmox VE would generate for a node",
		Long: `Prints what Proxmox VE would write to /etc/network/interfaces.d/sdn of one node,
byte for byte, from files only, without a server and without changes. Zones of
every type are rendered (simple, vlan, qinq, vxlan, evpn), and the node's
parts in fabrics (openfabric, ospf, bgp).

` + runningHelp + `

--facts has the facts of the node, as JSON:

  {
    "node": "pve1",
    "interfaces": [
      {"name": "eth0", "master": "vmbr0"},
      {"name": "vmbr0", "kind": "bridge", "vlanFiltering": true,
       "addresses": ["192.168.0.1/24"]},
      {"name": "vmbr1", "kind": "openvswitch"}
    ],
    "routes": [
      {"dst": "0.0.0.0/0", "dev": "vmbr0", "src": "192.168.0.1"},
      {"dst": "::/0", "dev": "vmbr0", "src": "fd00::1"}
    ]
  }

VLANs depend on the type of the bridge: "kind" identifies one of Open vSwitch,
"vlanFiltering" a VLAN-aware one; a plain one has its VLANs on its ports (network
cards and bonds that have it as "master").

The node's VTEP is the first of a zone's peers that is an address of an interface, otherwise the source address of the route to the first
peer; in a fabric it is the node's address there. SNAT uses the device and
source address of the route to 8.8.8.8, for IPv6 to 2001:4860:4860::8888. The
longest prefix wins, then the smallest "metric"; a route without "src" uses an
address of its device as source.

` + interfacesHelp + `

` + incompleteHelp,
		Example: `  viaduct render interfaces --running .running-config --facts pve1.json
  viaduct render interfaces --running .running-config --facts pve1.json | diff /etc/network/interfaces.d/sdn -`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := in.check(cmd); err != nil {
				return err
			}
			return a.renderFile(in, pveinterfaces.Render)
		},
	}
	in.flags(cmd)
	return cmd
}

func (a *app) renderFRRCommand() *cobra.Command {
	var in renderInput
	var local string
	cmd := &cobra.Command{
		Use:   "frr --running FILE --facts FILE [--frr-local FILE] [--interfaces FILE]",
		Short: "Print the configuration of FRR that Proxmox VE would generate for a node",
		Long: `Prints what Proxmox VE would write to /etc/frr/frr.conf of one node, byte for
byte, from files only, without a server and without changes. It contains the
controllers (evpn, bgp, isis), the routers of EVPN zones, and the node's parts
in fabrics (openfabric, ospf, bgp).

` + runningHelp + `

--facts has the facts of the node, as JSON:

  {
    "node": "pve1",
    "frr": {"version": "10.4.1"},
    "interfaces": [
      {"name": "eth0", "master": "vmbr0", "altNames": ["enp1s0"]},
      {"name": "vmbr0", "kind": "bridge", "mac": "bc:24:11:00:00:01",
       "addresses": ["192.168.0.1/24"]}
    ],
    "routes": [
      {"dst": "0.0.0.0/0", "dev": "vmbr0", "src": "192.168.0.1"}
    ]
  }

The node's own address is that of the loopback interface which its BGP or IS-IS
controller names, otherwise the first of a controller's peers that is an address
of an interface, otherwise the source address of the route to the first peer. In
a fabric it is the node's address there. If it is an IPv6 address, or there is
none, the router ID is derived from the "mac" of its interface, of the one that
leads to the peers, or of the bridge or bond that this belongs to. Without "frr" the file is written for FRR ` + pvefrr.DefaultVersion + `, as Proxmox VE 9.1 does.

--frr-local is the node's /etc/frr/frr.conf.local, merged as Proxmox merges it.
Lines that Proxmox loses are reported as warnings.

` + interfacesHelp + `

The line "autort as", which is present if the EVPN and the BGP controller of a node
have different AS numbers, exists only in the FRR of Proxmox.

` + incompleteHelp,
		Example: `  viaduct render frr --running .running-config --facts pve1.json
  viaduct render frr --running .running-config --facts pve1.json --frr-local frr.conf.local | diff /etc/frr/frr.conf -`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := in.check(cmd); err != nil {
				return err
			}
			var text []byte
			if local != "" {
				var err error
				if text, err = os.ReadFile(local); err != nil {
					return fmt.Errorf("cannot read frr.conf.local: %w", err)
				}
			}
			return a.renderFile(in, func(run *running.Running, facts *model.Facts) ([]byte, model.Problems) {
				return pvefrr.Render(run, facts, string(text))
			})
		},
	}
	in.flags(cmd)
	cmd.Flags().StringVar(&local, "frr-local", "", "the node's frr.conf.local")
	return cmd
}

// renderFile reads the input, and prints the file and its problems.
func (a *app) renderFile(in renderInput, render func(*running.Running, *model.Facts) ([]byte, model.Problems)) error {
	facts, err := readFacts(in.facts)
	if err != nil {
		return err
	}
	s := a.style(a.Stderr)
	if in.interfaces != "" {
		file, err := readInterfaces(in.interfaces)
		if err != nil {
			return err
		}
		facts.Interfaces = overlay(facts, file.Interfaces())
		for _, src := range file.Sources {
			fmt.Fprintln(a.Stderr, s.yellow(fmt.Sprintf("warning: %s:%d: files named by source lines are not read: addresses in %s are not known", in.interfaces, src.Line, src.Pattern)))
		}
	}
	data, err := os.ReadFile(in.running)
	if err != nil {
		return fmt.Errorf("cannot read running configuration: %w", err)
	}
	run, problems, err := running.Parse(data)
	if err != nil {
		return fmt.Errorf("%s: %w", in.running, err)
	}
	text, more := render(run, facts)
	problems = append(problems, more...)
	for _, p := range problems {
		line := string(p.Severity) + ": " + p.String()
		if p.Severity == model.Error {
			line = s.red(line)
		} else {
			line = s.yellow(line)
		}
		fmt.Fprintln(a.Stderr, line)
	}
	if err := a.write(string(text)); err != nil {
		return err
	}
	if n := len(problems.Errors(false)); n > 0 {
		return fmt.Errorf("the file is incomplete: see the errors above (%d)", n)
	}
	return nil
}

func readInterfaces(path string) (*interfaces.File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read interfaces: %w", err)
	}
	file, err := interfaces.Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

// overlay replaces the interfaces of the facts with those of a file, but keeps MAC
// addresses and alternative names, which the file does not contain.
func overlay(facts *model.Facts, file []model.Interface) []model.Interface {
	out := slices.Clone(facts.Interfaces)
	for i := range out {
		out[i].Addresses = nil
	}
	for _, f := range file {
		at := slices.IndexFunc(out, func(i model.Interface) bool { return i.Name == f.Name })
		if at < 0 {
			out = append(out, f)
			continue
		}
		i := &out[at]
		i.Addresses = f.Addresses
		i.MTU = cmp.Or(f.MTU, i.MTU)
		i.Master = cmp.Or(f.Master, i.Master)
		if f.Kind != "" || f.VLANFiltering {
			i.Kind, i.VLANFiltering = f.Kind, f.VLANFiltering
		}
	}
	slices.SortStableFunc(out, func(a, b model.Interface) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// readFacts reads the facts of a node, strictly: a misspelt property would otherwise
// silently change the output.
func readFacts(path string) (*model.Facts, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read facts: %w", err)
	}
	f := &model.Facts{}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(f); err != nil {
		return nil, fmt.Errorf("%s: not the facts of a node (see viaduct render interfaces --help): %w", path, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: has more than the facts of one node", path)
	}
	if f.Node == "" {
		return nil, fmt.Errorf(`%s: "node" is missing: zones may be deployed on some nodes only, so the node's name is needed`, path)
	}
	return f, nil
}
