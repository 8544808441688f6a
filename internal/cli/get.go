package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// Words in place of a kind: the view over the guests' network interfaces, and all
// kinds together.
const (
	kindNICs = "nics"
	kindAll  = "all"
)

func (a *app) getCommand() *cobra.Command {
	var output, view string
	cmd := &cobra.Command{
		Use:   "get KIND [ID]",
		Short: "List objects",
		Long: `Lists the objects of a kind: nodes, zones, vnets, subnets, guests and so on; or nics,
the network interfaces of all guests with their addresses; or all kinds that have
objects. The table of nodes shows all joined nodes; programs read node
states from viaduct status -o json. With -o yaml the output is a manifest that
can be edited and applied.`,
		Args:              args(1, 2, "a kind, and the id of an object to see only that"),
		ValidArgsFunction: a.completeObject(kindNICs, kindAll),
		RunE: func(cmd *cobra.Command, given []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			g := getter{app: a, c: c, view: view, output: output, id: ""}
			if len(given) == 2 {
				g.id = given[1]
			}
			if strings.TrimSuffix(strings.ToLower(given[0]), "s") == "nic" {
				return g.nics(cmd.Context())
			}
			if strings.EqualFold(given[0], kindAll) {
				if g.id != "" {
					return usagef(cmd, "unexpected argument %q: get all takes none", g.id)
				}
				return g.all(cmd.Context())
			}
			kind, err := parseKind(given[0])
			if err != nil {
				return err
			}
			return g.objects(cmd.Context(), kind)
		},
	}
	viewFlag(cmd, &view)
	outputFlag(cmd, &output, formatTable, formatWide, formatJSON, formatYAML, formatName)
	return cmd
}

