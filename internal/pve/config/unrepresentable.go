package config

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

// Unrepresentable reports the parts of a configuration that a directory of Proxmox VE cannot
// represent, so that Write omits them: objects and properties specific to Viaduct.
func Unrepresentable(cfg *model.Config) []Finding {
	var out []Finding
	report := func(o model.Object, field, reason string) {
		out = append(out, place{}.finding(true, model.NewProblem("", o.ObjectKind(), o.ObjectID(), field, "", msgNotExported.Of(reason))))
	}
	for _, kind := range []model.Kind{model.KindNode, model.KindGuest} {
		for _, o := range cfg.List(kind) {
			report(o, "", fmt.Sprintf("has no place in a Proxmox VE SDN configuration, which knows no object %s", kind))
		}
	}
	for _, k := range []*schema.Kind{schema.Zones(), schema.VNets(), schema.Subnets(), schema.Controllers(), schema.Fabrics(), schema.FabricNodes(), schema.IPAMs(), schema.NameServers()} {
		for _, o := range cfg.List(k.Model) {
			object := reflect.ValueOf(o).Elem()
			for _, f := range unsupported(k) {
				if !object.Field(f.Index).IsZero() {
					report(o, f.Name, "is a property that Proxmox VE does not have")
				}
			}
		}
	}
	return out
}

// implied are the properties that follow from the names and types of sections.
var implied = []string{"id", "type", "protocol", "cidr", "fabric", "node"}

// unsupported returns the model's properties of a kind that Proxmox VE does not have.
func unsupported(k *schema.Kind) []model.FieldInfo {
	return slices.DeleteFunc(slices.Clone(model.Fields(k.Model)), func(f model.FieldInfo) bool {
		return slices.ContainsFunc(k.Properties, func(p schema.Property) bool { return p.Name == f.Name || p.Field == f.Name }) || slices.Contains(implied, f.Name)
	})
}
