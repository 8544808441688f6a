package model

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/line"
)

// Severity ranks a Problem.
type Severity string

// The severities. An Error refuses the edit; a Warning is shown and recorded.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Problem is one fault found in a configuration. Its text names the object,
// the field, the value and what would be right.
type Problem struct {
	Severity Severity `json:"severity"`
	Kind     Kind     `json:"kind"`
	ID       string   `json:"id"`
	// Field is the property at fault, as written in a manifest; empty when the
	// whole object is.
	Field string `json:"field,omitempty"`
	// Value is the offending value as text.
	Value string `json:"value,omitempty"`
	// Message says what is wrong and what would be right.
	Message string `json:"message"`
	// Lax marks an error that the Proxmox API lets pass: a compatible client
	// gets a warning where a manifest is refused.
	Lax bool `json:"lax,omitempty"`
	// About has references to other objects of which the message tells, apart by
	// blanks: whoever may not see one of them is given Veiled.
	About string `json:"-"`
	// Otherwise is the message without what it tells of the others, if that can be left
	// out of it: a name that was proposed.
	Otherwise string `json:"-"`
}

// VeiledMessage says that something is in the way of which no more may be told.
const VeiledMessage = "does not go together with what you may not see; choose another, or ask an administrator"

// Veiled is the problem for somebody who may not see all that it tells of. It says
// no more than that something else is in the way.
func (p Problem) Veiled() Problem {
	p.Message = cmp.Or(p.Otherwise, VeiledMessage)
	p.About, p.Otherwise = "", ""
	return p
}

// TellsOf returns references to the objects of which an error tells, apart by blanks:
// it is not for whoever may not see one of them. An error that tells of others than its
// own object has a method TellsOf.
func TellsOf(err error) string {
	var telling interface{ TellsOf() string }
	if errors.As(err, &telling) {
		return telling.TellsOf()
	}
	return ""
}

// String is the problem on one line of printable characters: `zone myzone: mtu "99": must be ...`.
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

// Problems is a list of faults that is itself an error.
type Problems []Problem

// Error joins the problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Errors returns the problems that refuse the configuration. With lax set,
// those that the Proxmox API lets pass do not count.
func (ps Problems) Errors(lax bool) Problems {
	var out Problems
	for _, p := range ps {
		if p.Severity == Error && (!lax || !p.Lax) {
			out = append(out, p)
		}
	}
	return out
}
