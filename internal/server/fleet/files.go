package fleet

import (
	"maps"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/render/coredns"
	"github.com/viaduct-sdn/viaduct/internal/render/dnsmasq"
	"github.com/viaduct-sdn/viaduct/internal/render/frr"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// maxFile bounds each side of a file in a plan, in bytes.
const maxFile = 256 << 10

// Files are the files of daemons on a node that a plan changes, sorted by name: FRR's
// without what the operator adds on the node, dnsmasq's and the DNS server's. ok is false
// for a node that has not reported its facts.
func (f *Fleet) Files(p *revision.Plan, node string) (files []api.FileChange, ok bool) {
	facts, ok := f.facts.Get(node)
	if !ok {
		return nil, false
	}
	old, _ := compile.Node(compile.NewProjector(p.Old, p.OldLive, p.Base).Node(node), facts.Value)
	new, _ := compile.Node(compile.NewProjector(p.New, p.NewLive, p.Base).Node(node), facts.Value)
	return changedFiles(daemonFiles(old), daemonFiles(new)), true
}

// changedFiles are the files that differ, of which one side may be missing.
func changedFiles(old, new map[string]string) []api.FileChange {
	names := maps.Clone(old)
	maps.Copy(names, new)
	out := []api.FileChange{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		switch {
		case old[name] == new[name]:
		case len(old[name]) > maxFile || len(new[name]) > maxFile:
			out = append(out, api.FileChange{Name: name, TooLarge: true})
		default:
			out = append(out, api.FileChange{Name: name, Old: old[name], New: new[name]})
		}
	}
	return out
}

// daemonFiles are the files of a node's daemons as its drivers write them, by name.
func daemonFiles(n *desired.Node) map[string]string {
	out := make(map[string]string)
	if n.FRR != nil {
		out["frr.conf"] = frr.Format(n.FRR.Blocks)
	}
	for _, s := range n.DHCP {
		for i := range s.Networks {
			l := &s.Networks[i]
			folder := "dnsmasq/" + s.Zone
			out[folder+"/"+dnsmasq.NetworkFile(l.Link)] = dnsmasq.Network(l, dnsmasq.Paths{Folder: folder, Leases: folder + "/leases"})
			if hosts := dnsmasq.Hosts(l.Hosts); hosts != "" {
				out[folder+"/"+dnsmasq.HostsFile(l.Link)] = hosts
			}
		}
	}
	if n.NameServer != nil {
		files, err := coredns.Render(n.NameServer)
		if err != nil { // plain values only: cannot happen
			panic(err)
		}
		for name, data := range files {
			out["dns/"+name] = string(data)
		}
	}
	return out
}
