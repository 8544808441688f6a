package api

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/health"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// jsonObject is an object of the OpenAPI document; encoding/json sorts its names.
type jsonObject = map[string]any

// schemas makes JSON schemas (the dialect of OpenAPI 3.1) of Go types as
// encoding/json writes them.
type schemas struct {
	// defs are those of structs, by name; types tells which type has a name.
	defs  jsonObject
	types map[string]reflect.Type
	docs  map[reflect.Type]map[string]string // of the model's properties
	owner map[reflect.Type]string            // as bounds names them
}

func newSchemas() *schemas {
	s := &schemas{
		defs: jsonObject{}, types: make(map[string]reflect.Type),
		docs: make(map[reflect.Type]map[string]string), owner: make(map[reflect.Type]string),
	}
	for _, k := range model.Kinds() {
		s.describe(objectType(k), string(k), model.Fields(k))
	}
	return s
}

// describe notes what the model says of the properties of a type.
func (s *schemas) describe(t reflect.Type, owner string, fields []model.FieldInfo) {
	docs := make(map[string]string)
	for _, f := range fields {
		docs[f.Name] = f.Doc
		if items, name := f.ItemFields(); items != nil {
			s.describe(f.Go.Elem(), name, items)
		}
	}
	s.docs[t], s.owner[t] = docs, owner
}

// renamed are types whose own name is that of another one.
var renamed = map[reflect.Type]string{
	of[protocol.Status](): "NodeReport",
	of[diff.Field]():      "ChangedField",
}

// scalars are types that are written in a way of their own.
var scalars = map[reflect.Type]jsonObject{
	of[netip.Addr]():      {"type": "string", "description": "an IP address"},
	of[netip.Prefix]():    {"type": "string", "description": "a network, like 10.0.0.0/8"},
	of[time.Time]():       {"type": "string", "format": "date-time"},
	of[time.Duration]():   {"type": "integer", "description": "nanoseconds"},
	of[json.RawMessage](): {},
}

// words are types of few values.
var words = map[reflect.Type][]string{
	of[model.Kind]():           texts(model.Kinds()),
	of[model.ZoneType]():       texts(model.ZoneTypes()),
	of[model.ControllerType](): texts(model.ControllerTypes()),
	of[model.BGPMode]():        texts(model.BGPModes()),
	of[model.FabricProtocol](): texts(model.FabricProtocols()),
	of[model.Severity]():       {string(model.Error), string(model.Warning)},
	of[diff.Action]():          {string(diff.Create), string(diff.Update), string(diff.Replace), string(diff.Delete)},
	of[protocol.State]():       texts(health.States),
	of[fault.Class]():          texts(fault.Classes),
	of[api.EventType]():        texts(api.EventTypes()),
}

func texts[T ~string](list []T) []string {
	return convert(list, func(t T) string { return string(t) })
}

func between(least, most int) jsonObject { return jsonObject{"minimum": least, "maximum": most} }

func oneOf(list ...string) jsonObject { return jsonObject{"enum": list} }

// bounds are what else is known of properties, by kind and name.
var bounds = map[string]jsonObject{
	"zone.mtu":                   between(model.MinMTU, model.MaxMTU),
	"zone.tag":                   between(1, 4094),
	"zone.vxlan-port":            between(1, 65535),
	"zone.vrf-vxlan":             between(1, model.MaxTag),
	"zone.vlan-protocol":         oneOf(model.Protocol8021Q, model.Protocol8021AD),
	"vnet.tag":                   between(1, model.MaxTag),
	"vnet.alias":                 {"maxLength": model.MaxAlias},
	"node.backend":               oneOf(model.BackendNetlink, model.BackendIfupdown2),
	"controller.asn":             between(1, model.MaxASN),
	"fabric-node.asn":            between(1, model.MaxASN),
	"fabric.hello-interval":      between(1, 600),
	"fabric.csnp-interval":       between(1, 600),
	"interface.hello-multiplier": between(2, 100),
	"interface.network-type":     oneOf("broadcast", "non-broadcast", "point-to-point", "point-to-multipoint"),
	"prefix-list entry.action":   oneOf(model.ActionPermit, model.ActionDeny),
	"prefix-list entry.ge":       between(1, 128),
	"prefix-list entry.le":       between(1, 128),
	"route-map entry.action":     oneOf(model.ActionPermit, model.ActionDeny),
	"route-map entry.order":      between(1, 65535),
	"guest.id":                   {"pattern": "^[1-9][0-9]{2,8}$"},
	"guest.nics":                 {"maxItems": model.MaxNICs},
	"ACLEntry.type":              oneOf(string(access.SubjectUser), string(access.SubjectGroup), string(access.SubjectToken)),
	"Password.password":          {"minLength": 8, "maxLength": access.MaxPassword},
	"Note.level":                 oneOf("info", "warning", "error"),
	"Role.privileges":            {"items": jsonObject{"type": "string", "enum": texts(access.Privileges())}},
	"Error.type":                 oneOf(api.ErrorTypes()...),
	"User.expire":                {"minimum": 0},
	"UserToken.expire":           {"minimum": 0},
	"zone.written":               writtenDoc,
	"vnet.written":               writtenDoc,
	"subnet.written":             writtenDoc,
	"controller.written":         writtenDoc,
	"fabric.written":             writtenDoc,
	"fabric-node.written":        writtenDoc,
	"ipam.written":               writtenDoc,
	"dns.written":                writtenDoc,
	"RollbackRequest.revision":   {"minimum": 1},
	"Session.csrf":               {"description": "to be sent as X-CSRF-Token with every write under the cookie"},
	"Plan.token":                 {"description": "identifies exactly this change, for apply and rollback"},
	"Plan.pending":               {"description": "identifies the pending configuration, for edits and discard"},
	"ApplyRequest.plan":          {"description": "the token of the plan that was looked at; refused if it is no longer that one"},
	"RollbackRequest.plan":       {"description": "the token of the plan to the revision; refused if it is no longer that one"},
	"DiscardRequest.plan":        {"description": "the pending of the plan that was looked at; refused if it is no longer that one"},
	"NodePlan.unknown":           {"description": "the node has not reported its facts yet, so its changes cannot be told"},
	"Status.version":             {"description": "another one whenever anything here changes but what every heartbeat brings"},
	"UserToken.secret":           {"description": "in the answer that made the token, and never again"},
	"UserToken.all-privileges":   {"description": "the token has whatever its user has, instead of what is permitted to itself"},
	"Password.current":           {"description": "the password so far, from users who change their own"},
	"User.password":              {"description": "whether one was set; counts for nothing in a request"},
}

