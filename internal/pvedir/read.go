package pvedir

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve"
	"github.com/viaduct-sdn/viaduct/internal/pvesdn"
)

// The files that are read and written.
const (
	fileZones       = "zones.cfg"
	fileVNets       = "vnets.cfg"
	fileSubnets     = "subnets.cfg"
	fileControllers = "controllers.cfg"
	fileFabrics     = "fabrics.cfg"
	filePrefixLists = "prefix-lists.cfg"
	fileRouteMaps   = "route-maps.cfg"
	fileIPAMs       = "ipams.cfg"
	fileDNS         = "dns.cfg"
	fileRunning     = ".running-config"
)

// Files lists the names of the files, in the order in which they are read. Those of
// firewalls come beside them: ClusterFirewall, and what is in Firewalls.
func Files() []string {
	return []string{filePrefixLists, fileRouteMaps, fileFabrics, fileControllers, fileZones, fileVNets, fileSubnets, fileIPAMs, fileDNS, fileRunning}
}

// Directory is what a directory holds.
type Directory struct {
	// Config is what is configured, with what takes effect at once: address
	// management, name servers and firewalls.
	Config *model.Config
	// Version counts the applies, and Applied tells whether what is configured is
	// what was applied last; without a running configuration it is false.
	Version int64
	Applied bool
}

