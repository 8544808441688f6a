package config

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/pve/section"
)

// Write returns the files of a directory: those of the configured state and, unless
// running is nil, .running-config with the applied state. A kind without objects has
// no file.
func Write(d *Directory, running *model.Config) (map[string]string, error) {
	files := map[string]string{}
	add := func(name, text string) {
		if text != "" {
			files[name] = text
		}
	}
	cfg := lines(d.Config)
	add(fileZones, schema.Zones().Write(sections(cfg, schema.Zones(), "%s")))
	add(fileVNets, schema.VNets().Write(sections(cfg, schema.VNets(), "%s")))
	add(fileSubnets, schema.Subnets().Write(sections(cfg, schema.Subnets(), "%s")))
	add(fileControllers, schema.Controllers().Write(sections(cfg, schema.Controllers(), "%s")))
	add(fileFabrics, schema.Fabrics().Write(sections(cfg, schema.Fabrics(), "%s_fabric"))+
		schema.FabricNodes().Write(nodeSections(cfg)))
	add(filePrefixLists, prefixLists(cfg))
	add(fileRouteMaps, routeMaps(cfg))
	add(fileIPAMs, schema.IPAMs().Write(ipams(cfg)))
	add(fileDNS, schema.NameServers().Write(sections(cfg, schema.NameServers(), "%s")))
	for name, text := range firewallFiles(cfg) {
		add(name, text)
	}
	if running == nil {
		return files, nil
	}
	text, err := Running(running, d.Version)
	if err != nil {
		return nil, err
	}
	files[fileRunning] = string(text)
	return files, nil
}

// lines returns a configuration in which no text of an object contains a line break that
// would end its line in a file.
func lines(cfg *model.Config) *model.Config {
	out := *cfg
	for _, k := range model.Kinds() {
		out.CloneKind(k)
		for o := range cfg.Each(k) {
			out.Set(model.WithEscapes(o))
		}
	}
	return &out
}

// sections returns the objects of a kind; form formats the section's type.
func sections(cfg *model.Config, k *schema.Kind, form string) []section.Section {
	var out []section.Section
	for _, o := range cfg.List(k.Model) {
		v := k.Of(o)
		out = append(out, section.Section{Type: fmt.Sprintf(form, v.Get("type")), ID: sectionID(o), Values: without(v, "type")})
	}
	return out
}

// ipams returns the sections of IPAM systems: none if there is only the built-in
// one, which needs no file.
func ipams(cfg *model.Config) []section.Section {
	if len(cfg.IPAMs) == 1 && cfg.IPAMs[model.IPAMBuiltin] != nil {
		return nil
	}
	return sections(cfg, schema.IPAMs(), "%s")
}

// nodeSections returns the nodes of fabrics, with the type of their fabric.
func nodeSections(cfg *model.Config) []section.Section {
	var out []section.Section
	for _, o := range cfg.List(model.KindFabricNode) {
		protocol := ""
		if f := cfg.Fabrics[o.(*model.FabricNode).Fabric]; f != nil {
			protocol = string(f.Protocol)
		}
		out = append(out, section.Section{Type: protocol + "_node", ID: o.ObjectID(), Values: schema.FabricNodes().Of(o)})
	}
	return out
}

// sectionID returns the name of an object's section.
func sectionID(o model.Object) string {
	if s, ok := o.(*model.Subnet); ok {
		return schema.SubnetID(s)
	}
	return o.ObjectID()
}

func without(v schema.Values, name string) schema.Values {
	delete(v, name)
	return v
}

func prefixLists(cfg *model.Config) string {
	var b strings.Builder
	for _, o := range cfg.List(model.KindPrefixList) {
		var lines []section.Line
		for _, text := range entriesOf(o.(*model.PrefixList)) {
			lines = append(lines, section.Line{Name: "entries", Value: text})
		}
		section.Append(&b, "prefix-list", o.ObjectID(), lines)
	}
	return b.String()
}

