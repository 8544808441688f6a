package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/firewall"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
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
	// Config is what of it is to be taken, with what takes effect at once: address
	// management, name servers and firewalls. See Settle.
	Config *model.Config
	// Version counts the applies, and Applied tells whether what is configured is
	// what was applied last; without a running configuration it is false.
	Version int64
	Applied bool

	// all are the objects that could be read, but firewalls.
	all *model.Config
	// cluster and vnets are what the files of firewalls say; nil without the file.
	cluster *firewall.Cluster
	vnets   map[string]*firewall.VNet
	// places are where objects stand, by reference; left are those that are left out, and
	// hanging those that are because of them.
	places        map[string]place
	left, hanging map[string]bool
	// ruleLines are the lines of the rules in Config, by reference of what they are of.
	ruleLines map[string][]int
	// rules are those that were refused, by reference and line; bare are the firewalls that
	// were refused with their rules, and why. round counts the calls of LeaveOut.
	rules map[string]map[int]*refusal
	bare  map[string]string
	round int
	// read, refused and settled are the findings by when they were made.
	read, refused, settled []Finding
}

// Read reads what it can of a directory: what cannot be taken is in the findings. It is
// settled with nothing else around.
func Read(files map[string]string) *Directory {
	d := &Directory{
		all: &model.Config{}, vnets: map[string]*firewall.VNet{}, places: map[string]place{}, left: map[string]bool{}, hanging: map[string]bool{},
		rules: map[string]map[int]*refusal{}, bare: map[string]string{},
	}
	r := &reader{d}
	for _, name := range Files() {
		if text, ok := files[name]; ok && name != fileRunning {
			r.file(name, text)
		}
	}
	r.firewalls(files)
	d.Settle(nil)
	if running, ok := files[fileRunning]; ok {
		r.compare(running)
	}
	return d
}

// reader is the work on a directory.
type reader struct{ dir *Directory }

func (r *reader) file(name, text string) {
	sections, faults := schema.ReadSections(text)
	for _, f := range faults {
		r.dir.read = append(r.dir.read, Finding{File: name, Line: f.Line, Left: true, Problem: model.Problem{
			Severity: model.Error, Kind: kindOf(name), ID: fmt.Sprintf("line %d", f.Line), Value: f.Text, Field: "text", Message: f.Message + leftOut,
		}})
	}
	if name == filePrefixLists || name == fileRouteMaps {
		r.policies(name, sections)
		return
	}
	for i := range sections {
		r.section(name, &sections[i])
	}
}

// kindOf is the kind of the objects of a file.
func kindOf(file string) model.Kind {
	return map[string]model.Kind{
		fileZones: model.KindZone, fileVNets: model.KindVNet, fileSubnets: model.KindSubnet, fileControllers: model.KindController, fileFabrics: model.KindFabric,
		filePrefixLists: model.KindPrefixList, fileRouteMaps: model.KindRouteMap, fileIPAMs: model.KindIPAM, fileDNS: model.KindDNS,
	}[file]
}

// tell notes what is left out of an object at a place, or with an empty field the object.
func (r *reader) tell(at place, k model.Kind, id, field, value, message string) {
	r.dir.read = append(r.dir.read, at.finding(true, model.Problem{Kind: k, ID: id, Field: field, Value: value, Message: message}))
}

// leave leaves an object out.
func (r *reader) leave(at place, k model.Kind, id, field, value, message string) {
	r.dir.left[model.Ref(k, id)] = true
	r.tell(at, k, id, field, value, message+leftOut)
}

// put adds an object to the configuration.
func (r *reader) put(o model.Object, at place) {
	k := o.ObjectKind()
	for _, ref := range references(o) {
		if r.dir.left[model.Ref(ref.Kind, ref.ID)] && k == model.KindSubnet { // which needs its VNet to be complete
			r.leave(at, k, nameOf(o), ref.Field, ref.ID, fmt.Sprintf("refers to %s %s, which was left out", ref.Kind, ref.ID))
			return
		}
	}
	var problems model.Problems
	switch err := r.dir.all.Put(o); {
	case errors.As(err, &problems) && len(problems) > 0:
		r.leave(at, k, nameOf(o), problems[0].Field, problems[0].Value, problems[0].Message)
	case err != nil:
		r.leave(at, k, nameOf(o), "", "", err.Error())
	default:
		r.dir.places[model.Ref(k, o.ObjectID())] = at
	}
}

