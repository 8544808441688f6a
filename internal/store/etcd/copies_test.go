package etcd

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/lease"
	"go.etcd.io/etcd/server/v3/storage/backend"
	"go.etcd.io/etcd/server/v3/storage/mvcc"
	"go.uber.org/zap"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// A running store is copied again and again, whole, and not without bound.
func TestCopies(t *testing.T) {
	dir := t.TempDir()
	s, err := OpenEmbedded(t.Context(), Embedded{Dir: filepath.Join(dir, "store"), Copies: filepath.Join(dir, "copies"), CopyEvery: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := &copies{dir: filepath.Join(dir, "copies")}
	var newest []copied
	for i, until := 0, time.Now().Add(30*time.Second); ; i++ {
		if _, err := s.Txn(t.Context(), nil, []store.Op{store.Put("key", []byte(fmt.Sprint(i)))}); err != nil {
			t.Fatal(err)
		}
		if all, err := c.list(); err == nil && len(all) >= keepNewest && i > 3*keepNewest {
			newest = all
			break
		}
		if time.Now().After(until) {
			t.Fatal("there are no copies")
		}
		<-time.After(10 * time.Millisecond)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if all, err := c.list(); err != nil || len(all) > keepNewest+2 {
		t.Errorf("%d copies are kept, %v", len(all), err)
	} else {
		newest = all
	}
	path := filepath.Join(c.dir, newest[len(newest)-1].name)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	db, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if want := sha256.Sum256(db); !bytes.Equal(sum, want[:]) {
		t.Error("the sum behind the database is wrong")
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
	if err := os.WriteFile(path, db, 0o600); err != nil {
		t.Fatal(err)
	}
	be := backend.NewDefaultBackend(zap.NewNop(), path)
	defer func() { _ = be.Close() }()
	kv := mvcc.NewStore(zap.NewNop(), be, &lease.FakeLessor{}, mvcc.StoreConfig{})
	defer func() { _ = kv.Close() }()
	got, err := kv.Range(t.Context(), []byte(Root+"key"), nil, mvcc.RangeOptions{})
	if err != nil || len(got.KVs) != 1 {
		t.Errorf("what the copy holds: %v, %v", got, err)
	}
}

func TestSuperfluous(t *testing.T) {
	now := time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)
	var all []copied
	for h := 24 * 30; h >= 0; h-- {
		at := now.Add(-time.Duration(h) * time.Hour)
		all = append(all, copied{at.Format(time.RFC3339), at, 10})
	}
	if kept := len(all) - len(superfluous(all, now, 1<<20)); kept != 6+7 {
		t.Errorf("%d are kept", kept)
	}
	if kept := len(all) - len(superfluous(all, now, 45)); kept != 4 {
		t.Errorf("%d are kept of 45 bytes", kept)
	}
	out := superfluous(all, now, 1)
	if len(out) != len(all)-1 || out[0] == all[len(all)-1].name {
		t.Error("the newest is not kept")
	}
}