// Read reads a directory. What it cannot take is told in the problems, of which
// errors mean that an object was left out and warnings that a property was. An error
// names the file that as a whole is none of these.
func Read(files map[string]string) (*Directory, model.Problems, error) {
	r := &reader{dir: &Directory{Config: &model.Config{}}}
	for _, name := range Files() {
		text, ok := files[name]
		if !ok {
			continue
		}
		if err := r.file(name, text); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	r.firewalls(files)
	if running, ok := files[fileRunning]; ok {
		r.compare(running)
	}
	return r.dir, r.problems, nil
}

type reader struct {
	dir      *Directory
	problems model.Problems
}

func (r *reader) file(name, text string) error {
	if name == fileRunning {
		return nil // see compare
	}
	sections, err := pve.ParseSections(text)
	if err != nil {
		return err
	}
	switch name {
	case filePrefixLists:
		return r.policies("prefix-lists", sections)
	case fileRouteMaps:
		return r.policies("route-maps", sections)
	}
	for i := range sections {
		r.section(name, &sections[i])
	}
	return nil
}

func (r *reader) problem(severity model.Severity, k model.Kind, id, field, value, message string) {
	r.problems = append(r.problems, model.Problem{Severity: severity, Kind: k, ID: id, Field: field, Value: value, Message: message})
}

// policies reads prefix lists and route maps, for which the running configuration's
// reader is there.
func (r *reader) policies(key string, sections []pve.Section) error {
	ids := map[string]map[string]any{}
	for _, s := range sections {
		o := map[string]any{"id": s.ID, "type": s.Type}
		for name, values := range s.Values {
			switch name {
			case "entries", "match", "set":
				o[name] = values
			default:
				o[name] = values[0]
			}
		}
		ids[s.ID] = o
	}
	b, err := json.Marshal(map[string]any{key: map[string]any{"ids": ids}})
	if err != nil {
		return err
	}
	run, problems, err := pvesdn.Parse(b)
	if err != nil {
		return err
	}
	r.problems = append(r.problems, problems...)
	for _, id := range slices.Sorted(maps.Keys(run.PrefixLists)) {
		r.put(run.PrefixLists[id])
	}
	for _, id := range slices.Sorted(maps.Keys(run.RouteMaps)) {
		r.put(run.RouteMaps[id])
	}
	return nil
}

// put adds an object to the configuration.
func (r *reader) put(o model.Object) {
	if err := r.dir.Config.Put(o); err != nil {
		r.problem(model.Error, o.ObjectKind(), nameOf(o), "", "", "was left out: "+err.Error())
	}
}

// section reads an object.
func (r *reader) section(file string, s *pve.Section) {
	k, typ, o := r.object(file, s)
	if o == nil {
		return
	}
	var faults pve.Faults
	if !k.Model.Revisioned() { // whoever asks them needs all of their options
		if err := k.Options(typ, s.Values); err != nil {
			r.problem(model.Error, k.Model, s.ID, "", "", "was left out: "+err.Error())
			return
		}
	}
	switch err := k.Put(o, r.values(k, typ, o, s.Values)); {
	case errors.As(err, &faults):
		for _, name := range slices.Sorted(maps.Keys(faults)) {
			r.problem(model.Error, k.Model, s.ID, name, strings.Join(s.Values[name], ", "), "was left out: "+faults[name])
		}
		return
	case err != nil:
		r.problem(model.Error, k.Model, s.ID, "", "", "was left out: "+err.Error())
		return
	}
	if subnet, ok := o.(*model.Subnet); ok {
		keepWords(subnet, s.ID)
	}
	r.put(o)
}

// keepWords notes how the name of a subnet's section writes its network, if that is
// not how it is written here.
func keepWords(s *model.Subnet, section string) {
	_, words, _ := strings.Cut(section, "-")
	if i := strings.LastIndexByte(words, '-'); i > 0 {
		pve.SetNetwork(s, words[:i]+"/"+words[i+1:])
	}
}

// object makes the empty object of a section; nil if there is no such type.
func (r *reader) object(file string, s *pve.Section) (k *pve.Kind, typ string, o model.Object) {
	typ = s.Type
	switch file {
	case fileZones:
		k, o = pve.Zones(), &model.Zone{ID: s.ID, Type: model.ZoneType(typ)}
	case fileVNets:
		k, o = pve.VNets(), &model.VNet{ID: s.ID}
	case fileSubnets:
		k = pve.Subnets()
		_, prefix, ok := model.ParseSubnetID(s.ID)
		if !ok {
			r.problem(model.Error, k.Model, s.ID, "id", s.ID, "was left out: is not written like zone-10.0.1.0-24")
			return k, typ, nil
		}
		o = &model.Subnet{CIDR: prefix}
	case fileControllers:
		k, o = pve.Controllers(), &model.Controller{ID: s.ID, Type: model.ControllerType(typ)}
	case fileIPAMs:
		k, o = pve.IPAMs(), &model.IPAM{ID: s.ID, Type: model.IPAMType(typ)}
	case fileDNS:
		k, o = pve.NameServers(), &model.NameServer{ID: s.ID, Type: typ}
	case fileFabrics:
		protocol, what, _ := strings.Cut(typ, "_")
		typ = protocol
		if what == "node" {
			k, o = pve.FabricNodes(), &model.FabricNode{ID: s.ID}
		} else {
			k, o = pve.Fabrics(), &model.Fabric{ID: s.ID, Protocol: model.FabricProtocol(protocol)}
		}
	}
	if !slices.Contains(k.Types, typ) {
		r.problem(model.Error, k.Model, s.ID, "type", s.Type, "was left out: this release knows "+strings.Join(k.Types, ", "))
		return k, typ, nil
	}
	return k, typ, o
}

// values are a section's without those that the type does not have or that have a
// wrong form.
func (r *reader) values(k *pve.Kind, typ string, o model.Object, in pve.Values) pve.Values {
	out := pve.Values{}
	for _, name := range in.Names() {
		p := k.Property(name)
		switch {
		case p == nil || p.Takes(typ) == 0:
			r.problem(model.Warning, k.Model, nameOf(o), name, strings.Join(in[name], ", "), "was passed over: it is no option of type "+typ+" that this release knows")
		case p.Fault(in[name]) != "":
			r.problem(model.Warning, k.Model, nameOf(o), name, strings.Join(in[name], ", "), "was passed over: "+p.Fault(in[name]))
		default:
			out[name] = in[name]
		}
	}
	return out
}

// nameOf names an object in problems; a subnet has its name only when it is put.
func nameOf(o model.Object) string {
	if s, ok := o.(*model.Subnet); ok && s.ID == "" {
		return s.CIDR.String()
	}
	return o.ObjectID()
}

// compare reads the version of the running configuration, and whether it is what is
// configured.
func (r *reader) compare(text string) {
	run, _, err := pvesdn.Parse([]byte(text))
	if err != nil {
		r.problem(model.Warning, model.KindZone, fileRunning, "", "", "cannot be read, so it is not known whether everything was applied: "+err.Error())
		return
	}
	r.dir.Version = run.Version
	var was, is map[string]any
	now, err := Running(r.dir.Config, run.Version)
	if err == nil {
		err = json.Unmarshal(now, &is)
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &was)
	}
	r.dir.Applied = err == nil && same(was, is)
}

// same compares two running configurations; a kind without objects may be left out,
// and numbers may be texts.
func same(a, b map[string]any) bool {
	keys := map[string]bool{}
	for _, m := range []map[string]any{a, b} {
		for key := range m {
			keys[key] = true
		}
	}
	for key := range keys {
		if key != "version" && canonical(ids(a[key])) != canonical(ids(b[key])) {
			return false
		}
	}
	return true
}

func ids(v any) any {
	m, _ := v.(map[string]any)
	if m == nil || m["ids"] == nil {
		return map[string]any{}
	}
	return m["ids"]
}

// canonical is a value as text, numbers as texts.
func canonical(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var b strings.Builder
		for _, key := range slices.Sorted(maps.Keys(v)) {
			fmt.Fprintf(&b, "%q:%s,", key, canonical(v[key]))
		}
		return "{" + b.String() + "}"
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = canonical(x)
		}
		slices.Sort(parts)
		return strings.Join(parts, ",")
	case float64:
		return fmt.Sprintf("%q", fmt.Sprint(int64(v)))
	}
	return fmt.Sprintf("%q", fmt.Sprint(v))
}
