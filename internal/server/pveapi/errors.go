package pveapi

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
)

// Failure is an answer that is not a success: its text is in the status line (its
// first line only) and in "message".
type Failure struct {
	Code int
	Text string
}

// Error implements error.
func (f *Failure) Error() string { return f.Text }

// Failf returns a failure with status 500, which Proxmox uses for most errors.
func Failf(format string, args ...any) *Failure {
	return &Failure{Code: http.StatusInternalServerError, Text: fmt.Sprintf(format, args...)}
}

// Unimplemented returns Proxmox's error for a method that does not exist.
func Unimplemented(method, path string) *Failure {
	return &Failure{Code: http.StatusNotImplemented, Text: fmt.Sprintf("Method '%s %s' not implemented", method, path)}
}

// Denied is the error for missing privileges.
type Denied struct {
	Path  string
	AnyOf []access.Privilege
}

// Error implements error.
func (d *Denied) Error() string {
	names := make([]string, len(d.AnyOf))
	for i, p := range d.AnyOf {
		names[i] = string(p)
	}
	return fmt.Sprintf("Permission check failed (%s, %s)", d.Path, strings.Join(names, "|"))
}

// Params has the faults of parameters by name: an answer with status 400 or, in an
// operation that holds the lock, a part of its text.
type Params map[string]string

// Error implements error.
func (p Params) Error() string { return "Parameter verification failed." }
