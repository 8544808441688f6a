package pveapi

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// prefixWireGuardKey is the prefix of the private keys of WireGuard interfaces, by node
// and interface: "<node>/<interface>". As in Proxmox VE (/etc/pve/priv/wg-keys.cfg) they
// are separate from the configuration and no call returns them. A key is kept for a later
// interface of the same name on the same node, whose public key peers know, even if the
// request that created the key was refused.
const prefixWireGuardKey = "wireguard-keys/"

// publicKey returns the public key of a node's interface, and creates the private key if
// there is none.
func (s *sdn) publicKey(ctx context.Context, node, iface string) (public string, err error) {
	key := prefixWireGuardKey + node + "/" + iface
	err = store.Retry(ctx, func() error { // on a conflict another request created one
		r, err := s.Store.Get(ctx, key)
		if err == nil {
			public, err = publicKeyOf(key, r.Value)
			return err
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		private, err := ecdh.X25519().GenerateKey(rand.Reader)
		if err != nil {
			return err
		}
		public = base64.StdEncoding.EncodeToString(private.PublicKey().Bytes())
		_, err = s.Store.Txn(ctx, []store.Cond{{Key: key}}, []store.Op{store.Put(key, private.Bytes())})
		return err
	})
	return public, err
}

func publicKeyOf(key string, private []byte) (string, error) {
	k, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return "", fmt.Errorf("stored value %s is damaged: %w", key, err)
	}
	return base64.StdEncoding.EncodeToString(k.PublicKey().Bytes()), nil
}

// assignKeys sets the public keys of a WireGuard node's interfaces. As in Proxmox VE, the
// public key of an interface with a known private key follows from that, not from the
// client. An interface that was imported with its public key keeps that as long as the
// client sends it: its private key is on the node.
func (s *sdn) assignKeys(c *Call, protocol string, old, n *model.FabricNode) error {
	if model.FabricProtocol(protocol) != model.FabricWireGuard || n.Role == model.RoleExternal {
		return nil
	}
	for i := range n.Interfaces {
		l := &n.Interfaces[i]
		if old != nil && l.PublicKey != "" && slices.ContainsFunc(old.Interfaces, func(o model.FabricInterface) bool {
			return o.Name == l.Name && o.PublicKey == l.PublicKey
		}) {
			continue
		}
		key, err := s.publicKey(c, n.Node, l.Name)
		if err != nil {
			return err
		}
		l.PublicKey = key
	}
	return nil
}

// keepsRole refuses to change a member of the cluster to an external node, or the reverse.
func keepsRole(protocol string, old, n *model.FabricNode) error {
	if model.FabricProtocol(protocol) == model.FabricWireGuard && old.Role != n.Role {
		return schema.Refusal("cannot change role of existing WireGuard node")
	}
	return nil
}