// viewFlag gives a command --view.
func viewFlag(cmd *cobra.Command, view *string) {
	cmd.Flags().StringVar(view, "view", "pending", "configuration to show: pending or running")
	_ = cmd.RegisterFlagCompletionFunc("view", cobra.FixedCompletions([]string{"pending", "running"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.PreRunE = func(c *cobra.Command, _ []string) error {
		if *view != "pending" && *view != "running" {
			return usagef(c, "unknown view %q; it is pending or running", *view)
		}
		return nil
	}
}

// getter is one run of get.
type getter struct {
	*app
	c                *client.Client
	id, view, output string
}

func (g getter) objects(ctx context.Context, kind model.Kind) error {
	people := g.output == formatTable || g.output == formatWide
	if kind == model.KindNode && people {
		return g.nodes(ctx)
	}
	objs, err := g.list(ctx, kind)
	if err != nil {
		return err
	}
	if !people {
		return writeObjects(g.Stdout, g.output, objs, g.id != "")
	}
	if len(objs) == 0 {
		return g.write(fmt.Sprintf("no %s\n", kind.Plural()))
	}
	header, rows := objectRows(kind, objs, g.output == formatWide)
	return g.write(table(header, rows))
}

// all shows the objects of every kind that has some.
func (g getter) all(ctx context.Context) error {
	g.allKinds = true
	var objs []model.Object
	people := g.output == formatTable || g.output == formatWide
	shown := 0
	for _, kind := range model.Kinds() {
		list, err := g.list(ctx, kind)
		if err != nil {
			return err
		}
		objs = append(objs, list...)
		if !people || len(list) == 0 {
			continue
		}
		header, rows := objectRows(kind, list, g.output == formatWide)
		text := table(header, rows)
		if shown > 0 {
			text = "\n" + text
		}
		shown++
		if err := g.write(text); err != nil {
			return err
		}
	}
	switch {
	case !people:
		return writeObjects(g.Stdout, g.output, objs, false)
	case shown == 0:
		return g.write("no objects\n")
	}
	return nil
}

// list fetches all objects of a kind, or the one asked for.
func (g getter) list(ctx context.Context, kind model.Kind) ([]model.Object, error) {
	if g.id == "" {
		return g.c.List(ctx, kind, g.view)
	}
	id, err := resolveID(ctx, g.c, kind, g.id)
	if err != nil {
		return nil, err
	}
	o, _, err := g.c.Get(ctx, kind, id, g.view)
	if err != nil {
		return nil, err
	}
	return []model.Object{o}, nil
}

// objectRows is the table of objects of one kind; wide adds columns.
func objectRows(kind model.Kind, objs []model.Object, wide bool) ([]string, [][]string) {
	header := map[model.Kind][]string{
		model.KindNode:          {"NODE", "ADDRESS", "RESERVED", "BACKEND"},
		model.KindPrefixList:    {"PREFIX-LIST", "ENTRIES"},
		model.KindRouteMap:      {"ROUTE-MAP", "ENTRIES"},
		model.KindFabric:        {"FABRIC", "PROTOCOL", "IPV4", "IPV6"},
		model.KindFabricNode:    {"FABRIC", "NODE", "ADDRESSES", "INTERFACES"},
		model.KindController:    {"CONTROLLER", "TYPE", "ASN", "NODE", "PEERS"},
		model.KindZone:          {"ZONE", "TYPE", "NODES", "MTU"},
		model.KindVNet:          {"VNET", "ZONE", "TAG", "ALIAS"},
		model.KindSubnet:        {"SUBNET", "VNET", "GATEWAY", "SNAT"},
		model.KindIPAM:          {"IPAM", "TYPE", "URL"},
		model.KindDNS:           {"DNS", "TYPE", "URL"},
		model.KindAlias:         {"ALIAS", "CIDR", "COMMENT"},
		model.KindIPSet:         {"IP-SET", "ENTRIES", "COMMENT"},
		model.KindSecurityGroup: {"SECURITY-GROUP", "RULES", "COMMENT"},
		model.KindFirewall:      {"FIREWALL", "ENABLED", "POLICY", "RULES", "FILTERS"},
		model.KindGuest:         {"GUEST", "NAME", "NODE", "NICS"},
	}[kind]
	extra := map[model.Kind][]string{
		model.KindPrefixList: {"NETWORKS"},
		model.KindRouteMap:   {"CALLS", "PREFIX-LISTS"},
		model.KindFabric:     {"AREA", "ROUTE-FILTER", "REDISTRIBUTE", "ROUTE-MAPS"},
		model.KindFabricNode: {"ASN"},
		model.KindController: {"LOOPBACK", "DOMAIN", "NODES", "PEER-GROUP", "ROUTE-MAPS"},
		model.KindZone:       {"BRIDGE", "TAG", "PEERS", "PORT", "CONTROLLERS", "VRF-VXLAN", "EXITNODES", "IPAM", "DHCP"},
		model.KindVNet:       {"VLANAWARE", "ISOLATED"},
		model.KindSubnet:     {"ID", "DHCP-RANGE"},
		model.KindIPAM:       {"SECTION"},
		model.KindDNS:        {"TTL", "REVERSEMASKV6"},
		model.KindFirewall:   {"LOG"},
		model.KindGuest:      {"ADDRESSES"},
	}[kind]
	if wide {
		header = append(slices.Clone(header), extra...)
	}
	rows := make([][]string, len(objs))
	for i, o := range objs {
		rows[i] = objectRow(o)[:len(header)]
	}
	return header, rows
}

// objectRow is an object's cells, those of wide tables last.
func objectRow(o model.Object) []string {
	switch o := o.(type) {
	case *model.Node:
		return []string{o.ID, addrText(o.Address), strings.Join(o.Reserved, ", "), o.Backend}
	case *model.PrefixList:
		var nets []string
		for _, e := range o.Numbered() {
			nets = append(nets, e.Action+" "+prefixText(e.Prefix))
		}
		return []string{o.ID, strconv.Itoa(len(o.Entries)), firstFew(nets, 4)}
	case *model.RouteMap:
		return []string{o.ID, strconv.Itoa(len(o.Entries)), firstFew(o.Calls(), 4), firstFew(o.PrefixLists(), 4)}
	case *model.Fabric:
		return []string{o.ID, string(o.Protocol), prefixText(o.IPPrefix), prefixText(o.IP6Prefix), o.Area,
			o.RouteFilter, firstFew(sourceTexts(o.Redistribute), 4), inOutText(o.RouteMapIn, o.RouteMapOut)}
	case *model.FabricNode:
		var addrs, links []string
		for _, a := range []netip.Addr{o.IP, o.IP6} {
			if a.IsValid() {
				addrs = append(addrs, a.String())
			}
		}
		for _, i := range o.Interfaces {
			links = append(links, i.Name)
		}
		return []string{o.Fabric, o.Node, strings.Join(addrs, ", "), firstFew(links, 4), orText(o.ASN, "")}
	case *model.Controller:
		peers := firstFew(addrTexts(o.Peers), 4)
		if o.Fabric != "" {
			peers = "fabric " + o.Fabric
		}
		group := ""
		if o.Type == model.ControllerEVPN {
			group = o.PeerGroup()
		}
		return []string{o.ID, string(o.Type), orText(o.ASN, ""), o.Node, peers, o.Loopback, o.ISISDomain,
			firstFew(o.Nodes, 4), group, inOutText(o.RouteMapIn, o.RouteMapOut)}
	case *model.Zone:
		nodes := "all"
		if len(o.Nodes) > 0 {
			nodes = firstFew(o.Nodes, 4)
		}
		port := ""
		if o.Type == model.ZoneVXLAN || o.Type == model.ZoneEVPN {
			port = strconv.Itoa(cmp.Or(o.VXLANPort, model.DefaultVXLANPort))
		}
		peers := firstFew(addrTexts(o.Peers), 4)
		if o.Fabric != "" {
			peers = "fabric " + o.Fabric
		}
		return []string{o.ID, string(o.Type), nodes, orText(o.MTU, "computed"), o.Bridge, orText(o.Tag, ""), peers, port,
			firstFew(o.Controllers(), 4), orText(o.VRFVXLAN, ""), firstFew(o.ExitNodes, 4), o.IPAM, o.DHCP}
	case *model.VNet:
		return []string{o.ID, o.Zone, orText(o.Tag, ""), o.Alias, yesText(o.VLANAware), yesText(o.IsolatePorts)}
	case *model.Subnet:
		var ranges []string
		for _, r := range o.DHCPRange {
			ranges = append(ranges, r.String())
		}
		return []string{o.CIDR.String(), o.VNet, addrText(o.Gateway), yesText(o.SNAT), o.ID, strings.Join(ranges, ", ")}
	case *model.IPAM:
		return []string{o.ID, string(o.Type), o.URL, orText(o.Section, "")}
	case *model.NameServer:
		return []string{o.ID, o.Type, o.URL, orText(o.TTL, ""), orText(o.ReverseMaskV6, "")}
	case *model.Alias, *model.IPSet, *model.SecurityGroup, *model.Firewall:
		return firewallRow(o)
	case *model.Guest:
		var nics, addrs []string
		for _, n := range o.NICs {
			nics = append(nics, n.ID+"="+n.VNet)
			addrs = append(addrs, addrTexts(n.IPs)...)
		}
		return []string{o.ID, o.Name, o.Node, firstFew(nics, 4), firstFew(addrs, 4)}
	}
	return nil
}

// inOutText are the route maps of sessions: "in A, out B".
func inOutText(in, out string) string {
	var parts []string
	if in != "" {
		parts = append(parts, "in "+in)
	}
	if out != "" {
		parts = append(parts, "out "+out)
	}
	return strings.Join(parts, ", ")
}

func sourceTexts(list []model.Redistribution) []string {
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = r.Source
	}
	return out
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func prefixText(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return p.String()
}

func addrTexts(as []netip.Addr) []string {
	out := make([]string, len(as))
	for i, a := range as {
		out[i] = a.String()
	}
	return out
}

func orText(n int, zero string) string {
	if n == 0 {
		return zero
	}
	return strconv.Itoa(n)
}

func yesText(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

// write writes text for people to standard output.
func (a *app) write(text string) error {
	_, err := io.WriteString(a.Stdout, text)
	return err
}

// firewallRow is objectRow for what firewalls are made of.
func firewallRow(o model.Object) []string {
	switch o := o.(type) {
	case *model.Alias:
		return []string{o.ID, o.CIDR, o.Comment}
	case *model.IPSet:
		return []string{o.ID, strconv.Itoa(len(o.Entries)), o.Comment}
	case *model.SecurityGroup:
		return []string{o.ID, strconv.Itoa(len(o.Rules)), o.Comment}
	case *model.Firewall:
		return []string{o.ID, yesText(o.Enable), cmp.Or(o.PolicyForward, model.FirewallAccept), strconv.Itoa(len(o.Rules)), filtersText(o), o.LogLevelForward}
	}
	return nil
}

// filtersText are the filters of NICs that a firewall has.
func filtersText(f *model.Firewall) string {
	var on []string
	if f.MACFilter {
		on = append(on, "mac")
	}
	if f.IPFilter {
		on = append(on, "ip")
	}
	return strings.Join(on, ", ")
}
