package pveapi

import (
	"net/http"

	"github.com/pmezard/go-difflib/difflib"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
	pvefrr "github.com/viaduct-sdn/viaduct/internal/pve/render/frr"
	pveinterfaces "github.com/viaduct-sdn/viaduct/internal/pve/render/interfaces"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

// The files of a node that Proxmox would write.
const (
	interfacesFile = "/etc/network/interfaces.d/sdn"
	frrFile        = "/etc/frr/frr.conf"
)

func (s *sdn) dryRunOperation() Operation {
	return Operation{
		Method: http.MethodGet, Path: "/cluster/sdn/dry-run", Doc: "Return how an apply would change a node's files, as Proxmox would write them.",
		Params: []schema.Property{nodeParam()}, Allow: Need("/nodes/{node}", access.SysAudit), Handle: s.dryRun,
	}
}

// dryRun compares the files of the running and the pending configuration. They are the
// files that Proxmox VE would write: a node of Viaduct does not have them.
func (s *sdn) dryRun(c *Call) (any, error) {
	n, err := s.node(c)
	if err != nil {
		return nil, err
	}
	facts, ok := s.Fleet.Facts(n.name)
	if !ok {
		return nil, Failf("node %s has not told its interfaces yet: start its agent and try again", n.name)
	}
	own := *facts
	own.Node = n.name
	v, err := s.Config.View(c)
	if err != nil {
		return nil, err
	}
	interfaces, frr := rendered(running.Of(v.Running, v.Revision), &own)
	newInterfaces, newFRR := rendered(running.Of(v.Pending, v.Revision), &own)
	return schema.Object{
		"interfaces-diff": unified(interfacesFile, interfaces, newInterfaces),
		"frr-diff":        unified(frrFile, frr, newFRR),
	}, nil
}

// rendered returns the files of a node; they lack what cannot be rendered.
func rendered(run *running.Running, facts *model.Facts) (interfaces, frr string) {
	file, _ := pveinterfaces.Render(run, facts)
	conf, _ := pvefrr.Render(run, facts, "")
	return string(file), string(conf)
}

// unified returns the difference of two files as `diff -u` shows it; nil for none.
func unified(name, old, now string) any {
	if old == now {
		return nil
	}
	text, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
		A: difflib.SplitLines(old), B: difflib.SplitLines(now), FromFile: name, ToFile: name + ".new", Context: 3,
	})
	if err != nil { // it writes to memory: cannot fail
		return nil
	}
	return text
}
