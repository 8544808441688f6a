// Package document holds the input that one node compiles: its part of a revision. The
// servers make it (compile.Project); it is sent and stored on the agent's disk as JSON. It
// is pure.
package document

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Format is the document format this release writes and reads. An agent that
// receives a higher number keeps its document and reports that.
//
// History:
//  1. zones simple and vxlan, VNets, subnets, guests.
//  2. zones vlan, qinq and evpn, controllers, fabrics, prefix lists, route maps.
const Format = 2

// Document is the input of one node: the projection of a revision, and the guests
// that run on the node. The agent compiles it together with its own facts.
type Document struct {
	Format int `json:"format"`
	// Revision is the running revision; 0 before the first apply.
	Revision int64  `json:"revision"`
	Node     string `json:"node"`
	// Config is the part of the revision that concerns the node.
	Config model.Config `json:"config"`
	// Guests are those on the node, by ID.
	Guests map[string]*model.Guest `json:"guests,omitempty"`
	// Bindings are those of the zones that are on the node, sorted by ID. They are
	// no part of the document on the wire, nor of its hash: the process that compiles
	// it adds the bindings that it knows.
	Bindings []*model.Binding `json:"-"`
}

// Hash identifies the document: lower-case hexadecimal SHA-256 of its JSON form.
func (d *Document) Hash() string {
	b, err := json.Marshal(d)
	if err != nil { // plain values only: cannot happen
		panic(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
