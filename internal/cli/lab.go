package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/viaduct-sdn/viaduct/internal/lab"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// labFlags select a lab.
type labFlags struct {
	name, root string
	vm         bool
	getenv     func(string) string
}

func (f *labFlags) lab(progress io.Writer) (*lab.Lab, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	l, err := lab.New(f.root, cmp.Or(f.name, f.getenv(labVariable), lab.DefaultName), self)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	l.Progress = func(format string, args ...any) {
		fmt.Fprintf(progress, "%5.1fs  %s\n", time.Since(start).Seconds(), fmt.Sprintf(format, args...))
	}
	return l, nil
}

// open returns a running lab.
func (f *labFlags) open(cmd *cobra.Command) (*lab.Lab, error) {
	l, err := f.lab(cmd.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	return l, l.Open()
}

// labCommand is `viaduct lab`.
func (a *app) labCommand() *cobra.Command {
	f := &labFlags{getenv: func(name string) string { return a.Getenv(name) }}
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "Run a virtual cluster on this machine",
		Long: `A lab is a cluster in network namespaces: every node runs the real agent, an underlay
connects the nodes, and guests are namespaces with a NIC in a VNet. It uses public
interfaces only, so what works in a lab works on hosts. A lab needs root and the
programs ip and nsenter, and ends with a reboot.

Commands on a node or guest have their own files in /etc, /var and /run: what a DHCP
client writes to /etc/resolv.conf stays there. /tmp is shared. Their background
processes end with the guest or the lab.`,
	}
	cmd.PersistentFlags().StringVar(&f.name, "lab", "", "name of the lab (default: $VIADUCT_LAB, else "+lab.DefaultName+")")
	cmd.PersistentFlags().StringVar(&f.root, "lab-dir", lab.DefaultRoot, "directory below which labs keep their state")
	cmd.PersistentFlags().BoolVar(&f.vm, "vm", false, "with up: start the lab in a virtual machine with Debian's kernel and run a shell there")
	cmd.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if f.vm && cmd.Name() != "up" {
			return usagef(cmd, "--vm goes with lab up: the virtual machine, and the lab in it, end with the shell that it runs")
		}
		return nil
	}
	cmd.AddCommand(a.labUp(f), labDown(f), labStatus(f), labExec(f), labGuest(f))
	return cmd
}

func (a *app) labUp(f *labFlags) *cobra.Command {
	var nodes int
	var file string
	vm := lab.VM{Memory: 2048, Cache: "/var/cache/viaduct/kernel"}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start the lab, or the missing parts of it",
		Long: `Starts the lab's nodes, underlay and server, or the missing ones. Features that the
kernel of this machine lacks are reported first.

With --vm the lab runs in a virtual machine with Debian's kernel, which has all features
(VLANs, VRFs), together with a shell, or with the commands from standard input. The
virtual machine sees the files of this machine; its changes are discarded.`,
		Example: `  viaduct lab up                  three nodes
  viaduct lab up --nodes 5
  viaduct lab up --file lab.yaml
  viaduct lab up --vm --file examples/evpn-unnumbered/lab/lab.yaml`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.vm {
				return a.runVM(cmd, f, vm, nodes, file)
			}
			l, err := f.lab(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			var spec *lab.Spec
			switch {
			case file != "" && cmd.Flags().Changed("nodes"):
				return errors.New("give either --nodes or --file, not both: the file lists the nodes")
			case file != "":
				if spec, err = lab.LoadSpec(file); err != nil {
					return err
				}
			case cmd.Flags().Changed("nodes"):
				spec = lab.DefaultSpec(nodes)
			}
			if err := l.Up(cmd.Context(), spec); err != nil {
				return err
			}
			printLab(cmd.OutOrStdout(), l)
			return nil
		},
	}
	cmd.Flags().IntVar(&nodes, "nodes", 3, "number of nodes, 1 to 64")
	cmd.Flags().IntVar(&vm.Memory, "memory", vm.Memory, "with --vm: memory of the virtual machine, MiB")
	cmd.Flags().StringVar(&file, "file", "", "description of the lab (YAML: nodes, underlay, underlay6, mtu, switches, links)")
	return cmd
}

// runVM runs the lab in a virtual machine.
func (a *app) runVM(cmd *cobra.Command, f *labFlags, vm lab.VM, nodes int, file string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	inside := []string{"up"}
	if f.name != "" {
		inside = append(inside, "--lab", f.name)
	}
	if cmd.Flags().Changed("nodes") {
		inside = append(inside, "--nodes", strconv.Itoa(nodes))
	}
	if file != "" {
		if _, err := lab.LoadSpec(file); err != nil { // before the machine boots
			return err
		}
		if file, err = filepath.Abs(file); err != nil {
			return err
		}
		inside = append(inside, "--file", file)
	}
	vm.Progress = cmd.ErrOrStderr()
	status, err := vm.Run(cmd.Context(), self, inside, os.Stdin, term.IsTerminal(int(os.Stdin.Fd()))) // a descriptor fits
	if err == nil && status != 0 {
		return &exitError{code: status}
	}
	return err
}

func printLab(w io.Writer, l *lab.Lab) {
	fmt.Fprintf(w, "lab %s runs: %d nodes on %s, the outside host is %s\n", l.Name, len(l.Spec.Nodes), l.Spec.Underlay, lab.OutsideHost)
	fmt.Fprintf(w, "  API     https://%s/api/v1 (certificate and key: %s/server/admin.crt, admin.key; authority: ca.crt)\n", l.API, l.Dir)
	fmt.Fprintf(w, "  socket  %s (`viaduct --server %s ...`)\n", l.SocketPath(), l.Target())
}

