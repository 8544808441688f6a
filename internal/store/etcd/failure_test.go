package etcd

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/test/requires"
)

// TestEngineGivesUp fills the disk so fast that no check helps: etcd gives up,
// and the store says so, with the directory's name, rather than ending the
// process or hanging.
func TestEngineGivesUp(t *testing.T) {
	requires.Root(t)
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=320m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	data := filepath.Join(dir, "data")
	s, err := OpenEmbedded(t.Context(), Embedded{Dir: data})
	if err != nil {
		t.Fatal(err)
	}
	s.writable = func(context.Context, []store.Op) error { return nil }
	if err := os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 320<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("filling the disk: %v", err)
	}
	random, value := rand.NewChaCha8([32]byte{}), make([]byte, 4<<20)
	for range 64 {
		if _, err := random.Read(value); err != nil {
			t.Fatal(err)
		}
		if _, err = s.Txn(t.Context(), nil, []store.Op{store.Put("big", value)}); err != nil {
			break
		}
	}
	select {
	case <-s.Failed():
	case <-time.After(20 * time.Second):
		t.Fatalf("the store lives on; the last write said: %v", err)
	}
	err = s.Err()
	if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, store.ErrNoSpace) || !strings.Contains(err.Error(), data) {
		t.Errorf("the store gave up with: %v", err)
	}
	t.Log(err)
	if _, err := s.Get(t.Context(), "big"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a read afterwards: %v", err)
	}
	t.Log(s.Close()) // it may not be able to stop cleanly any more
}
