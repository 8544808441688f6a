package agent

import (
	"cmp"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/driver/link"
	"github.com/viaduct-sdn/viaduct/internal/driver/ovs"
	"github.com/viaduct-sdn/viaduct/internal/driver/route"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// guestLinks are the names a hypervisor gives to its guests' links. They come
// and go with the guests and are no facts about the node.
var guestLinks = regexp.MustCompile(`^(tap|veth)\d+i\d+$|^fw(br|ln|pr)\d+[iop]\d+$`)

// probeOVS reports whether Open vSwitch runs, and its bridges.
type probeOVS func(context.Context) (bridges []ovs.Bridge, running bool, err error)

// readFacts reads the node's facts, without what Viaduct and guests created.
// Links by the given names are Viaduct's too, even if they are not marked yet: after
// a boot ifupdown2 has made them before the agent runs.
func readFacts(ctx context.Context, conn *rtnl.Conn, version string, features map[model.Feature]bool, probe probeOVS, named map[string]bool) (*model.Facts, error) {
	links, err := conn.Links(ctx)
	if err != nil {
		return nil, err
	}
	addrs, err := conn.Addresses(ctx)
	if err != nil {
		return nil, err
	}
	routes, err := conn.Routes(ctx, rtnl.RouteFilter{Table: unix.RT_TABLE_MAIN})
	if err != nil {
		return nil, err
	}
	bridges, running, err := probe(ctx)
	if err != nil {
		return nil, err
	}
	f := &model.Facts{Version: version, Kernel: kernelRelease(), Features: features, OVS: running}
	switched := map[string]ovsPort{}
	for _, b := range bridges {
		if b.Ours {
			switched[b.Name] = ovsPort{bridge: b.Name, owned: true} // its own interface
		} else {
			f.OVSBridges = append(f.OVSBridges, b.Name)
		}
		for _, i := range b.Interfaces {
			switched[i.Name] = ovsPort{bridge: b.Name, owned: i.Ours}
		}
	}
	var names map[int]string
	for name := range named {
		switched[name] = ovsPort{owned: true}
	}
	f.Interfaces, names = interfaces(links, addrs, switched)
	if f.BridgeVLANs, err = bridgeVLANs(ctx, conn, links, bridges, switched); err != nil {
		return nil, err
	}
	f.Routes = factRoutes(routes, names)
	if len(f.Routes) > model.MaxFactRoutes {
		f.Routes, f.RoutesTruncated = f.Routes[:model.MaxFactRoutes], true
	}
	return f, nil
}

// ovsKind is the kernel's name for what Open vSwitch makes.
const ovsKind = "openvswitch"

// ovsPort is where an interface is in Open vSwitch.
type ovsPort struct {
	bridge string
	owned  bool
}

// interfaces describes the links that neither Viaduct nor a guest brought,
// sorted by name, and names them by index.
func interfaces(links []rtnl.Link, addrs []rtnl.Address, switched map[string]ovsPort) (out []model.Interface, names map[int]string) {
	masters := make(map[int]string, len(links)) // one may be Viaduct's, such as a VRF
	all := make(map[int]string, len(links))
	for _, l := range links {
		all[l.Index] = l.Name
		if l.Kind != ovsKind { // the datapath, of which every port is one
			masters[l.Index] = l.Name
		}
	}
	names = map[int]string{}
	claimed := claimedDevices(links, addrs)
	node4 := forwards4("all")
	for _, l := range links {
		if marked(l) && !claimed[l.Index] || switched[l.Name].owned || guestLinks.MatchString(l.Name) {
			continue
		}
		names[l.Index] = l.Name
		i := model.Interface{
			Name: l.Name, MTU: l.MTU, MAC: l.MAC.String(), Up: l.Up, Kind: l.Kind, Master: masters[l.Master], AltNames: l.AltNames,
			VLANFiltering: l.Bridge != nil && l.Bridge.VLANFiltering != nil && *l.Bridge.VLANFiltering,
			Addresses:     addressesOf(l.Index, addrs), AcceptRA: acceptRA(l.Name), NoForwarding: node4 && !forwards4(l.Name),
		}
		if parent := all[l.Parent]; l.VLAN != nil && parent != "" && !l.ParentElsewhere {
			i.VLAN = &model.VLANDevice{Parent: parent, ID: int(l.VLAN.ID)}
			if l.VLAN.Protocol == unix.ETH_P_8021AD {
				i.VLAN.Protocol = model.Protocol8021AD
			}
		}
		if i.VLANFiltering && l.Bridge.VLANProtocol == unix.ETH_P_8021AD {
			i.VLANProtocol = model.Protocol8021AD
		}
		if p, ok := switched[l.Name]; ok {
			i.Master = p.bridge
		}
		slices.Sort(i.AltNames)
		out = append(out, i)
	}
	slices.SortFunc(out, func(a, b model.Interface) int { return cmp.Compare(a.Name, b.Name) })
	return out, names
}

// claimedDevices are Viaduct's VLAN devices that the operator configured as the node's
// own, by index.
func claimedDevices(links []rtnl.Link, addrs []rtnl.Address) map[int]bool {
	byIndex := make(map[int]rtnl.Link, len(links))
	for _, l := range links {
		byIndex[l.Index] = l
	}
	out := map[int]bool{}
	for _, l := range links {
		if l.VLAN != nil && !l.ParentElsewhere && link.Claimed(l, byIndex[l.Parent], addrs) {
			out[l.Index] = true
		}
	}
	return out
}

func addressesOf(index int, addrs []rtnl.Address) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range addrs {
		if a.Index == index && a.Proto != link.AddressProtocol {
			out = append(out, a.Prefix)
		}
	}
	slices.SortFunc(out, comparePrefix)
	return out
}

