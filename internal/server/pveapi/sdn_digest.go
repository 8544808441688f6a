package pveapi

import (
	"crypto/sha1" //nolint:gosec // the digest that Proxmox has, which protects nothing
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sync"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve"
)

// digests tells by one word for each kind whether anything of the kind was changed.
// Clients give it back and do not look into it. It is worked out from those of the
// objects, of which only those that changed are looked at.
type digests struct {
	mu    sync.Mutex
	kinds map[model.Kind]*digest
}

type digest struct {
	cfg     *model.Config
	objects map[string]hashed
	text    string
}

// hashed is an object, which never changes, and its hash.
type hashed struct {
	object model.Object
	sum    [sha256.Size]byte
}

// of is the digest of a kind in a configuration.
func (d *digests) of(cfg *model.Config, k *pve.Kind) string { return d.ofObjects(cfg, k.Model) }

// ofObjects is of for any kind of the model.
func (d *digests) ofObjects(cfg *model.Config, kind model.Kind) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.kinds[kind]
	if old != nil && old.cfg == cfg {
		return old.text
	}
	if old == nil {
		old = &digest{}
	}
	now := &digest{cfg: cfg, objects: map[string]hashed{}}
	var all [sha256.Size]byte
	for _, o := range cfg.List(kind) {
		h, known := old.objects[o.ObjectID()]
		if !known || h.object != o {
			h = hashed{o, hash(o)}
		}
		now.objects[o.ObjectID()] = h
		for i := range all { // in any order
			all[i] ^= h.sum[i]
		}
	}
	now.text = word(kind, all[:])
	if d.kinds == nil {
		d.kinds = map[model.Kind]*digest{}
	}
	d.kinds[kind] = now
	return now.text
}

func hash(o model.Object) [sha256.Size]byte {
	b, _ := json.Marshal(o) // plain values only
	return sha256.Sum256(b)
}

// word has the length that Proxmox gives digests of the kind.
func word(kind model.Kind, all []byte) string {
	switch kind {
	case model.KindFabric, model.KindFabricNode, model.KindPrefixList, model.KindRouteMap:
		sum := sha256.Sum256(all)
		return hex.EncodeToString(sum[:])
	}
	sum := sha1.Sum(all) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}
