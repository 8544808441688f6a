// Package document holds what one node gets to compile: its part of a revision. The
// servers make it (compile.Project), the wire and the agent's disk carry it as JSON. It
// is pure.
package document

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Format is the document format this release writes and reads. An agent that
// meets a higher number keeps what it has and says so.
//
// History:
//  1. zones simple and vxlan, VNets, subnets, guests.
//  2. zones vlan, qinq and evpn, controllers, fabrics, prefix lists, route maps.
const Format = 2

// Document is what one node gets: the projection of a revision, and the guests
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
	// no part of the document on the wire, nor of its hash: whoever compiles it puts
	// in what it knows of them.
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
