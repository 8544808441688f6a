package pveapi

import "net/http"

// RoutesOf serves a table of a test's own.
func (h *Handler) RoutesOf(table []Operation) http.Handler { return &server{h, newRouter(table)} }

// Encode is how results are written.
func Encode(v any) ([]byte, error) { return encode(v) }

// Open reports whether an operation needs no login.
func (o *Operation) Open() bool { return o.open() }

// Names are the parameters in the operation's path.
func (o *Operation) Names() []string {
	var out []string
	for _, part := range o.parts() {
		if name := parameterName(part); name != "" {
			out = append(out, name)
		}
	}
	return out
}
