package model

import (
	"reflect"
	"slices"
	"strings"
)

// Privileges required by permissions on objects, with the names of Proxmox VE.
const (
	privSDNAudit    = "SDN.Audit"
	privSDNAllocate = "SDN.Allocate"
	privSDNUse      = "SDN.Use"
	privSysAudit    = "Sys.Audit"
	privSysModify   = "Sys.Modify"
	privVMAudit     = "VM.Audit"
	privVMNetwork   = "VM.Config.Network"
)

// Permission is a requirement to read or write objects of a kind: any of some privileges on a
// path.
type Permission struct {
	// Path has names of properties in braces, and {zone} for the zone of a VNet. It is cut
	// off where a value is empty or not a valid path element, which requires the privilege
	// on the parent path.
	Path        string
	Read, Write []string
	// Only, if not nil, restricts the permission to some objects, described by For.
	Only func(o Object) bool
	For  string
}

// ZoneOf returns the zone of a VNet; empty if there is no such VNet.
type ZoneOf func(vnet string) string

// Right requires any one of some privileges on a path.
type Right struct {
	Path  string
	AnyOf []string
}

// sdnPermission returns the permission for a kind of SDN object.
func sdnPermission(path string) Permission {
	return Permission{Path: path, Read: []string{privSDNAudit, privSDNAllocate}, Write: []string{privSDNAllocate}}
}

// clusterPermission returns the permission for cluster-wide objects.
func clusterPermission() Permission {
	return Permission{Path: "/", Read: []string{privSysAudit}, Write: []string{privSysModify}}
}

// Rights returns all rights required to read or write an object. The VNets of a guest's NICs
// are not among them.
func Rights(o Object, zoneOf ZoneOf, write bool) []Right {
	var out []Right
	if d := descriptorOf(o); d != nil {
		for _, p := range d.Permissions {
			if p.Only == nil || p.Only(o) {
				out = append(out, Right{d.path(p.Path, o, zoneOf), p.anyOf(write)})
			}
		}
	}
	if out == nil {
		return []Right{{Path: "/"}} // nobody has one of no privileges
	}
	return out
}

func (p *Permission) anyOf(write bool) []string {
	if write {
		return p.Write
	}
	return p.Read
}

// path fills a path template with the properties of an object.
func (d *Descriptor) path(template string, o Object, zoneOf ZoneOf) string {
	return fillPath(template, func(name string) string {
		if d.pathPart != nil {
			if part, ok := d.pathPart(o, name, zoneOf); ok {
				return part
			}
		}
		if i := indexOfField(d.fields, name); i >= 0 {
			return reflect.ValueOf(o).Elem().Field(d.fields[i].Index).String()
		}
		return ""
	})
}

func fillPath(template string, part func(name string) string) string {
	var out strings.Builder
	for segment := range strings.SplitSeq(strings.TrimPrefix(template, "/"), "/") {
		if name, is := strings.CutPrefix(segment, "{"); is {
			segment = part(strings.TrimSuffix(name, "}"))
			if segment == "" || strings.Contains(segment, "/") {
				break
			}
		}
		out.WriteString("/" + segment)
	}
	return out.String()
}

// zoneOfVNet returns the pathPart of kinds that belong to a VNet: the VNet's zone.
func zoneOfVNet[P Object](vnet func(o P) string) func(o Object, name string, zoneOf ZoneOf) (string, bool) {
	return func(o Object, name string, zoneOf ZoneOf) (string, bool) { return zoneOf(vnet(o.(P))), name == "zone" }
}

// RightsText describes, for the documentation, the Rights for objects of a kind.
func (d *Descriptor) RightsText(write bool) string {
	var all, some []string
	for _, p := range d.Permissions {
		text := strings.Join(p.anyOf(write), " or ") + " on " + p.Path
		if p.For == "" {
			all = append(all, text)
		} else {
			some = append(some, "; for "+p.For+" "+text)
		}
	}
	text := strings.Join(all, ", and ") + strings.Join(some, "")
	if write && d.WriteNote != "" {
		text += ", " + d.WriteNote
	}
	for i := range d.fields {
		if f := &d.fields[i]; f.Secret && !write {
			text += "; its " + f.Name + " is shown with " + strings.Join(d.Permissions[0].Write, " or ") + " only"
		}
	}
	return text
}

