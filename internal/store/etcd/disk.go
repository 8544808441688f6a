package etcd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Space that etcd needs, in bytes. It allocates its log in segments of 64 MiB, one ahead,
// and grows its database by 16 MiB; when either fails it stops. Writes are therefore
// rejected while that can still be avoided, and the server continues to serve reads.
const (
	reserve  = (64 + 16 + 16) << 20
	firstUse = reserve + 2*64<<20
)

// lockDir makes the directory if it is missing, makes sure that it is writable, and
// acquires the lock that excludes a second server. The lock ends with the process, or when
// the file is closed.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, dirError(dir, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, dirError(dir, err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		err = fmt.Errorf("the data directory %s is in use by another running server: stop that one first, or name another directory", dir)
	case err != nil:
		err = dirError(dir, err)
	default:
		err = probe(dir)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// probe makes sure that files can be created in the directory, and that there is space to
// start: at its start etcd frees and allocates its log's segments, and stops if another
// process has used the space in between.
func probe(dir string) error {
	f, err := os.CreateTemp(dir, "probe-*")
	if err != nil {
		return dirError(dir, err)
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return dirError(dir, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "member")); errors.Is(err, fs.ErrNotExist) {
		return space(dir, firstUse)
	}
	return space(dir, reserve)
}

// space returns store.ErrNoSpace unless the directory's file system has need
// bytes to spare.
func space(dir string, need uint64) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return dirError(dir, err)
	}
	if free := st.Bavail * uint64(st.Bsize); free < need {
		return fmt.Errorf("%w: the disk of the data directory %s has %d MiB free, of which the store needs %d to go on safely; "+
			"nothing was changed: free some space on it and try again", store.ErrNoSpace, dir, free>>20, need>>20)
	}
	return nil
}

// dirError explains a problem with a data directory and what to do.
func dirError(dir string, err error) error {
	advice := "name another directory, or repair this one"
	switch {
	case errors.Is(err, fs.ErrPermission):
		advice = "run the server as the directory's owner (usually root), or name another directory"
	case errors.Is(err, syscall.EROFS):
		advice = "its file system is mounted read-only, which the kernel also does after a disk error (see dmesg): remount it, or name another directory"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: the disk of the data directory %s is full: free some space on it and start the server again; what was stored before is intact (%w)",
			store.ErrNoSpace, dir, err)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		advice = "a part of the path is a file: name another directory"
	}
	return fmt.Errorf("the data directory %s cannot be used: %w: %s", dir, err, advice)
}