// comparePrefix sorts IPv4 before IPv6, wider networks before narrower ones.
func comparePrefix(a, b netip.Prefix) int {
	return cmp.Or(cmp.Compare(a.Addr().BitLen(), b.Addr().BitLen()), cmp.Compare(a.Bits(), b.Bits()), a.Addr().Compare(b.Addr()))
}

// factRoutes keeps the unicast routes through interfaces that are not Viaduct's, the
// widest first. A route with several next hops becomes one for each.
func factRoutes(routes []rtnl.Route, names map[int]string) []model.FactRoute {
	var out []model.FactRoute
	for _, r := range routes {
		if r.Type != unix.RTN_UNICAST || r.Protocol == route.Protocol || r.Dst.Addr().IsLinkLocalUnicast() || r.Dst.Addr().IsMulticast() {
			continue
		}
		hops := r.Hops
		if len(hops) == 0 {
			hops = []rtnl.NextHop{{Index: r.Index}}
		}
		for _, h := range hops {
			if dev, ok := names[h.Index]; ok {
				out = append(out, model.FactRoute{Dst: r.Dst, Dev: dev, Src: r.Src, MTU: r.MTU, Metric: r.Metric})
			}
		}
	}
	slices.SortFunc(out, func(a, b model.FactRoute) int {
		return cmp.Or(comparePrefix(a.Dst, b.Dst), cmp.Compare(a.Metric, b.Metric), cmp.Compare(a.Dev, b.Dev))
	})
	return slices.Compact(out) // several next hops may use one interface
}

// acceptRA returns whether an interface accepts router advertisements now: the
// kernel's setting, but 0 where it is 1 and the interface forwards, because then
// they are ignored (ip-sysctl).
func acceptRA(ifname string) int {
	accept := confValue("ipv6", ifname, "accept_ra")
	if accept == 1 && confValue("ipv6", ifname, "forwarding") != 0 {
		return 0
	}
	return accept
}

// forwards4 reports whether an interface forwards IPv4; "all" means the node.
func forwards4(ifname string) bool { return confValue("ipv4", ifname, "forwarding") != 0 }

// confValue reads a setting of an interface; 0 without the family, ipv4 or ipv6.
func confValue(family, ifname, setting string) int {
	b, err := os.ReadFile(filepath.Join("/proc/sys/net", family, "conf", ifname, setting))
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n
}

func kernelRelease() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}

// bootID identifies the running boot (proc(5), random/boot_id).
func bootID() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b))
}

// resolvConf lists the node's DNS servers (resolv.conf(5)).
const resolvConf = "/etc/resolv.conf"

// maxResolvers is how many of them are used (MAXNS).
const maxResolvers = 3

// resolvers reads the DNS servers of a file in their order; none if it cannot be read.
func resolvers(path string) []netip.Addr {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		a, err := netip.ParseAddr(words[1])
		if err == nil && !slices.Contains(out, a) && len(out) < maxResolvers {
			out = append(out, a)
		}
	}
	return out
}
