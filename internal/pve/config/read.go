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
	"github.com/viaduct-sdn/viaduct/internal/pve/section"
)

// The files of a directory.
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

// Files returns the names of the files, in the order in which they are read. The files of
// firewalls are additional: ClusterFirewall, and those in Firewalls.
func Files() []string {
	return []string{filePrefixLists, fileRouteMaps, fileFabrics, fileControllers, fileZones, fileVNets, fileSubnets, fileIPAMs, fileDNS, fileRunning}
}

// Directory is the content of a directory.
type Directory struct {
	// Config has the imported objects, including those that take effect at once: IPAM,
	// DNS servers and firewalls. See Settle.
	Config *model.Config
	// Version counts the applies, and Applied is true if the configured state is the
	// last applied one; without a running configuration it is false.
	Version int64
	Applied bool

	// all are the readable objects except firewalls.
	all *model.Config
	// cluster and vnets are the content of firewall files; nil without the file.
	cluster *firewall.Cluster
	vnets   map[string]*firewall.VNet
	// places are the locations of objects, by reference; left are those that are left
	// out, and hanging those that are left out because of them.
	places        map[string]place
	left, hanging map[string]bool
	// ruleLines are the lines of the rules in Config, by reference of the rules' object.
	ruleLines map[string][]int
	// rules are the refused ones, by reference and line; bare has the reasons for
	// firewalls that were refused with their rules. round counts the calls of LeaveOut.
	rules map[string]map[int]*refusal
	bare  map[string]string
	round int
	// read, refused and settled are the findings by their time of origin.
	read, refused, settled []Finding
}

// Read reads the readable parts of a directory; the findings have the rest. It is settled
// without existing objects.
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

// reader is the state while a directory is read.
type reader struct{ dir *Directory }

func (r *reader) file(name, text string) {
	sections, faults := section.Read(text)
	for _, f := range faults {
		r.dir.read = append(r.dir.read, Finding{File: name, Line: f.Line, Left: true, Problem: model.NewProblem(
			model.Error, kindOf(name), fmt.Sprintf("line %d", f.Line), "text", f.Text, msgLineUnreadable.Of(f.Message))})
	}
	if name == filePrefixLists || name == fileRouteMaps {
		r.policies(name, sections)
		return
	}
	for i := range sections {
		r.section(name, &sections[i])
	}
}

// kindOf returns the kind of the objects of a file.
func kindOf(file string) model.Kind {
	return map[string]model.Kind{
		fileZones: model.KindZone, fileVNets: model.KindVNet, fileSubnets: model.KindSubnet, fileControllers: model.KindController, fileFabrics: model.KindFabric,
		filePrefixLists: model.KindPrefixList, fileRouteMaps: model.KindRouteMap, fileIPAMs: model.KindIPAM, fileDNS: model.KindDNS,
	}[file]
}

// report adds a finding about a field of an object at a place, or about the object.
func (r *reader) report(at place, k model.Kind, id, field, value, reason string) {
	r.dir.read = append(r.dir.read, at.finding(true, model.NewProblem("", k, id, field, value, msgNotImported.Of(reason))))
}

// leaveOutFor leaves an object out because of a problem, which keeps its code.
func (r *reader) leaveOutFor(at place, k model.Kind, id string, p model.Problem) {
	r.dir.left[model.Ref(k, id)] = true
	r.dir.read = append(r.dir.read, at.finding(true, leftOutFor(k, id, p)))
}

// leftOutFor returns the problem of an object that is left out for another one.
func leftOutFor(k model.Kind, id string, p model.Problem) model.Problem {
	p.Kind, p.ID, p.Message = k, id, p.Message+leftOut
	return p
}

// leaveOut leaves an object out.
func (r *reader) leaveOut(at place, k model.Kind, id, field, value, message string) {
	r.dir.left[model.Ref(k, id)] = true
	r.report(at, k, id, field, value, message+leftOut)
}

