package api

import "time"

// AuditEntry is one requested write, carried out or refused.
type AuditEntry struct {
	// ID names the entry; a later one has a greater ID.
	ID   string    `json:"id"`
	Time time.Time `json:"time"`
	// Author is the caller, From their network address; the server's own socket has
	// none.
	Author string `json:"author"`
	From   string `json:"from,omitempty"`
	// Operation is the operation's name: "putVnet"; Target is its path.
	Operation string `json:"operation"`
	Target    string `json:"target"`
	// Objects are those of a batch of edits: "vnet/v1".
	Objects []string `json:"objects,omitempty"`
	// Status is the HTTP status of the answer, Error the type of error.
	Status int    `json:"status"`
	Error  string `json:"error,omitempty"`
	// Count is the number of equal refusals within a minute of another one that the
	// entry represents; 0 for a single one.
	Count int `json:"count,omitempty"`
}
