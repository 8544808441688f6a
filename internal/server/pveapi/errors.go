package pveapi

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
)

// Failure is an answer that is no success: its text is in the status line, in its
// first line, and in "message".
type Failure struct {
	Code int
	Text string
}

// Error implements error.
func (f *Failure) Error() string { return f.Text }

// Failf is a failure as Proxmox tells most: with status 500.
func Failf(format string, args ...any) *Failure {
	return &Failure{Code: http.StatusInternalServerError, Text: fmt.Sprintf(format, args...)}
}

// Unimplemented is what Proxmox says of a method that there is not.
func Unimplemented(method, path string) *Failure {
	return &Failure{Code: http.StatusNotImplemented, Text: fmt.Sprintf("Method '%s %s' not implemented", method, path)}
}

// Denied says which privileges are missing.
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

// Params says what is wrong with parameters, by their names: an answer with status
// 400, or inside an operation that holds the lock a part of its text.
type Params map[string]string

// Error implements error.
func (p Params) Error() string { return "Parameter verification failed." }
