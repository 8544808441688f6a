package model

import (
	"errors"
	"fmt"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/line"
	"github.com/viaduct-sdn/viaduct/internal/message"
)

// Severity ranks a Problem.
type Severity string

// The severities. An Error blocks the edit; a Warning is shown and recorded.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Problem is one fault found in a configuration. Its text names the object, the field, the
// value and the correction.
type Problem struct {
	Severity Severity `json:"severity"`
	Kind     Kind     `json:"kind"`
	ID       string   `json:"id"`
	// Field is the wrong property, as in a manifest; empty for the whole object.
	Field string `json:"field,omitempty"`
	// Value is the offending value as text.
	Value string `json:"value,omitempty"`
	// Message describes the error and the correction.
	Message string `json:"message"`
	message.Details
	// Lax marks an error that the Proxmox API accepts: a compatible client gets a warning
	// where a manifest is refused.
	Lax bool `json:"lax,omitempty"`
	// About lists references to other objects in the message, separated by blanks: a user
	// who may not read all of them gets Veiled.
	About string `json:"-"`
	// Otherwise is the message without the other objects, if it is complete without them,
	// as without a proposed name; empty if not.
	Otherwise message.Message `json:"-"`
}

// NewProblem returns a problem with a message.
func NewProblem(severity Severity, kind Kind, id, field, value string, m message.Message) Problem {
	return Problem{Severity: severity, Kind: kind, ID: id, Field: field, Value: value, Message: m.Text, Details: m.Details}
}

// Veiled returns the message for a conflict with an object that the user may not read.
func Veiled() message.Message { return msgObjectHidden.Of() }

// Veiled returns the problem for a user who may not read all objects in it. It reports only
// that there is a conflict.
func (p Problem) Veiled() Problem {
	m := p.Otherwise
	if m.Code == "" {
		m = Veiled()
	}
	p.Message, p.Details = m.Text, m.Details
	p.About, p.Otherwise = "", message.Message{}
	return p
}

// ReferencesIn returns references to the objects in an error, separated by blanks: a user who may
// not read all of them must not see it. Errors with other objects than their own implement a
// method References.
func ReferencesIn(err error) string {
	var referring interface{ References() string }
	if errors.As(err, &referring) {
		return referring.References()
	}
	return ""
}

// String returns the problem on one line of printable characters: `zone myzone: mtu "99": must
// be ...`.
func (p Problem) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", p.Kind, p.ID)
	if p.Field != "" {
		fmt.Fprintf(&b, ": %s", p.Field)
		if p.Value != "" {
			fmt.Fprintf(&b, " %q", p.Value)
		}
	}
	fmt.Fprintf(&b, ": %s", p.Message)
	return line.Escape(b.String())
}

// Problems is a list of problems that is itself an error.
type Problems []Problem

// Error joins the problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Errors returns the problems that block the configuration. With lax set, it omits those that
// the Proxmox API accepts.
func (ps Problems) Errors(lax bool) Problems {
	var out Problems
	for _, p := range ps {
		if p.Severity == Error && (!lax || !p.Lax) {
			out = append(out, p)
		}
	}
	return out
}
