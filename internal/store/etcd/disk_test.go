package etcd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/etcd"
	"github.com/viaduct-sdn/viaduct/test/requires"
)

// refused opens a store that cannot be opened, and demands that the error comes
// at once and names the directory.
func refused(t *testing.T, dir string, says ...string) error {
	t.Helper()
	start := time.Now()
	s, err := etcd.OpenEmbedded(t.Context(), etcd.Embedded{Dir: dir})
	if err == nil {
		_ = s.Close()
		t.Fatal("it opened")
	}
	for _, want := range append(says, dir) {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q: %v", want, err)
		}
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("the error took %s", took)
	}
	return err
}

// tmpfs mounts a file system of a size and returns where.
func tmpfs(t *testing.T, size string) string {
	t.Helper()
	requires.Root(t)
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func put(t *testing.T, s store.Store, key, value string) {
	t.Helper()
	if _, err := s.Txn(t.Context(), nil, []store.Op{store.Put(key, []byte(value))}); err != nil {
		t.Fatal(err)
	}
}

func has(t *testing.T, s store.Store, key, value string) {
	t.Helper()
	if r, err := s.Get(t.Context(), key); err != nil || string(r.Value) != value {
		t.Errorf("%s: got %q, %v, want %q", key, r.Value, err, value)
	}
}

func TestStateSurvivesAStop(t *testing.T) {
	c := etcd.Embedded{Dir: filepath.Join(t.TempDir(), strings.Repeat("long-path/", 15))}
	s := open(t, c)
	put(t, s, "a", "1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Err(); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("after close: %v", err)
	}
	has(t, open(t, c), "a", "1")
}

func TestDirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	s := open(t, etcd.Embedded{Dir: dir})
	_ = refused(t, dir, "in use by another running server")
	put(t, s, "a", "the first one goes on")
}

func TestDirectoryIsAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_ = refused(t, filepath.Join(file, "data"), "is a file")
	_ = refused(t, file, "is a file")
}

func TestDamagedFiles(t *testing.T) {
	dir := t.TempDir()
	s := open(t, etcd.Embedded{Dir: dir})
	put(t, s, "a", "1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := filepath.Join(dir, "member", "snap", "db")
	if err := os.WriteFile(db, bytes.Repeat([]byte("garbage "), 8192), 0o600); err != nil {
		t.Fatal(err)
	}
	_ = refused(t, dir, "cannot be used")
}

func TestReadOnlyDirectory(t *testing.T) {
	dir := tmpfs(t, "320m")
	s := open(t, etcd.Embedded{Dir: dir})
	put(t, s, "a", "1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	_ = refused(t, dir, "read-only")
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	has(t, open(t, etcd.Embedded{Dir: dir}), "a", "1")
}

// TestFullDisk fills the disk below a running store: it refuses writes and goes
// on reading, does not start anew, and has its state when there is space again.
func TestFullDisk(t *testing.T) {
	dir := tmpfs(t, "320m")
	data := filepath.Join(dir, "data")
	s := open(t, etcd.Embedded{Dir: data})
	put(t, s, "a", "1")

	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast)
	_, err := s.Txn(t.Context(), nil, []store.Op{store.Put("a", []byte("2"))})
	if !errors.Is(err, store.ErrNoSpace) || !strings.Contains(err.Error(), data) {
		t.Errorf("write on a full disk: %v", err)
	}
	has(t, s, "a", "1")
	if err := os.Truncate(ballast, 1<<20); err != nil {
		t.Fatal(err)
	}
	put(t, s, "a", "1") // without a restart
	fill(t, ballast)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	if err := refused(t, data, "MiB free"); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("start on a full disk: %v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	s = open(t, etcd.Embedded{Dir: data})
	has(t, s, "a", "1")
	put(t, s, "a", "3")
	has(t, s, "a", "3")
}

func TestNewStoreOnAFullDisk(t *testing.T) {
	if err := refused(t, tmpfs(t, "64m"), "MiB free"); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("got %v", err)
	}
}

// fill writes a file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	block := make([]byte, 1<<20)
	for range 1024 {
		if _, err := f.Write(block); errors.Is(err, unix.ENOSPC) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the disk did not fill")
}

// TestQuota fills the store: what only fills it is refused, what frees it and says who
// may do what is not, and when something was deleted there is room again, without a
// start.
func TestQuota(t *testing.T) {
	c := etcd.Embedded{Dir: t.TempDir(), Quota: 16 << 20}
	s := open(t, c)
	put(t, s, "a", "1")
	random, value := rand.NewChaCha8([32]byte{}), make([]byte, 1<<20)
	write := func(key string, size int, more ...store.Op) error {
		_, _ = random.Read(value[:size]) // never fails
		_, err := s.Txn(t.Context(), nil, append(more, store.Put(key, value[:size])))
		return err
	}
	for _, size := range []int{1 << 20, 60 << 10, 4 << 10} {
		n, err := 0, error(nil)
		for ; err == nil && n < 2000; n++ {
			err = write(fmt.Sprintf("fill/%d/%d", size, n), size)
		}
		if !errors.Is(err, store.ErrNoSpace) || !strings.Contains(err.Error(), "discard") {
			t.Fatalf("%d writes of %d bytes into 16 MiB: %v", n, size, err)
		}
	}
	has(t, s, "a", "1")
	for what, err := range map[string]error{
		"a user":    write("access/user/bob@pve", 1<<10),
		"a member":  write("member/node1", 1<<10),
		"a discard": write("config/running", 100, store.DeletePrefix("config/pending/")),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, c)
	has(t, s, "a", "1")
	if err := write("fill/again", 1<<20); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("after a start: %v", err)
	}
	if _, err := s.Txn(t.Context(), nil, []store.Op{store.DeletePrefix("fill/")}); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(30 * time.Second); ; <-time.After(50 * time.Millisecond) {
		err := write("fill/again", 1<<20)
		if err == nil {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("what was deleted is still in use: %v", err)
		}
	}
}

// TestWrittenOver writes many times the quota, always over the same key: what was
// written over takes no room, neither in the database nor in the log of a start.
func TestWrittenOver(t *testing.T) {
	c := etcd.Embedded{Dir: t.TempDir(), Quota: 16 << 20}
	s := open(t, c)
	if err := overwrite(t.Context(), s, rand.NewChaCha8([32]byte{}), 100); err != nil {
		t.Fatal(err)
	}
	put(t, s, "a", "1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	has(t, open(t, c), "a", "1")
}

// overwrite writes one key n times, 1 MiB each.
func overwrite(ctx context.Context, s store.Store, random *rand.ChaCha8, n int) error {
	value := make([]byte, 1<<20)
	for i := range n {
		if _, err := random.Read(value); err != nil {
			return err
		}
		if _, err := s.Txn(ctx, nil, []store.Op{store.Put("big", value)}); err != nil {
			return fmt.Errorf("write %d: %w", i, err)
		}
	}
	return nil
}
