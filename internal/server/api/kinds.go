package api

import (
	"sync"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// kindInfos describes all kinds; they are fixed once the process has started.
var kindInfos = sync.OnceValue(func() []api.KindInfo { return convert(model.Kinds(), kindInfo) })

func (h *Handler) kinds(*request) (any, error) { return kindInfos(), nil }

func kindInfo(k model.Kind) api.KindInfo {
	d := k.Descriptor()
	return api.KindInfo{
		Kind: k, Plural: k.Plural(), Doc: d.Doc, Live: d.Live, TypeProperty: d.TypeProperty, Example: d.Example,
		Permissions: convert(d.Permissions, func(p model.Permission) api.KindPermission {
			return api.KindPermission{Path: p.Path, Read: p.Read, Write: p.Write, For: p.For}
		}),
		Properties: propertyInfos(model.Fields(k)),
	}
}

func propertyInfos(fields []model.FieldInfo) []api.PropertyInfo {
	return convert(fields, func(f model.FieldInfo) api.PropertyInfo {
		out := api.PropertyInfo{
			Name: f.Name, Type: string(f.Type), Doc: f.Doc, Required: f.Required, Types: f.Types, Min: f.Min, Max: f.Max, Unit: f.Unit, Values: f.Values,
			Pattern: f.Pattern, MaxLength: f.MaxLength, MaxItems: f.MaxItems, Ref: f.Ref, Secret: f.Secret, Key: f.ItemKey(),
		}
		if items, name := f.ItemFields(); items != nil {
			out.Items, out.Item = propertyInfos(items), name
		}
		return out
	})
}
