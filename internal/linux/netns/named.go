package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Dir is a directory of named network namespaces, each a file over which the namespace is
// mounted, as ip-netns(8) keeps them.
type Dir string

// SystemDir is the directory of ip-netns(8).
const SystemDir Dir = "/run/netns"

// List returns the names in the directory; none without one.
func (d Dir) List() ([]string, error) {
	files, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list network namespaces: %w", err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names, nil
}

// Open opens a namespace. A plain file, which remains after a kill between its creation
// and the mount, counts as missing (fs.ErrNotExist).
func (d Dir) Open(name string) (*NS, error) {
	f, err := os.Open(filepath.Join(string(d), name))
	if err != nil {
		return nil, fmt.Errorf("open network namespace %s: %w", name, err)
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil || st.Type != unix.NSFS_MAGIC {
		_ = f.Close()
		return nil, fmt.Errorf("open network namespace %s: %w", name, errors.Join(fs.ErrNotExist, err))
	}
	return &NS{file: f}, nil
}

// Make makes a namespace with its loopback interface up. It persists until Delete,
// independent of any process. Before it gets its name, inside runs on a thread in it, so
// that no namespace with the name exists without what inside sets up; nil for nothing.
func (d Dir) Make(name string, inside func() error) error {
	err := d.run(func() error {
		if err := d.Share(); err != nil {
			return err
		}
		path := filepath.Join(string(d), name)
		f, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o444)
		if err != nil {
			return err
		}
		_ = f.Close()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		if err := loopbackUp(); err != nil {
			return err
		}
		if inside != nil {
			if err := inside(); err != nil {
				return err
			}
		}
		return unix.Mount(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()), path, "none", unix.MS_BIND, "")
	})
	if err != nil {
		return fmt.Errorf("make network namespace %s: %w", name, err)
	}
	return nil
}

// Delete removes a namespace's name. The kernel removes the namespace, with all interfaces
// in it, when no process, socket or handle is in it.
func (d Dir) Delete(name string) error {
	err := d.run(func() error {
		path := filepath.Join(string(d), name)
		for { // mounts may lie one over the other
			if err := unix.Unmount(path, unix.MNT_DETACH); errors.Is(err, unix.EINVAL) {
				return os.Remove(path)
			} else if err != nil {
				return err
			}
		}
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete network namespace %s: %w", name, err)
	}
	return nil
}

// Remove deletes all namespaces of the directory, and the directory.
func (d Dir) Remove() error {
	names, err := d.List()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := d.Delete(name); err != nil {
			return err
		}
	}
	if err := unix.Unmount(string(d), unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove %s: %w", d, err)
	}
	return os.RemoveAll(string(d))
}

// run calls f on a separate thread. In the system's directory it works in the mount
// namespace of the first process: a mount in a service's own mount namespace (systemd)
// would end with it, and be invisible elsewhere.
func (d Dir) run(f func() error) error {
	return OnThread(func() error {
		if d != SystemDir {
			return f()
		}
		own, err := os.Readlink("/proc/thread-self/ns/mnt")
		if err != nil {
			return err
		}
		first, err := os.Readlink("/proc/1/ns/mnt")
		switch {
		case errors.Is(err, fs.ErrPermission), own == first:
			return f() // in a container that may not look at its first process there is no other
		case err != nil:
			return err
		}
		mounts, err := os.Open("/proc/1/ns/mnt")
		if err != nil {
			return err
		}
		defer mounts.Close()
		// A thread that shares its working directory with others cannot change it.
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return err
		}
		if err := unix.Setns(int(mounts.Fd()), unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("enter the mount namespace of the system: %w", err)
		}
		return f()
	})
}

// Share makes the directory a shared mount, unless it is one, so that its namespaces
// appear in, and disappear from, all mount namespaces that are made afterwards.
func (d Dir) Share() error {
	if err := os.MkdirAll(string(d), 0o755); err != nil {
		return err
	}
	err := unix.Mount("", string(d), "", unix.MS_SHARED|unix.MS_REC, "")
	if errors.Is(err, unix.EINVAL) { // no mount
		if err := unix.Mount(string(d), string(d), "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return err
		}
		err = unix.Mount("", string(d), "", unix.MS_SHARED|unix.MS_REC, "")
	}
	return err
}

// loopbackUp brings up the loopback interface of the thread's namespace.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}
