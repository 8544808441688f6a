package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/agent"
	"github.com/viaduct-sdn/viaduct/internal/cli"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// upCommand runs a single-node cluster: server and agent in one process.
func upCommand() *cobra.Command {
	f := &serverFlags{}
	var name, agentData string
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run server and agent in one process on a single host",
		Long: `Runs the server and this host's agent together. At the first start the host joins its
own cluster. More hosts can join later.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.listenAsEnvironment(cmd)
			return runUp(cmd.Context(), cmd.Root().Version, f, name, agentData)
		},
	}
	cmd.Flags().StringVar(&f.data, "data", defaultServerData, "directory of the server's state")
	cmd.Flags().StringVar(&agentData, "agent-data", defaultAgentData, "directory of the agent's state")
	cmd.Flags().StringVar(&name, "node", "", "name of this node (default: the host name)")
	f.register(cmd)
	return cmd
}

func runUp(ctx context.Context, version string, f *serverFlags, name, agentData string) error {
	if name == "" {
		var err error
		if name, err = cli.ThisNode("--node"); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	serving := make(chan struct{})
	served := make(chan error, 1)
	go func() { served <- runServer(ctx, version, f, func() { close(serving) }) }()
	select {
	case <-serving:
	case err := <-served:
		return err
	}
	ran := make(chan error, 1)
	go func() {
		err := joinSelf(ctx, f, name, agentData)
		if err == nil {
			err = runAgent(ctx, agent.HostOptions{Version: version, Data: agentData}, f.verbose, notifyReady)
		}
		ran <- err
	}()
	// When one ends the other must end, too; both are waited for.
	select {
	case err := <-served:
		cancel()
		return errors.Join(err, <-ran)
	case err := <-ran:
		cancel()
		return errors.Join(err, <-served)
	}
}

// joinSelf makes the host a node of its own cluster, unless it already is.
func joinSelf(ctx context.Context, f *serverFlags, name, agentData string) error {
	_, err := agent.LoadIdentity(agentData)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c, err := client.New("unix://" + filepath.Join(f.data, "api.sock"))
	if err != nil {
		return err
	}
	// A kill between joining and saving the identity, or a lost directory, left
	// the name in use. This is the host's own cluster, so it may reclaim the name.
	members, err := c.Members(ctx)
	if err != nil {
		return err
	}
	for _, m := range members {
		if m.Name == name {
			if err := c.DeleteMember(ctx, name); err != nil {
				return err
			}
		}
	}
	token, err := c.CreateToken(ctx, api.TokenRequest{Node: name, TTL: 5 * time.Minute})
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(f.listen[0])
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return join(ctx, "https://"+net.JoinHostPort(host, port), token.Token, name, agentData)
}
