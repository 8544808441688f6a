package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/agent"
	"github.com/viaduct-sdn/viaduct/internal/cli"
	"github.com/viaduct-sdn/viaduct/internal/driver/ovs"
	"github.com/viaduct-sdn/viaduct/internal/pki"
)

// defaultAgentData is where the agent keeps its state.
const defaultAgentData = "/var/lib/viaduct/agent"

func agentCommand() *cobra.Command {
	var o agent.HostOptions
	var verbose bool
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Run the agent of this node",
		Long: `The agent receives this node's part of the running revision from a server, keeps it on
disk, and implements it: links, addresses, routes, filters, services. It repairs and
reports drift. It needs no server to boot or to keep running.

The node has to join the cluster once: viaduct node join.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Version = cmd.Root().Version
			return runAgent(cmd.Context(), o, verbose, notifyReady)
		},
	}
	cmd.PersistentFlags().StringVar(&o.Data, "data", defaultAgentData, "directory of the agent's state")
	addInstanceFlags(cmd, &o.Instance)
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "log debug messages")
	cmd.AddCommand(checkCommand(&o))
	return cmd
}

// instanceFlag is a flag that distinguishes several nodes on one machine.
type instanceFlag struct {
	name, value, doc string
	field            func(*agent.Instance) *string
}

var instanceFlags = []instanceFlag{
	{"frr-pathspace", "", "FRR's name for the instance to use, where a machine runs several (its option -N)", func(i *agent.Instance) *string { return &i.FRRPathspace }},
	{"ovs-socket", ovs.DefaultSocket, "where Open vSwitch's database listens", func(i *agent.Instance) *string { return &i.OVSSocket }},
	{"dnsmasq-root", "", "directory below which the files of DHCP servers are, where a machine runs several nodes", func(i *agent.Instance) *string { return &i.DNSMasqRoot }},
	{"haproxy-dir", "", "directory of the files of load balancers, where a machine runs several nodes", func(i *agent.Instance) *string { return &i.HAProxyDir }},
	{"netns-dir", "", "directory of the node's network namespaces, where a machine runs several nodes (default /run/netns)", func(i *agent.Instance) *string { return &i.NamespaceDir }},
}

// addInstanceFlags adds the flags, which are hidden: real hosts, which are one node each,
// do not need them.
func addInstanceFlags(cmd *cobra.Command, i *agent.Instance) {
	flags := cmd.PersistentFlags()
	for _, f := range instanceFlags {
		flags.StringVar(f.field(i), f.name, f.value, f.doc)
		_ = flags.MarkHidden(f.name) // it exists
	}
}

func checkCommand(o *agent.HostOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Show how this node differs from its desired state",
		Long: `Compares the node's actual state with the last document that the agent received, and
changes nothing. The exit status is 0 without differences and 3 with some. The
instances of FRR, Open vSwitch, dnsmasq and HAProxy are those of the agent.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Version = cmd.Root().Version
			if err := fillInstance(cmd, o); err != nil {
				return err
			}
			host, err := agent.NewHost(cmd.Context(), *o)
			if err != nil {
				return err
			}
			defer host.Close()
			revision, changes, err := agent.Check(cmd.Context(), o.Data, host)
			for _, c := range changes {
				fmt.Fprintln(cmd.OutOrStdout(), c)
			}
			if err != nil {
				return err
			}
			if len(changes) > 0 {
				return cli.Differs(fmt.Sprintf("%d differences from revision %d; the running agent repairs them", len(changes), revision))
			}
			fmt.Fprintf(cmd.OutOrStdout(), "the node is as revision %d declares\n", revision)
			return nil
		},
	}
}

// fillInstance fills options without a flag from the agent's stored settings.
func fillInstance(cmd *cobra.Command, o *agent.HostOptions) error {
	noted, err := agent.LoadInstance(o.Data)
	if err != nil {
		return err
	}
	for _, f := range instanceFlags {
		if was := *f.field(&noted); was != "" && !cmd.Flags().Changed(f.name) {
			*f.field(&o.Instance) = was
		}
	}
	return nil
}

// runAgent runs the agent of the node until ctx ends.
func runAgent(ctx context.Context, o agent.HostOptions, verbose bool, ready func()) error {
	if os.Geteuid() != 0 {
		return errors.New("the agent changes the node's network, which takes root")
	}
	host, err := agent.NewHost(ctx, o)
	if err != nil {
		return err
	}
	defer host.Close()
	a, err := agent.New(agent.Config{
		Data: o.Data, System: host, Log: logger(verbose), Ready: ready, Alive: notifyAlive,
	})
	if err != nil {
		return err
	}
	if err := o.Save(o.Data); err != nil { // a full disk must not stop the agent
		logger(verbose).Warn("cannot note the instances of FRR, Open vSwitch, dnsmasq and HAProxy: agent check needs its flags", "error", err)
	}
	if err := a.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func joinCommand() *cobra.Command {
	var token, name, data string
	cmd := &cobra.Command{
		Use:   "join URL[,URL]... --token TOKEN",
		Short: "Join this node to a cluster",
		Long: `Exchanges a one-time token (viaduct node token NODE, on a server) for a certificate.
The token contains the fingerprint of the server's key, which prevents a man in the
middle. Of several servers the first one that answers is used; the agent learns the
other servers of the cluster from it.`,
		Example: "  viaduct node join https://192.168.0.10:8006 --token 5f2a....\n" +
			"  viaduct node join https://192.168.0.10:8006,https://192.168.0.11:8006 --token 5f2a....",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if name == "" {
				var err error
				if name, err = cli.ThisNode("--name"); err != nil {
					return err
				}
			}
			if err := join(cmd.Context(), args[0], token, name, data); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "node %s has joined; start its agent with `viaduct agent` or `systemctl enable --now viaduct-agent`\n", name)
			return nil
		},
	}
	cmd.Flags().StringVar(&token, "token", "", "join token, printed by viaduct node token")
	cmd.Flags().StringVar(&name, "name", "", "name of the node (default: this machine's host name)")
	cmd.Flags().StringVar(&data, "data", defaultAgentData, "directory of the agent's state")
	_ = cmd.MarkFlagRequired("token")
	return cmd
}

func join(ctx context.Context, url, token, name, data string) error {
	if id, err := agent.LoadIdentity(data); err == nil {
		return fmt.Errorf("this node has joined already, as %s (%s); to join anew, remove it on a server (viaduct node remove %s) and delete %s",
			id.Node, data, id.Node, data)
	}
	var servers []string
	for one := range strings.SplitSeq(url, ",") {
		if one = strings.TrimSuffix(strings.TrimSpace(one), "/"); one != "" {
			servers = append(servers, one)
		}
	}
	var failed error
	for _, one := range servers {
		cert, key, ca, err := pki.Join(ctx, one, token, name)
		if err == nil {
			id := &agent.Identity{Node: name, Servers: servers, Certificate: cert, Key: key, CA: ca}
			return id.Save(data)
		}
		failed = errors.Join(failed, err)
		var refused *pki.RefusedError
		if errors.As(err, &refused) && refused.Status < http.StatusInternalServerError || ctx.Err() != nil {
			break // another server would give the same answer
		}
	}
	return failed
}
