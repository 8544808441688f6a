package config

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

// Unsaid tells what of a configuration a directory of Proxmox VE cannot say, so that Write
// leaves it out: objects and properties that are Viaduct's own.
func Unsaid(cfg *model.Config) []Finding {
	var out []Finding
	tell := func(o model.Object, field, message string) {
		out = append(out, place{}.finding(true, model.Problem{Kind: o.ObjectKind(), ID: o.ObjectID(), Field: field, Message: message + leftOut}))
	}
	for _, kind := range []model.Kind{model.KindNode, model.KindGuest} {
		for _, o := range cfg.List(kind) {
			tell(o, "", fmt.Sprintf("has no place in a Proxmox VE SDN configuration, which knows no object %s", kind))
		}
	}
	for _, k := range []*schema.Kind{schema.Zones(), schema.VNets(), schema.Subnets(), schema.Controllers(), schema.Fabrics(), schema.FabricNodes(), schema.IPAMs(), schema.NameServers()} {
		for _, o := range cfg.List(k.Model) {
			object := reflect.ValueOf(o).Elem()
			for _, f := range unsaid(k) {
				if !object.Field(f.Index).IsZero() {
					tell(o, f.Name, "is a property that Proxmox VE does not have")
				}
			}
		}
	}
	return out
}

// implied are the properties that the names and types of sections say.
var implied = []string{"id", "type", "protocol", "cidr", "fabric", "node"}

// unsaid are the model's properties of a kind that Proxmox VE has no word for.
func unsaid(k *schema.Kind) []model.FieldInfo {
	return slices.DeleteFunc(slices.Clone(model.Fields(k.Model)), func(f model.FieldInfo) bool {
		return slices.ContainsFunc(k.Properties, func(p schema.Property) bool { return p.Name == f.Name || p.Field == f.Name }) || slices.Contains(implied, f.Name)
	})
}
