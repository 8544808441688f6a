// Package manifest reads and writes objects as YAML: strictly, and with the position of
// every error.
//
// It comes before model in the one-way flow. A manifest is a sequence of documents, each
// one object: its "kind" and its properties under the names of the Proxmox VE SDN
// manual.
//
//	kind: vnet
//	id: vxvnet1
//	zone: myvxlanzone
//	tag: 100000
//
// A document may also be a list of such objects, as `get -o json` prints them. Values
// may have the form of the Proxmox files and API: booleans as 1, yes or on, lists as one
// string with commas, ranges as "start-address=A,end-address=B".
//
// Other YAML features are refused with an explanation: anchors, aliases, tags,
// directives, merge keys. Input is bounded (MaxInput, MaxDocument, MaxDepth), and every
// error in it is reported, not only the first.
package manifest

// Bounds of the input.
const (
	// MaxInput bounds all files of one Load together, MaxDocument one document,
	// in bytes.
	MaxInput    = 16 << 20
	MaxDocument = 1 << 20
	// MaxDepth bounds how deep lists and maps are nested; objects need 5.
	MaxDepth = 20
	// maxErrors bounds the number of reported errors.
	maxErrors = 50
)
