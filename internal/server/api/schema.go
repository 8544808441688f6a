package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/health"
	"github.com/viaduct-sdn/viaduct/internal/livequery"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/reach"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// jsonObject is an object of the OpenAPI document; encoding/json sorts its names.
type jsonObject = map[string]any

// schemas derives JSON schemas (the dialect of OpenAPI 3.1) from Go types as
// encoding/json writes them.
type schemas struct {
	// defs are those of structs, by name; types maps the names to their types.
	defs  jsonObject
	types map[string]reflect.Type
	rows  map[reflect.Type][]model.FieldInfo // the model's properties
}

func newSchemas() *schemas {
	s := &schemas{defs: jsonObject{}, types: make(map[string]reflect.Type), rows: make(map[reflect.Type][]model.FieldInfo)}
	for _, k := range model.Kinds() {
		s.describe(objectType(k), model.Fields(k))
	}
	return s
}

// describe records the model's descriptions of the properties of a type.
func (s *schemas) describe(t reflect.Type, fields []model.FieldInfo) {
	s.rows[t] = fields
	for _, f := range fields {
		if items, _ := f.ItemFields(); items != nil {
			s.describe(f.Go.Elem(), items)
		}
	}
}

// bounded are the model's constraints on a property, in addition to its type.
func bounded(f *model.FieldInfo) jsonObject {
	out := jsonObject{"description": f.Described()}
	if f.Max != 0 {
		out["minimum"], out["maximum"] = f.Min, f.Max
	}
	if len(f.Values) > 0 {
		out["enum"] = f.Values
	}
	for name, n := range map[string]int{"maxLength": f.MaxLength, "maxItems": f.MaxItems} {
		if n != 0 {
			out[name] = n
		}
	}
	if f.Pattern != "" {
		out["pattern"] = f.Pattern
	}
	if f.Secret {
		out["format"] = "password"
	}
	if f.Ref != "" {
		out["x-reference"] = string(f.Ref)
	}
	if len(f.Types) > 0 {
		out["x-types"] = f.Types
	}
	return out
}

// renamed are types with a name that another type has, too.
var renamed = map[reflect.Type]string{
	of[protocol.Status](): "NodeReport",
	of[diff.Field]():      "ChangedField",
	of[reach.Answer]():    "ReachAnswer",
	of[reach.Step]():      "ReachStep",
	of[reach.Endpoint]():  "ReachEnd",
	of[reach.Rule]():      "ReachRule",
	of[reach.Origin]():    "ReachOrigin",
}

// scalars are types with an encoding of their own.
var scalars = map[reflect.Type]jsonObject{
	of[netip.Addr]():      {"type": "string", "description": "an IP address"},
	of[netip.Prefix]():    {"type": "string", "description": "a network, like 10.0.0.0/8"},
	of[time.Time]():       {"type": "string", "format": "date-time"},
	of[time.Duration]():   {"type": "integer", "description": "nanoseconds"},
	of[json.RawMessage](): {},
	of[model.ClientSpelling](): {"type": "object", "additionalProperties": jsonObject{"type": "array", "items": jsonObject{"type": "string"}}, "readOnly": true,
		"description": "how a client of the Proxmox API wrote the properties; leave it out, or as it is"},
}

// words are enumerations.
var words = map[reflect.Type][]string{
	of[model.Severity](): {string(model.Error), string(model.Warning)},
	of[diff.Action]():    {string(diff.Create), string(diff.Update), string(diff.Replace), string(diff.Delete)},
	of[protocol.State](): texts(health.States),
	of[fault.Class]():    texts(fault.Classes),
	of[reach.Verdict]():  texts([]reach.Verdict{reach.Pass, reach.Drop, reach.Reject, reach.Unknown}),
	of[api.EventType]():  texts(api.EventTypes()),

	of[api.ElementKind]():   texts(api.ElementKinds()),
	of[api.PendingChange](): texts([]api.PendingChange{api.ChangeAdded, api.ChangeChanged, api.ChangeRemoved}),
}

