package protocol

import (
	"encoding/json"

	"github.com/viaduct-sdn/viaduct/internal/livequery"
)

// LiveQuery is what somebody wants to know of a node's present state. It changes nothing,
// and may stay without an answer.
type LiveQuery struct {
	ID      string            `json:"id"`
	Subject livequery.Subject `json:"subject"`
	// Of is the ID of the object that is asked about.
	Of string `json:"of"`
}

// Answer is what a node says to a LiveQuery.
type Answer struct {
	// Data is the list that the query asks for, in JSON.
	Data json.RawMessage `json:"data,omitempty"`
	// Error says why there is none.
	Error string `json:"error,omitempty"`
}
