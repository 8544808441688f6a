package pvedir

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pvefw"
)

// ClusterFirewall is the file with what all firewalls share. Proxmox VE keeps it
// elsewhere, as /etc/pve/firewall/cluster.fw.
const ClusterFirewall = "cluster.fw"

// Firewalls is the folder with the files of VNets' firewalls, "<vnet>.fw".
const Firewalls = "firewall"

// vnetFirewall is the file of a VNet's firewall.
func vnetFirewall(vnet string) string { return Firewalls + "/" + vnet + ".fw" }

// firewalls reads the files of firewalls. What could not be declared is told and left
// out, each object by itself.
func (r *reader) firewalls(files map[string]string) {
	var found []model.Object
	if text, ok := files[ClusterFirewall]; ok {
		c, problems := pvefw.ReadCluster(text)
		r.lines(ClusterFirewall, problems, c.Kept)
		for _, a := range c.Aliases {
			found = append(found, a)
		}
		for _, s := range c.IPSets {
			found = append(found, s)
		}
		for _, g := range c.Groups {
			found = append(found, g)
		}
		if c.Options != nil {
			found = append(found, c.Options)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		vnet, ours := strings.CutPrefix(name, Firewalls+"/")
		if vnet, is := strings.CutSuffix(vnet, ".fw"); ours && is {
			v, problems := pvefw.ReadVNet(vnet, files[name])
			r.lines(name, problems, v.Kept)
			found = append(found, v.Firewall)
		}
	}
	cfg := r.dir.Config
	for _, o := range found {
		cfg.Set(o)
		problems := model.ValidateLive([]model.Edit{{Put: o}}, cfg, cfg, nil)
		bad := len(problems.Errors(true)) > 0
		for _, p := range problems {
			if bad {
				p.Message += "; it was left out"
			}
			r.problems = append(r.problems, p)
		}
		if bad {
			cfg.Delete(o.ObjectKind(), o.ObjectID())
		}
	}
}

// lines tells of lines that were not taken.
func (r *reader) lines(file string, problems model.Problems, kept map[string][]string) {
	for _, p := range problems {
		p.ID = file + " " + p.ID
		r.problems = append(r.problems, p)
	}
	for _, section := range slices.Sorted(maps.Keys(kept)) {
		r.problem(model.Warning, model.KindFirewall, file, "", "", fmt.Sprintf("section %s has %d lines that are not for networks: %s; they were left out",
			section, len(kept[section]), strings.Join(kept[section][:min(3, len(kept[section]))], "; ")))
	}
}

// firewallFiles are the files of firewalls.
func firewallFiles(cfg *model.Config) map[string]string {
	c := &pvefw.Cluster{Options: cfg.Firewalls[model.FirewallDatacenter]}
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
			out[vnetFirewall(id)] = (&pvefw.VNet{Firewall: f}).Write()
		}
	}
	return out
}
