package pveapi

import (
	"context"
	"log/slog"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

// Operation is one method of one path.
type Operation struct {
	// Method is GET, POST, PUT or DELETE; Path is below /api2/json, with
	// parameters: "/cluster/sdn/zones/{zone}".
	Method, Path string
	// Doc describes the operation in one sentence.
	Doc string
	// Params are all parameters, including those of the path. Others are refused, unless
	// Extra is set, as Proxmox does for fabrics.
	Params []schema.Property
	Extra  bool
	// Rest is true if the last parameter of the path is the whole rest, with slashes.
	Rest bool
	// Renames is the path parameter that a request may set to another value, which
	// Call.Renamed returns; empty for none.
	Renames string
	// AtServer is true if the operation is about the server's host, even if that is not a
	// node: "localhost" in the path means that host.
	AtServer bool
	// Allow is the permission to call it; the zero value means any logged-in user.
	Allow Permission
	// Handle runs the operation. Its result becomes "data".
	Handle func(c *Call) (any, error)
}

// Permission decides who may call an operation.
type Permission struct {
	// Doc describes it: "SDN.Allocate on /sdn".
	Doc string
	// Check refuses a call, usually with a *Denied error; nil refuses none.
	Check func(c *Call) error
	// open is true if no login is needed.
	open bool
}

// World is the permission of operations without a login.
func World() Permission { return Permission{Doc: "everybody, without a login", open: true} }

// Need requires one of the privileges on a path, in which "{zone}" is replaced by the
// parameter.
func Need(path string, anyOf ...access.Privilege) Permission {
	return Permission{
		Doc:   privilegeNames(anyOf) + " on " + path,
		Check: func(c *Call) error { return c.Need(c.expand(path), anyOf...) },
	}
}

// privilegeNames formats privileges of which any one is sufficient.
func privilegeNames(anyOf []access.Privilege) string {
	names := make([]string, len(anyOf))
	for i, p := range anyOf {
		names[i] = string(p)
	}
	return strings.Join(names, " or ")
}

// All requires all permissions.
func All(permissions ...Permission) Permission {
	docs := make([]string, len(permissions))
	for i, p := range permissions {
		docs[i] = p.Doc
	}
	return Permission{Doc: strings.Join(docs, " and "), Check: func(c *Call) error {
		for _, p := range permissions {
			if err := p.Check(c); err != nil {
				return err
			}
		}
		return nil
	}}
}

// withReferences is a permission to write objects of a kind. Its documentation adds the
// privileges for references to other objects, which are checked when the object is known.
func withReferences(k model.Kind, p Permission) Permission {
	if more := k.Descriptor().UsesText(); more != "" {
		p.Doc += "; " + more
	}
	return p
}

// Call is one request; its parameters have the form that the operation requires.
type Call struct {
	context.Context
	Op *Operation
	// Who is the caller; the zero value only with the permission World.
	Who access.Identity
	// Params are the parameters as given.
	Params schema.Values
	// From is the remote address, for throttles and logs; Local is true for a call
	// through the socket of administrators.
	From  string
	Local bool

	// login is the user, verified or only claimed, of a login, for the audit trail.
	login string

	access *access.Service
	log    *slog.Logger
}

// Text returns a parameter's text; empty if it was not given.
func (c *Call) Text(name string) string { return c.Params.Get(name) }

// Has reports whether a parameter was given with a value.
func (c *Call) Has(name string) bool { return len(c.Params[name]) > 0 }

// Given reports whether a parameter was given, possibly as an empty list.
func (c *Call) Given(name string) bool {
	_, ok := c.Params[name]
	return ok
}

// Renamed returns the new value of a path parameter; see Operation.Renames.
func (c *Call) Renamed() string {
	values := c.Params[c.Op.Renames]
	return values[len(values)-1]
}

// Bool returns a parameter's boolean value; false if it was not given.
func (c *Call) Bool(name string) bool { return schema.IsTrue(c.Text(name)) }

// List returns the items of a parameter that is a list or an array.
func (c *Call) List(name string) []string { return schema.Items(c.Params[name]...) }

// May reports whether the caller has one of the privileges on a path.
func (c *Call) May(path string, anyOf ...access.Privilege) bool {
	return c.access.Has(c.Who, path, anyOf...)
}

// Need refuses the call unless the caller has one of the privileges on a path.
func (c *Call) Need(path string, anyOf ...access.Privilege) error {
	if c.May(path, anyOf...) {
		return nil
	}
	return &Denied{Path: path, AnyOf: anyOf}
}

// expand replaces parameters in a permission path.
func (c *Call) expand(path string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(path, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		b.WriteString(c.Text(name))
		path = after
	}
}
