package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func (a *app) loadBalancerCommand() *cobra.Command {
	cmd := accessGroup("lb", "Create load balancers of sectors, and show their state",
		"Load balancers are objects: viaduct get load-balancers, viaduct set, viaduct delete.", a.loadBalancerCreateCommand(), a.loadBalancerStatusCommand())
	cmd.Aliases = []string{"load-balancer"}
	return cmd
}

// balancerFlags are what a new load balancer is given beside properties.
type balancerFlags struct {
	sector, certificate, key string
	port, target             int
	guests                   []string
}

func (a *app) loadBalancerCreateCommand() *cobra.Command {
	var b balancerFlags
	cmd := &cobra.Command{
		Use:   "create ID --sector SECTOR --port PORT [PROPERTY=VALUE]...",
		Short: "Create a load balancer",
		Long: `Creates a load balancer, which must not exist yet, of guests of a sector. A guest may have
a weight: 100=50. Further properties are written as for viaduct set.`,
		Example: `  viaduct lb create shop-web --sector shop --port 80 --target-port 8080 --guest 100 --guest 101=50
  viaduct lb create shop-tls --sector shop --port 443 --guest 100,101 --certificate-file chain.pem --key-file key.pem mode=http redirect=80`,
		Args: args(1, -1, "an id, and properties"),
		RunE: func(cmd *cobra.Command, given []string) error {
			patch, err := b.patch(cmd, given[1:])
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			o, err := newObject(cmd.Context(), c, api.KindLoadBalancer, given[0], patch)
			if err != nil {
				return err
			}
			return a.add(cmd.Context(), c, o, given[0])
		},
	}
	f := cmd.Flags()
	f.StringVar(&b.sector, "sector", "", "sector whose address and guests it uses")
	f.IntVar(&b.port, "port", 0, "port that clients connect to")
	f.IntVar(&b.target, "target-port", 0, "port of the guests (default: the same)")
	f.StringSliceVar(&b.guests, "guest", nil, "guest that serves, GUEST or GUEST=WEIGHT (repeatable)")
	f.StringVar(&b.certificate, "certificate-file", "", "certificate with its chain, PEM file: the load balancer ends TLS")
	f.StringVar(&b.key, "key-file", "", "private key of the certificate, PEM file")
	for _, name := range []string{"sector", "port"} {
		_ = cmd.MarkFlagRequired(name) // it exists
	}
	return cmd
}

// patch are the properties of flags and assignments.
func (b *balancerFlags) patch(cmd *cobra.Command, assignments []string) (api.Patch, error) {
	list, err := parseAssignments(cmd, api.KindLoadBalancer, assignments)
	if err != nil {
		return api.Patch{}, err
	}
	patch, err := patchOf(api.KindLoadBalancer, nil, list)
	if err != nil {
		return patch, err
	}
	pool, err := b.pool(cmd)
	if err != nil {
		return patch, err
	}
	values := map[string]any{"sector": b.sector, "port": b.port, "target-port": b.target, "pool": pool}
	for name, path := range map[string]string{"certificate": b.certificate, "key": b.key} {
		if path == "" {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return patch, fmt.Errorf("--%s-file: %w", name, err)
		}
		values[name] = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
	for name, v := range values {
		if patch.Set[name], err = json.Marshal(v); err != nil {
			return patch, err
		}
	}
	return patch, nil
}

// pool reads the guests, "100" or with a weight "100=50".
func (b *balancerFlags) pool(cmd *cobra.Command) ([]api.PoolGuest, error) {
	pool := make([]api.PoolGuest, len(b.guests))
	for i, g := range b.guests {
		id, weight, weighted := strings.Cut(g, "=")
		pool[i].Guest = id
		if !weighted {
			continue
		}
		var err error
		if pool[i].Weight, err = strconv.Atoi(weight); err != nil {
			return nil, usagef(cmd, "--guest %s: write a guest and its weight as 100=50", g)
		}
	}
	return pool, nil
}

func (a *app) loadBalancerStatusCommand() *cobra.Command {
	var output string
	var nodes []string
	cmd := &cobra.Command{
		Use:     "status ID",
		Short:   "Show which guests of a load balancer work, on every node",
		Long:    "Queries nodes about the guests of a load balancer's pool: their state and since when, the result of the last check, connections and bytes. Without --node all nodes are queried.",
		Example: `  viaduct lb status shop-web --node node1`,
		Args:    args(1, 1, "the ID of a load balancer"),
		RunE: func(cmd *cobra.Command, given []string) error {
			q, err := liveQuery(cmd, []string{string(api.KindLoadBalancer), given[0]})
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if len(nodes) == 0 {
				if nodes, err = joinedNodes(cmd.Context(), c); err != nil {
					return err
				}
			}
			answers, err := queryNodes(cmd.Context(), c, q, nodes, given[0])
			if err != nil {
				return err
			}
			return a.writeLive(q, output, answers)
		},
	}
	a.nodesFlag(cmd, &nodes)
	outputFlag(cmd, &output, formatTable, formatJSON, formatYAML)
	return cmd
}