func texts[T ~string](list []T) []string {
	return convert(list, func(t T) string { return string(t) })
}

func oneOf(list ...string) jsonObject { return jsonObject{"enum": list} }

// bounds are further constraints on properties, by type and name; those of the model
// have rows of their own.
var bounds = map[string]jsonObject{
	"ACLEntry.type":            oneOf(string(access.SubjectUser), string(access.SubjectGroup), string(access.SubjectToken)),
	"Password.password":        {"minLength": 8, "maxLength": access.MaxPassword},
	"Note.level":               oneOf("info", "warning", "error"),
	"Role.privileges":          {"items": jsonObject{"type": "string", "enum": texts(access.Privileges())}},
	"Error.type":               oneOf(api.ErrorTypes()...),
	"User.expire":              {"minimum": 0},
	"UserToken.expire":         {"minimum": 0},
	"RollbackRequest.revision": {"minimum": 1},
	"Session.csrf":             {"description": "to be sent as X-CSRF-Token with every write under the cookie"},
	"Plan.token":               {"description": "identifies exactly this change, for apply and rollback"},
	"Plan.pending":             {"description": "identifies the pending configuration, for edits and discard"},
	"ApplyRequest.plan":        {"description": "the token of the plan that was looked at; refused if it is no longer that one"},
	"RollbackRequest.plan":     {"description": "the token of the plan to the revision; refused if it is no longer that one"},
	"DiscardRequest.plan":      {"description": "the pending of the plan that was looked at; refused if it is no longer that one"},
	"NodePlan.unknown":         {"description": "the node has not reported its facts yet, so its changes cannot be told"},
	"Status.version":           {"description": "another one whenever anything here changes but what every heartbeat brings"},
	"UserToken.secret":         {"description": "in the answer that made the token, and never again"},
	"UserToken.all-privileges": {"description": "the token has whatever its user has, instead of what is permitted to itself"},
	"Password.current":         {"description": "the password so far, from users who change their own"},
	"User.password":            {"description": "whether one was set; counts for nothing in a request"},
}

// of returns the schema of a type; that of a struct is a reference.
func (s *schemas) of(t reflect.Type) jsonObject {
	if o, ok := scalars[t]; ok {
		return o
	}
	if t == of[model.Edit]() {
		return s.edit()
	}
	if t == of[model.Kind]() {
		return jsonObject{"type": "string", "enum": texts(model.Kinds())}
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
	case reflect.Int, reflect.Int64, reflect.Uint64:
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
		panic(fmt.Sprintf("no schema for %s", t)) // a test covers all types
	}
}

// ref makes the schema of a struct and refers to it.
func (s *schemas) ref(t reflect.Type) jsonObject {
	name := t.Name()
	if other, ok := renamed[t]; ok {
		name = other
	} else if t.PkgPath() == of[livequery.Info]().PkgPath() {
		name = "Live" + name
	}
	if known, ok := s.types[name]; ok && known != t {
		panic(fmt.Sprintf("%s and %s have one name", known, t)) // a test covers all types
	} else if !ok {
		s.types[name] = t
		def := jsonObject{"type": "object"}
		s.defs[name] = def // before its fields, which may refer back
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

// fields adds the properties of a struct, including those of embedded structs.
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

// property is the schema of a field with its further constraints.
func (s *schemas) property(t reflect.Type, name string, typ reflect.Type) jsonObject {
	schema, more := s.of(typ), bounds[t.Name()+"."+name]
	if i := slices.IndexFunc(s.rows[t], func(f model.FieldInfo) bool { return f.Name == name }); i >= 0 {
		more = bounded(&s.rows[t][i])
	}
	if len(more) == 0 {
		return schema
	}
	out := maps.Clone(schema)
	maps.Copy(out, more)
	return out
}

// edit is the schema of an edit: its object depends on its kind.
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