var writtenDoc = jsonObject{"description": "how a client of the Proxmox API wrote the properties; leave it out, or as it is", "readOnly": true}

// of returns the schema of a type; that of a struct is a reference.
func (s *schemas) of(t reflect.Type) jsonObject {
	if o, ok := scalars[t]; ok {
		return o
	}
	if t == of[model.Edit]() {
		return s.edit()
	}
	if list, ok := words[t]; ok {
		return jsonObject{"type": "string", "enum": list}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.String:
		return jsonObject{"type": "string"}
	case reflect.Bool:
		return jsonObject{"type": "boolean"}
	case reflect.Float64:
		return jsonObject{"type": "number"}
	case reflect.Int, reflect.Int64:
		return jsonObject{"type": "integer"}
	case reflect.Slice:
		return jsonObject{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return jsonObject{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Interface:
		return jsonObject{}
	case reflect.Struct:
		return s.ref(t)
	default:
		panic(fmt.Sprintf("no schema for %s", t)) // a test walks all types
	}
}

// ref makes the schema of a struct and refers to it.
func (s *schemas) ref(t reflect.Type) jsonObject {
	name := t.Name()
	if other, ok := renamed[t]; ok {
		name = other
	}
	if known, ok := s.types[name]; ok && known != t {
		panic(fmt.Sprintf("%s and %s have one name", known, t)) // a test walks all types
	} else if !ok {
		s.types[name] = t
		def := jsonObject{"type": "object"}
		s.defs[name] = def // before its fields, which may lead back
		properties, required := jsonObject{}, []string{}
		s.fields(t, properties, &required)
		def["properties"] = properties
		if len(required) > 0 {
			slices.Sort(required)
			def["required"] = required
		}
	}
	return jsonObject{"$ref": "#/components/schemas/" + name}
}

// fields adds the properties of a struct, those of embedded ones among them.
func (s *schemas) fields(t reflect.Type, properties jsonObject, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
			continue
		case f.Anonymous && name == "":
			s.fields(f.Type, properties, required)
			continue
		}
		if !strings.Contains(options, "omit") {
			*required = append(*required, name)
		}
		properties[name] = s.property(t, name, f.Type)
	}
}

// property is the schema of a field with what else is known of it.
func (s *schemas) property(t reflect.Type, name string, typ reflect.Type) jsonObject {
	schema := s.of(typ)
	owner := s.owner[t]
	if owner == "" {
		owner = t.Name()
	}
	more, doc := bounds[owner+"."+name], s.docs[t][name]
	if len(more) == 0 && doc == "" {
		return schema
	}
	out := jsonObject{}
	for _, m := range []jsonObject{schema, more} {
		for k, v := range m {
			out[k] = v
		}
	}
	if doc != "" {
		out["description"] = doc
	}
	return out
}

// edit is the schema of an edit: which object it holds depends on its kind.
func (s *schemas) edit() jsonObject {
	if s.defs["Edit"] == nil {
		s.defs["Edit"] = jsonObject{}
		var kinds []any
		for _, k := range model.Kinds() {
			kinds = append(kinds, jsonObject{
				"type": "object", "required": []string{"id", "kind"},
				"properties": jsonObject{"kind": jsonObject{"const": string(k)}, "id": jsonObject{"type": "string"}, "object": s.of(objectType(k))},
			})
		}
		s.defs["Edit"] = jsonObject{"oneOf": kinds, "description": "an object to be added or replaced, or without object one to be deleted"}
	}
	return jsonObject{"$ref": "#/components/schemas/Edit"}
}
