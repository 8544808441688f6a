package api

import "time"

// AuditEntry is one write that somebody asked for, carried out or refused.
type AuditEntry struct {
	// ID names the entry; a later one has a greater ID.
	ID   string    `json:"id"`
	Time time.Time `json:"time"`
	// Author is who asked, From the address they came from; the server's own socket
	// has none.
	Author string `json:"author"`
	From   string `json:"from,omitempty"`
	// Operation is the one of the interface: "putVnet"; Target is its path.
	Operation string `json:"operation"`
	Target    string `json:"target"`
	// Objects are those of a batch of edits: "vnet/v1".
	Objects []string `json:"objects,omitempty"`
	// Status is the HTTP status of the answer, Error the type of error.
	Status int    `json:"status"`
	Error  string `json:"error,omitempty"`
	// Count is how many equal refusals the entry stands for that came within a minute
	// after another one; 0 for one that stands for itself.
	Count int `json:"count,omitempty"`
}
