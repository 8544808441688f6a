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
	// Doc says in a sentence what it does.
	Doc string
	// Params are all parameters, those of the path too. Others are refused, but
	// with Extra, as Proxmox takes them for fabrics.
	Params []schema.Property
	Extra  bool
	// Rest says that the last parameter of the path is all of its rest, slashes too.
	Rest bool
	// Renames is the parameter of the path to which a request may give another value,
	// which Call.Renamed tells; empty for none.
	Renames string
	// AtServer says that the operation is about the server's host, whether that is a
	// node or not: "localhost" in the path means that one.
	AtServer bool
	// Allow says who may call it; the zero value means everybody who has logged in.
	Allow Permission
	// Handle does it. What it returns becomes "data".
	Handle func(c *Call) (any, error)
}

// Permission is who may call an operation.
type Permission struct {
	// Doc says it: "SDN.Allocate on /sdn".
	Doc string
	// Check refuses a call, usually with a *Denied error; nil refuses none.
	Check func(c *Call) error
	// open says that it takes no login.
	open bool
}

// World is the permission of what needs no login.
func World() Permission { return Permission{Doc: "everybody, without a login", open: true} }

// Need demands one of the privileges on a path, in which "{zone}" stands for the
// parameter.
func Need(path string, anyOf ...access.Privilege) Permission {
	return Permission{
		Doc:   words(anyOf) + " on " + path,
		Check: func(c *Call) error { return c.Need(c.expand(path), anyOf...) },
	}
}

// words are privileges one of which is enough.
func words(anyOf []access.Privilege) string {
	names := make([]string, len(anyOf))
	for i, p := range anyOf {
		names[i] = string(p)
	}
	return strings.Join(names, " or ")
}

// All demands that every permission is given.
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

// using is a permission to write objects of a kind, which says what it takes besides that
// they refer to others. Those are checked when the object is known.
func using(k model.Kind, p Permission) Permission {
	if more := k.Descriptor().UsesText(); more != "" {
		p.Doc += "; " + more
	}
	return p
}

// Call is one request, whose parameters have the form that the operation says.
type Call struct {
	context.Context
	Op *Operation
	// Who calls; the zero value only where World is the permission.
	Who access.Identity
	// Params are the parameters as they were given.
	Params schema.Values
	// From is the remote address, for throttles and logs; Local says that the call came
	// through the socket of administrators.
	From  string
	Local bool

	// login is whose login the call was, for the audit: known, or said to be.
	login string

	access *access.Service
	log    *slog.Logger
}

// Text is a parameter's text; empty if it was not given.
func (c *Call) Text(name string) string { return c.Params.Get(name) }

// Has reports whether a parameter was given, with a value.
func (c *Call) Has(name string) bool { return len(c.Params[name]) > 0 }

// Given reports whether a parameter was given; a list may have been given as none.
func (c *Call) Given(name string) bool {
	_, ok := c.Params[name]
	return ok
}

// Renamed is the value that a parameter of the path is to have from now on; see
// Operation.Renames.
func (c *Call) Renamed() string {
	values := c.Params[c.Op.Renames]
	return values[len(values)-1]
}

// Bool is a parameter's truth; false if it was not given.
func (c *Call) Bool(name string) bool { return schema.Truth(c.Text(name)) }

// List are the items of a parameter that is a list or an array.
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

// expand puts parameters into a path of permissions.
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