// section reads an object.
func (r *reader) section(file string, s *schema.Section) {
	at := place{file, s.Line, s.Lines}
	k, typ, o := r.object(file, s, at)
	if o == nil {
		return
	}
	if s.Broken != "" {
		r.leave(at, k.Model, s.ID, "", "", fmt.Sprintf("has a line that cannot be read, %q, so it is not known what was meant", s.Broken))
		return
	}
	values, ok := r.values(k, typ, s, at)
	if !ok {
		return
	}
	var faults schema.Faults
	if !k.Model.Revisioned() { // whoever asks them needs all of their options
		if err := k.Options(typ, values); err != nil {
			r.leave(at, k.Model, s.ID, "", "", err.Error())
			return
		}
	}
	switch err := k.Put(o, values); {
	case errors.As(err, &faults):
		for _, name := range slices.Sorted(maps.Keys(faults)) {
			r.leave(at, k.Model, s.ID, name, strings.Join(values[name], ", "), faults[name])
		}
		return
	case err != nil:
		r.leave(at, k.Model, s.ID, "", "", err.Error())
		return
	}
	if subnet, ok := o.(*model.Subnet); ok {
		keepWords(subnet, s.ID)
		zone, _, _ := model.ParseSubnetID(s.ID)
		if v := r.dir.all.VNets[subnet.VNet]; v != nil && v.Zone != zone {
			r.leave(at, k.Model, s.ID, "id", s.ID, fmt.Sprintf("names zone %s, but vnet %s is in zone %s", zone, v.ID, v.Zone))
			return
		}
	}
	r.put(o, at)
}

// keepWords notes how the name of a subnet's section writes its network, if that is
// not how it is written here.
func keepWords(s *model.Subnet, section string) {
	_, words, _ := strings.Cut(section, "-")
	if i := strings.LastIndexByte(words, '-'); i > 0 {
		schema.SetNetwork(s, words[:i]+"/"+words[i+1:])
	}
}

// object makes the empty object of a section; nil if there is no such type.
func (r *reader) object(file string, s *schema.Section, at place) (k *schema.Kind, typ string, o model.Object) {
	typ = s.Type
	switch file {
	case fileZones:
		k, o = schema.Zones(), &model.Zone{ID: s.ID, Type: model.ZoneType(typ)}
	case fileVNets:
		k, o = schema.VNets(), &model.VNet{ID: s.ID}
	case fileSubnets:
		k = schema.Subnets()
		_, prefix, ok := model.ParseSubnetID(s.ID)
		if !ok {
			r.leave(at, k.Model, s.ID, "id", s.ID, "is not written like zone-10.0.1.0-24")
			return k, typ, nil
		}
		o = &model.Subnet{CIDR: prefix}
	case fileControllers:
		k, o = schema.Controllers(), &model.Controller{ID: s.ID, Type: model.ControllerType(typ)}
	case fileIPAMs:
		k, o = schema.IPAMs(), &model.IPAM{ID: s.ID, Type: model.IPAMType(typ)}
	case fileDNS:
		k, o = schema.NameServers(), &model.NameServer{ID: s.ID, Type: typ}
	case fileFabrics:
		protocol, what, _ := strings.Cut(typ, "_")
		if typ = protocol; what != "node" && what != "fabric" {
			typ = "" // of neither
		}
		if what == "node" {
			k, o = schema.FabricNodes(), &model.FabricNode{ID: s.ID}
		} else {
			k, o = schema.Fabrics(), &model.Fabric{ID: s.ID, Protocol: model.FabricProtocol(protocol)}
		}
	}
	if !slices.Contains(k.Types, typ) {
		r.leave(at, k.Model, s.ID, "type", s.Type, "is not a type that this release knows, which are "+strings.Join(k.Types, ", "))
		return k, typ, nil
	}
	return k, typ, o
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
	text = strings.TrimPrefix(text, "\ufeff") // some editors write it
	run, _, err := running.Parse([]byte(text))
	if err != nil {
		r.dir.read = append(r.dir.read, place{file: fileRunning}.finding(false, model.Problem{Kind: model.KindZone, ID: "all",
			Message: "the file cannot be read, so it is not known whether everything was applied: " + err.Error()}))
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
// and numbers and truth values may be texts.
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
	case bool:
		if v {
			return `"1"`
		}
		return `"0"`
	}
	return fmt.Sprintf("%q", fmt.Sprint(v))
}
