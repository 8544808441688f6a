package pveapi

import (
	"crypto/sha1" // the digest that Proxmox has, which protects nothing
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sync"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

// digests has one digest per kind, which changes with every change of an object of the
// kind. Clients return it without interpreting it. It is computed incrementally from the
// objects' hashes, so that only changed objects are hashed.
type digests struct {
	mu    sync.Mutex
	kinds map[model.Kind]*digest
}

type digest struct {
	cfg     *model.Config
	objects map[string]hashed
	all     [sha256.Size]byte // of all objects, in any order
	text    string
}

// hashed is an object, which is immutable, and its hash.
type hashed struct {
	object model.Object
	sum    [sha256.Size]byte
}

// of returns the digest of the file that holds a kind in a configuration. Fabrics and
// their nodes share one.
func (d *digests) of(cfg *model.Config, k *schema.Kind) string {
	switch k.Model {
	case model.KindFabric, model.KindFabricNode:
		return digestHex(k.Model, []byte(d.ofObjects(cfg, model.KindFabric)+d.ofObjects(cfg, model.KindFabricNode)))
	default: // is a section file by itself
	}
	return d.ofObjects(cfg, k.Model)
}

// ofObjects returns the digest of the objects of any kind of the model.
func (d *digests) ofObjects(cfg *model.Config, kind model.Kind) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kinds == nil {
		d.kinds = map[model.Kind]*digest{}
	}
	now := d.kinds[kind]
	if now == nil {
		now = &digest{objects: map[string]hashed{}}
		d.kinds[kind] = now
	}
	if now.cfg != cfg {
		now.follow(cfg, kind)
		now.cfg, now.text = cfg, digestHex(kind, now.all[:])
	}
	return now.text
}

// follow updates the digest to the configuration's objects.
func (d *digest) follow(cfg *model.Config, kind model.Kind) {
	n := 0
	for o := range cfg.Each(kind) {
		n++
		old, known := d.objects[o.ObjectID()]
		if known && old.object == o {
			continue
		}
		d.toggle(old) // no effect for an unknown object
		h := hashed{o, hash(o)}
		d.toggle(h)
		d.objects[o.ObjectID()] = h
	}
	if len(d.objects) == n {
		return
	}
	for id, old := range d.objects {
		if cfg.Get(kind, id) == nil {
			d.toggle(old)
			delete(d.objects, id)
		}
	}
}

// toggle adds or removes an object's hash.
func (d *digest) toggle(h hashed) {
	for i := range d.all {
		d.all[i] ^= h.sum[i]
	}
}

func hash(o model.Object) [sha256.Size]byte {
	b, _ := json.Marshal(o) // plain values only
	return sha256.Sum256(b)
}

// digestHex encodes a digest in the length that Proxmox uses for the kind.
func digestHex(kind model.Kind, all []byte) string {
	switch kind {
	case model.KindFabric, model.KindFabricNode, model.KindPrefixList, model.KindRouteMap:
		sum := sha256.Sum256(all)
		return hex.EncodeToString(sum[:])
	default: // has the digest of Perl
	}
	sum := sha1.Sum(all) // see above
	return hex.EncodeToString(sum[:])
}