func labDown(f *labFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop the lab and remove every trace of it",
		Args:  args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := f.lab(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if err := l.Down(); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "lab %s removed\n", l.Name)
			return nil
		},
	}
}

func labStatus(f *labFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the lab's processes and guests",
		Args:  args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := f.open(cmd)
			if err != nil {
				return err
			}
			parts, err := l.Parts(cmd.Context())
			if err != nil {
				return err
			}
			var rows [][]string
			missing := false
			for _, p := range parts {
				pid := ""
				if p.PID > 0 {
					pid = strconv.Itoa(p.PID)
				}
				rows = append(rows, []string{p.Name, p.Role, p.Address, p.State, pid})
				missing = missing || p.State != lab.Running
			}
			fmt.Fprint(cmd.OutOrStdout(), table([]string{"NAME", "ROLE", "ADDRESS", "STATE", "PID"}, rows))
			if missing {
				fmt.Fprintln(cmd.OutOrStdout(), "\nnot everything is running; `viaduct lab up` and `viaduct lab guest start --all` start the missing parts")
			}
			return nil
		},
	}
}

func labExec(f *labFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "exec NODE|HOST|GUEST|outside -- COMMAND [ARG...]",
		Short: "Run a command inside a node, a host, a guest or the outside host",
		Example: `  viaduct lab exec vm1 -- ping -c 3 10.0.3.101
  viaduct lab exec node1 -- ip -d link show type vxlan`,
		Args: args(2, -1, "a node, host or guest, and a command"),
		RunE: func(cmd *cobra.Command, given []string) error {
			l, err := f.open(cmd)
			if err != nil {
				return err
			}
			dir, err := os.Getwd()
			if err != nil {
				dir = "/"
			}
			argv, err := l.Command(given[0], dir, given[1:])
			if err != nil {
				return err
			}
			program, err := exec.LookPath(argv[0])
			if err != nil {
				return fmt.Errorf("running a command on a machine of the lab needs the program %s (package util-linux): %w", argv[0], err)
			}
			return syscall.Exec(program, argv, os.Environ())
		},
	}
}

func labGuest(f *labFlags) *cobra.Command {
	cmd := &cobra.Command{Use: "guest", Short: "Add, start, move and remove guests"}
	cmd.AddCommand(labGuestAdd(f), labGuestStart(f), labGuestMove(f), labGuestRemove(f))
	return cmd
}

func labGuestAdd(f *labFlags) *cobra.Command {
	var n lab.NewGuest
	var ip string
	cmd := &cobra.Command{
		Use:     "add NAME --vnet VNET --node NODE [--ip ADDRESS]",
		Short:   "Declare and start a guest",
		Example: `  viaduct lab guest add vm3 --vnet vxvnet1 --node node2`,
		Args:    args(1, 1, "the name of the guest"),
		RunE: func(cmd *cobra.Command, given []string) error {
			l, err := f.open(cmd)
			if err != nil {
				return err
			}
			n.Name = given[0]
			if ip != "" {
				if n.IP, err = netip.ParseAddr(ip); err != nil {
					return fmt.Errorf("--ip %q: must be an address like 10.0.3.102", ip)
				}
			}
			g, err := l.AddGuest(cmd.Context(), n)
			if err != nil {
				return err
			}
			printGuest(cmd.OutOrStdout(), g)
			return nil
		},
	}
	cmd.Flags().StringVar(&n.VNet, "vnet", "", "VNet of its NIC")
	cmd.Flags().StringVar(&n.Node, "node", "", "node to run on")
	cmd.Flags().StringVar(&n.ID, "id", "", "ID of the guest, from 100 (default: the lowest free one)")
	cmd.Flags().StringVar(&ip, "ip", "", "IP address (default: the lowest free one of the VNet's first subnet)")
	_ = cmd.MarkFlagRequired("vnet")
	_ = cmd.MarkFlagRequired("node")
	return cmd
}

func printGuest(w io.Writer, g *model.Guest) {
	fmt.Fprintf(w, "guest %s (%s) runs on %s", g.Name, g.ID, g.Node)
	for _, nic := range g.NICs {
		fmt.Fprintf(w, ", %s in %s", nic.ID, nic.VNet)
		for _, a := range nic.IPs {
			fmt.Fprintf(w, " %s", a)
		}
	}
	fmt.Fprintln(w)
}

func labGuestStart(f *labFlags) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "start [NAME...]",
		Short: "Start declared guests",
		RunE: func(cmd *cobra.Command, given []string) error {
			if all == (len(given) > 0) {
				return errors.New("name guests, or give --all")
			}
			l, err := f.open(cmd)
			if err != nil {
				return err
			}
			started, err := l.Start(cmd.Context(), given)
			for _, g := range started {
				printGuest(cmd.OutOrStdout(), g)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all guests on nodes of the lab")
	return cmd
}

func labGuestMove(f *labFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "move NAME NODE",
		Short: "Migrate a running guest to another node",
		Args:  args(2, 2, "a guest and a node"),
		RunE: func(cmd *cobra.Command, given []string) error {
			l, err := f.open(cmd)
			if err != nil {
				return err
			}
			if err := l.MoveGuest(cmd.Context(), given[0], given[1]); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "guest %s runs on %s\n", given[0], given[1])
			return nil
		},
	}
}

func labGuestRemove(f *labFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "rm NAME",
		Short: "Stop a guest and remove its declaration",
		Args:  args(1, 1, "the name of the guest"),
		RunE: func(cmd *cobra.Command, given []string) error {
			l, err := f.open(cmd)
			if err != nil {
				return err
			}
			if err := l.RemoveGuest(cmd.Context(), given[0]); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "guest %s removed\n", given[0])
			return nil
		},
	}
}
