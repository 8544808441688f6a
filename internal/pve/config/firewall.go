package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/firewall"
)

// ClusterFirewall is the file with what all firewalls share. Proxmox VE stores it outside
// of the directory, as /etc/pve/firewall/cluster.fw.
const ClusterFirewall = "cluster.fw"

// Firewalls is the folder with the files of VNets' firewalls, "<vnet>.fw".
const Firewalls = "firewall"

// vnetFirewall returns the file of a VNet's firewall.
func vnetFirewall(vnet string) string { return Firewalls + "/" + vnet + ".fw" }

// firewalls reads the files of firewalls. Settle decides which parts of them are
// imported.
func (r *reader) firewalls(files map[string]string) {
	d := r.dir
	if text, ok := files[ClusterFirewall]; ok {
		var problems model.Problems
		d.cluster, problems = firewall.ReadCluster(text)
		r.lines(ClusterFirewall, model.FirewallDatacenter, problems, d.cluster.Kept)
		for ref, line := range d.cluster.Lines {
			d.places[ref] = place{file: ClusterFirewall, line: line}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		vnet, ours := strings.CutPrefix(name, Firewalls+"/")
		if vnet, is := strings.CutSuffix(vnet, ".fw"); ours && is {
			v, problems := firewall.ReadVNet(vnet, files[name])
			r.lines(name, vnet, problems, v.Kept)
			d.vnets[vnet] = v
			d.places[model.Ref(model.KindFirewall, vnet)] = place{file: name}
		}
	}
	d.places[model.Ref(model.KindFirewall, model.FirewallDatacenter)] = place{file: ClusterFirewall}
}

// lines reports lines that were not imported unchanged.
func (r *reader) lines(file, id string, problems model.Problems, kept map[string][]string) {
	for _, p := range problems {
		at := place{file: file}
		_, _ = fmt.Sscanf(p.ID, "line %d", &at.line)
		p.ID, p.Field = id, "text"
		r.dir.read = append(r.dir.read, at.finding(true, p))
	}
	for _, section := range slices.Sorted(maps.Keys(kept)) {
		r.report(place{file: file}, model.KindFirewall, id, section, strings.Join(kept[section][:min(3, len(kept[section]))], "; "),
			fmt.Sprintf("has %d lines that are not for networks%s", len(kept[section]), leftOut))
	}
}

// firewallFiles returns the files of firewalls.
func firewallFiles(cfg *model.Config) map[string]string {
	c := &firewall.Cluster{Options: cfg.Firewalls[model.FirewallDatacenter]}
	for _, o := range cfg.List(model.KindAlias) {
		c.Aliases = append(c.Aliases, o.(*model.Alias))
	}
	for _, o := range cfg.List(model.KindIPSet) {
		c.IPSets = append(c.IPSets, o.(*model.IPSet))
	}
	for _, o := range cfg.List(model.KindSecurityGroup) {
		c.Groups = append(c.Groups, o.(*model.SecurityGroup))
	}
	out := map[string]string{ClusterFirewall: c.Write()}
	for id, f := range cfg.Firewalls {
		if id != model.FirewallDatacenter {
			out[vnetFirewall(id)] = (&firewall.VNet{Firewall: f}).Write()
		}
	}
	return out
}