// put adds an object to the configuration.
func (r *reader) put(o model.Object, at place) {
	k := o.ObjectKind()
	for _, ref := range references(o) {
		if r.dir.left[model.Ref(ref.Kind, ref.ID)] && k == model.KindSubnet { // a subnet needs its VNet to be complete
			r.leaveOut(at, k, nameOf(o), ref.Field, ref.ID, fmt.Sprintf("refers to %s %s, which was left out", ref.Kind, ref.ID))
			return
		}
	}
	var problems model.Problems
	switch err := r.dir.all.Put(o); {
	case errors.As(err, &problems) && len(problems) > 0:
		r.leaveOutFor(at, k, nameOf(o), problems[0])
	case err != nil:
		r.leaveOut(at, k, nameOf(o), "", "", err.Error())
	default:
		r.dir.places[model.Ref(k, o.ObjectID())] = at
	}
}

// section reads an object.
func (r *reader) section(file string, s *section.Section) {
	at := place{file, s.Line, s.Lines}
	k, typ, o := r.object(file, s, at)
	if o == nil {
		return
	}
	if s.Broken != "" {
		r.leaveOut(at, k.Model, s.ID, "", "", fmt.Sprintf("has a line that cannot be read, %q, so it is not known what was meant", s.Broken))
		return
	}
	values, ok := r.values(k, typ, s, at)
	if !ok {
		return
	}
	var faults schema.Faults
	if !k.Model.Revisioned() { // their users need all of their options
		if err := k.Options(typ, values); err != nil {
			r.leaveOut(at, k.Model, s.ID, "", "", err.Error())
			return
		}
	}
	switch err := k.Put(o, values); {
	case errors.As(err, &faults):
		for _, name := range slices.Sorted(maps.Keys(faults)) {
			r.leaveOut(at, k.Model, s.ID, name, strings.Join(values[name], ", "), faults[name])
		}
		return
	case err != nil:
		r.leaveOut(at, k.Model, s.ID, "", "", err.Error())
		return
	}
	if subnet, ok := o.(*model.Subnet); ok {
		keepSpelling(subnet, s.ID)
		zone, _, _ := model.ParseSubnetID(s.ID)
		if v := r.dir.all.VNets[subnet.VNet]; v != nil && v.Zone != zone {
			r.leaveOut(at, k.Model, s.ID, "id", s.ID, fmt.Sprintf("names zone %s, but vnet %s is in zone %s", zone, v.ID, v.Zone))
			return
		}
	}
	r.put(o, at)
}

// keepSpelling stores how the name of a subnet's section spells its network, if that
// differs from the standard form.
func keepSpelling(s *model.Subnet, section string) {
	_, words, _ := strings.Cut(section, "-")
	if i := strings.LastIndexByte(words, '-'); i > 0 {
		schema.SetNetwork(s, words[:i]+"/"+words[i+1:])
	}
}

// object creates the empty object of a section; nil if there is no such type.
func (r *reader) object(file string, s *section.Section, at place) (k *schema.Kind, typ string, o model.Object) {
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
			r.leaveOut(at, k.Model, s.ID, "id", s.ID, "is not written like zone-10.0.1.0-24")
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
			typ = "" // the name of neither
		}
		if what == "node" {
			k, o = schema.FabricNodes(), &model.FabricNode{ID: s.ID}
		} else {
			k, o = schema.Fabrics(), &model.Fabric{ID: s.ID, Protocol: model.FabricProtocol(protocol)}
		}
	}
	if !slices.Contains(k.Types, typ) {
		r.leaveOut(at, k.Model, s.ID, "type", s.Type, "is not a type that this release knows, which are "+strings.Join(k.Types, ", "))
		return k, typ, nil
	}
	return k, typ, o
}

// nameOf names an object in problems; a subnet gets its name only in put.
func nameOf(o model.Object) string {
	if s, ok := o.(*model.Subnet); ok && s.ID == "" {
		return s.CIDR.String()
	}
	return o.ObjectID()
}

// compare reads the version of the running configuration, and whether it equals the
// configured one.
func (r *reader) compare(text string) {
	text = strings.TrimPrefix(text, "\ufeff") // some editors write it
	run, _, err := running.Parse([]byte(text))
	if err != nil {
		r.dir.read = append(r.dir.read, place{file: fileRunning}.finding(false, model.NewProblem("", model.KindZone, "all", "", "", msgRunningUnreadable.Of(err))))
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

// same compares two running configurations; a kind without objects may be absent, and
// numbers and booleans may be texts.
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

// canonical returns a value as text, with numbers as texts.
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
