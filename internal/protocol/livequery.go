package protocol

import (
	"encoding/json"

	"github.com/viaduct-sdn/viaduct/internal/livequery"
)

// LiveQuery is a user's query for a node's present state. It changes nothing, and may
// remain unanswered.
type LiveQuery struct {
	ID      string            `json:"id"`
	Subject livequery.Subject `json:"subject"`
	// Of is the ID of the queried object.
	Of string `json:"of"`
}

// Answer is a node's answer to a LiveQuery.
type Answer struct {
	// Data is the list that the query asks for, in JSON.
	Data json.RawMessage `json:"data,omitempty"`
	// Omitted is how many items of the list exceeded the bounds of an answer.
	Omitted int `json:"omitted,omitempty"`
	// Error is the reason if there is no data.
	Error string `json:"error,omitempty"`
}