// UsePrivileges are the privileges of Proxmox VE any of which allows a user to refer to an
// object from one of their own: SDN.Use is required for guests to join a VNet. Proxmox VE
// itself requires no privilege on the objects that a zone refers to.
func UsePrivileges() []string { return []string{privSDNUse, privSDNAllocate} }

// Uses returns the paths of the objects that an object refers to, each of which requires one
// of UsePrivileges.
func Uses(o Object) []string {
	d := descriptorOf(o)
	if d == nil {
		return nil
	}
	var out []string
	usesOf(d.fields, reflect.ValueOf(o).Elem(), func(path string) { out = append(out, path) })
	return out
}

func usesOf(fields []FieldInfo, v reflect.Value, add func(path string)) {
	for i := range fields {
		f := &fields[i]
		value := v.Field(f.Index)
		switch {
		case value.IsZero():
		case f.UsePath != "":
			add(fillPath(f.UsePath+"/{id}", func(string) string { return value.String() }))
		case f.Use:
			for _, r := range f.references(value) {
				if r.ID != f.Unguarded {
					add(fillPath(byKind[r.Kind].Permissions[0].Path, func(string) string { return r.ID }))
				}
			}
		case f.Items != nil && len(refKindsOf(f.items)) > 0:
			for k := range value.Len() {
				usesOf(f.items, value.Index(k), add)
			}
		}
	}
}

// UsesText describes, for the documentation, the result of Uses; empty for none.
func (d *Descriptor) UsesText() string {
	paths := usePaths(d.fields)
	if len(paths) == 0 {
		return ""
	}
	return "for what it newly refers to " + strings.Join(UsePrivileges(), " or ") + " on " + enumerate(paths, "and")
}

func usePaths(fields []FieldInfo) []string {
	var out []string
	add := func(path string) {
		if !slices.Contains(out, path) {
			out = append(out, path)
		}
	}
	for i := range fields {
		f := &fields[i]
		name := "{" + f.Name + "}"
		switch {
		case f.UsePath != "":
			add(f.UsePath + "/" + name)
		case f.Use:
			for _, k := range refKindsOf(fields[i : i+1]) {
				path := strings.ReplaceAll(byKind[k].Permissions[0].Path, "{id}", name)
				if f.Unguarded != "" {
					path += " (not for " + f.Unguarded + ")"
				}
				add(path)
			}
		}
		for _, path := range usePaths(f.items) {
			add(path)
		}
	}
	return out
}

// Named returns an object of a kind with only its ID set; nil for an unknown kind.
func Named(k Kind, id string) Object {
	o := New(k)
	if o == nil {
		return nil
	}
	if i := indexOfField(byKind[k].fields, "id"); i >= 0 {
		reflect.ValueOf(o).Elem().Field(byKind[k].fields[i].Index).SetString(id)
	}
	return o
}

// Completed returns a copy of an object as it will be stored: its ID may be derived from other
// properties. An object that cannot be completed is refused later.
func Completed(o Object, zoneOf ZoneOf) Object {
	d := descriptorOf(o)
	if d == nil || d.Complete == nil {
		return o
	}
	copied := reflect.New(reflect.TypeOf(o).Elem())
	copied.Elem().Set(reflect.ValueOf(o).Elem())
	n := copied.Interface().(Object)
	cfg := &Config{VNets: map[string]*VNet{}}
	for _, r := range References(n) {
		if r.Kind != KindVNet {
			continue
		}
		if zone := zoneOf(r.ID); zone != "" {
			cfg.VNets[r.ID] = &VNet{ID: r.ID, Zone: zone}
		}
	}
	_ = cfg.Put(n)
	return n
}