// entriesOf returns the entries of a list.
func entriesOf(l *model.PrefixList) []string {
	out := make([]string, len(l.Entries))
	for i, e := range l.Entries {
		out[i] = schema.ListEntry(e)
	}
	return out
}

func routeMaps(cfg *model.Config) string {
	var b strings.Builder
	for _, o := range cfg.List(model.KindRouteMap) {
		m := o.(*model.RouteMap)
		for _, e := range m.Ordered() {
			lines := []section.Line{{Name: "action", Value: e.Action}}
			if e.Call != "" {
				lines = append(lines, section.Line{Name: "call", Value: e.Call})
			}
			if e.ExitAction != "" {
				lines = append(lines, section.Line{Name: "exit-action", Value: schema.Clause(e.ExitAction)})
			}
			for _, c := range e.Match {
				lines = append(lines, section.Line{Name: "match", Value: schema.Clause(c)})
			}
			for _, c := range e.Set {
				lines = append(lines, section.Line{Name: "set", Value: schema.Clause(c)})
			}
			section.Append(&b, "route-map-entry", schema.EntryName(m.ID, e.Order), lines)
		}
	}
	return b.String()
}

// Running returns a configuration in the form of .running-config.
func Running(cfg *model.Config, version int64) ([]byte, error) {
	out := map[string]any{"version": version}
	put := func(key string, ids map[string]any) { out[key] = map[string]any{"ids": ids} }
	for key, k := range map[string]*schema.Kind{"zones": schema.Zones(), "vnets": schema.VNets(), "subnets": schema.Subnets(), "controllers": schema.Controllers()} {
		ids := map[string]any{}
		for _, o := range cfg.List(k.Model) {
			ids[sectionID(o)] = options(k, k.Of(o))
		}
		put(key, ids)
	}
	fabrics := map[string]any{}
	for _, part := range []struct {
		k        *schema.Kind
		sections []section.Section
	}{{schema.Fabrics(), sections(cfg, schema.Fabrics(), "%s_fabric")}, {schema.FabricNodes(), nodeSections(cfg)}} {
		for _, s := range part.sections {
			o := options(part.k, s.Values)
			o["id"], o["type"] = s.ID, s.Type
			fabrics[s.ID] = o
		}
	}
	put("fabrics", fabrics)
	if len(cfg.PrefixLists) > 0 {
		put("prefix-lists", prefixListIDs(cfg))
	}
	if len(cfg.RouteMaps) > 0 {
		put("route-maps", routeMapIDs(cfg))
	}
	return json.Marshal(out)
}

// options returns an object's properties: lists of nodes are objects.
func options(k *schema.Kind, v schema.Values) map[string]any {
	out := map[string]any{}
	for name, values := range v {
		out[name] = k.JSON(name, values)
		if name == "nodes" || name == "exitnodes" {
			set := map[string]int{}
			for _, n := range schema.Items(values...) {
				set[n] = 1
			}
			out[name] = set
		}
	}
	return out
}

func prefixListIDs(cfg *model.Config) map[string]any {
	ids := map[string]any{}
	for id, l := range cfg.PrefixLists {
		ids[id] = map[string]any{"id": id, "type": "prefix-list", "entries": entriesOf(l)}
	}
	return ids
}

func routeMapIDs(cfg *model.Config) map[string]any {
	ids := map[string]any{}
	for id, m := range cfg.RouteMaps {
		for _, e := range m.Entries {
			name := schema.EntryName(id, e.Order)
			o := map[string]any{"id": name, "type": "route-map-entry", "action": e.Action}
			if e.Call != "" {
				o["call"] = e.Call
			}
			if e.ExitAction != "" {
				o["exit-action"] = schema.Clause(e.ExitAction)
			}
			for key, list := range map[string][]string{"match": e.Match, "set": e.Set} {
				var texts []string
				for _, c := range list {
					texts = append(texts, schema.Clause(c))
				}
				if texts != nil {
					o[key] = texts
				}
			}
			ids[name] = o
		}
	}
	return ids
}
