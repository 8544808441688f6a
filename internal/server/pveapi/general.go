package pveapi

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

// The release of Proxmox VE with this API. Clients derive from it which calls exist and
// what they return (Terraform's provider refuses fabrics before 9.0). It is therefore
// independent of Viaduct's own release, and changes only when the operations do.
const (
	compatVersion = "9.0.3"
	compatRelease = "9.0"
)

// repoID replaces the commit that Proxmox reports as its build: hexadecimal digits
// that differ between releases of Viaduct.
func (h *Handler) repoID() string {
	sum := sha256.Sum256([]byte("viaduct " + h.Version))
	return hex.EncodeToString(sum[:8])
}

func (h *Handler) release() schema.Object {
	return schema.Object{"version": compatVersion, "release": compatRelease, "repoid": h.repoID()}
}

func (h *Handler) generalOperations() []Operation {
	return []Operation{
		index("/", "subdir", "access", "cluster", "nodes", "pools", "storage", "version"),
		{
			Method: "GET", Path: "/version", Doc: "Return the version of the API.",
			Handle: func(*Call) (any, error) { return h.release(), nil },
		},
		{
			Method: "GET", Path: "/pools", Doc: "List resource pools: always empty.",
			Params: []schema.Property{
				{Name: "poolid", Form: schema.Text, Doc: "only this pool"},
				{Name: "type", Form: schema.Text, Enum: []string{"qemu", "lxc", "storage"}, Doc: "only members of this type"},
			},
			Handle: func(*Call) (any, error) { return []schema.Object{}, nil },
		},
		{
			Method: "GET", Path: "/storage", Doc: "List storages: always empty.",
			Params: []schema.Property{{Name: "type", Form: schema.Text, Doc: "only storages of this type"}},
			Handle: func(*Call) (any, error) { return []schema.Object{}, nil },
		},
		{
			Method: "GET", Path: "/cluster/nextid", Doc: "Return the lowest free guest ID, or check that an ID is free.",
			Params: []schema.Property{{Name: "vmid", Form: schema.Integer, Min: firstGuest, Max: lastGuest, Doc: "the ID to check"}},
			Handle: h.nextID,
		},
	}
}

// The range of guests' IDs.
const (
	firstGuest = 100
	lastGuest  = 999999999
)

func (h *Handler) nextID(c *Call) (any, error) {
	v, err := h.Config.View(c)
	if err != nil {
		return nil, err
	}
	if c.Has("vmid") {
		n, err := strconv.Atoi(c.Text("vmid"))
		if err != nil {
			return nil, Params{"vmid": "type check ('integer') failed"}
		}
		if v.Live.Guests[strconv.Itoa(n)] != nil {
			return nil, Params{"vmid": "VM " + strconv.Itoa(n) + " already exists"}
		}
		return strconv.Itoa(n), nil
	}
	for n := firstGuest; n <= lastGuest; n++ {
		if v.Live.Guests[strconv.Itoa(n)] == nil {
			return strconv.Itoa(n), nil
		}
	}
	return nil, Failf("unable to get any free VMID in range [%d, %d]", firstGuest, lastGuest)
}

// number returns an integer parameter, or the default without it.
func (c *Call) number(name string, without int64) (int64, error) {
	if !c.Has(name) {
		return without, nil
	}
	n, err := strconv.ParseInt(c.Text(name), 10, 64)
	if err != nil { // the form has been checked
		return 0, Params{name: "type check ('integer') failed"}
	}
	return n, nil
}
