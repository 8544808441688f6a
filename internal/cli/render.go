package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/ifupdown"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pvesdn"
)

// renderCommand is `viaduct render`.
func (a *app) renderCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "render",
		Short: "Write a node's network in the form of other tools",
		Args:  cobra.ArbitraryArgs,
		RunE:  group,
	}
	cmd.AddCommand(a.renderInterfacesCommand())
	return cmd
}

func (a *app) renderInterfacesCommand() *cobra.Command {
	var running, facts, interfaces string
	cmd := &cobra.Command{
		Use:   "interfaces --running FILE --facts FILE [--interfaces FILE]",
		Short: "Print the interfaces file that Proxmox VE would generate for a node",
		Long: `Prints what Proxmox VE would write to /etc/network/interfaces.d/sdn of one node,
byte for byte, from files only: no server is asked and nothing is changed.

--running is Proxmox's running configuration, /etc/pve/sdn/.running-config.

--facts is what is known of the node, as JSON:

  {
    "node": "pve1",
    "interfaces": [
      {"name": "vmbr0", "addresses": ["192.168.0.1/24"]}
    ],
    "routes": [
      {"dst": "0.0.0.0/0", "dev": "vmbr0", "src": "192.168.0.1"},
      {"dst": "::/0", "dev": "vmbr0", "src": "fd00::1"}
    ]
  }

The node's own end of VXLAN tunnels is the first of a zone's peers that is an
address of an interface, otherwise the source address of the route to the first
peer. SNAT uses the device and source address of the route to 8.8.8.8, for IPv6
to 2001:4860:4860::8888. The longest prefix wins, then the smallest "metric"; a
route without "src" has an address of its device for its source.

--interfaces is the node's /etc/network/interfaces. Its interfaces then stand in
the place of those of the facts, each with the address that Proxmox takes for
its own: the last address line of its inet stanza.

This release renders zones of the types simple and vxlan. Any other zone of the
node, and any fabric, is refused by name; the rest is printed nevertheless, and
the exit status is 1.`,
		Example: `  viaduct render interfaces --running .running-config --facts pve1.json
  viaduct render interfaces --running .running-config --facts pve1.json | diff /etc/network/interfaces.d/sdn -`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case running == "":
				return usagef(cmd, "missing flag --running: it names Proxmox's running configuration")
			case facts == "":
				return usagef(cmd, "missing flag --facts: it names the facts of the node")
			}
			return a.renderInterfaces(running, facts, interfaces)
		},
	}
	cmd.Flags().StringVar(&running, "running", "", "Proxmox's running configuration, a JSON file")
	cmd.Flags().StringVar(&facts, "facts", "", "facts of the node, a JSON file")
	cmd.Flags().StringVar(&interfaces, "interfaces", "", "the node's interfaces file, in place of the interfaces in the facts")
	return cmd
}

func (a *app) renderInterfaces(running, factsPath, interfaces string) error {
	facts, err := readFacts(factsPath)
	if err != nil {
		return err
	}
	s := a.style(a.Stderr)
	if interfaces != "" {
		text, err := os.ReadFile(interfaces)
		if err != nil {
			return fmt.Errorf("cannot read interfaces: %w", err)
		}
		file, err := ifupdown.Parse(string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", interfaces, err)
		}
		facts.Interfaces = file.Interfaces()
		for _, src := range file.Sources {
			fmt.Fprintln(a.Stderr, s.yellow(fmt.Sprintf("warning: %s:%d: files named by source lines are not read: addresses in %s are not known", interfaces, src.Line, src.Pattern)))
		}
	}
	data, err := os.ReadFile(running)
	if err != nil {
		return fmt.Errorf("cannot read running configuration: %w", err)
	}
	run, problems, err := pvesdn.Parse(data)
	if err != nil {
		return fmt.Errorf("%s: %w", running, err)
	}
	text, more := ifupdown.Render(run, facts)
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

// readFacts reads the facts of a node, strictly: a property that is misspelt
// would otherwise change what is rendered without a word.
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
