package dnsserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/render/coredns"
)

// backlog is how many connections to the control socket may wait.
const backlog = 16

// handles are what a server needs and can open only while it is privileged: its directory,
// with parents that others cannot enter; the lock, which is held; and the control socket,
// which is bound and not listening yet.
type handles struct {
	dir, lock, control *os.File
	// path is the directory as this process reaches it.
	path string
}

func (h *handles) files() []*os.File { return []*os.File{h.dir, h.lock, h.control} }

// open opens them, or fails with ErrRuns.
func open(dir string) (*handles, error) {
	lock, err := os.OpenFile(filepath.Join(dir, coredns.Lock), os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	h := &handles{lock: lock, path: dir}
	// The kernel releases the lock when the process ends, however it does.
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %s", ErrRuns, dir), lock.Close())
	}
	if h.control, err = bindControl(filepath.Join(dir, coredns.Control)); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if h.dir, err = os.Open(dir); err != nil {
		return nil, errors.Join(err, lock.Close(), h.control.Close())
	}
	return h, nil
}

// bindControl creates the control socket, which only its owner may connect to.
func bindControl(path string) (*os.File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), path)
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), os.Chmod(path, 0o600)); err != nil {
		return nil, errors.Join(fmt.Errorf("make the socket %s: %w", path, err), f.Close())
	}
	return f, nil
}

// inherit adopts handles from the program that executed this one in its own process.
func inherit(text string) (*handles, error) {
	var dir, lock, control int
	if n, err := fmt.Sscanf(text, "%d,%d,%d", &dir, &lock, &control); n != 3 || err != nil {
		return nil, fmt.Errorf("--inherited %q: must be three file descriptors with commas; only the agent uses it", text)
	}
	for _, fd := range []int{dir, lock, control} {
		unix.CloseOnExec(fd)
	}
	return &handles{
		dir: os.NewFile(uintptr(dir), "directory"), lock: os.NewFile(uintptr(lock), "lock"), control: os.NewFile(uintptr(control), "control"),
		path: fmt.Sprintf("/proc/self/fd/%d", dir),
	}, nil
}

// become executes this program again in this process, with the arguments, as another user
// who has no capabilities and can get none. It returns only if that fails.
func become(user string, args []string, h *handles) error {
	var uid, gid int
	if n, err := fmt.Sscanf(user, "%d:%d", &uid, &gid); n != 2 || err != nil || uid <= 0 || gid <= 0 {
		return fmt.Errorf("--user %q: must be UID:GID, neither of which is 0", user)
	}
	for _, f := range h.files() {
		if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0); err != nil {
			return err
		}
	}
	args = append(args, fmt.Sprintf("--inherited=%d,%d,%d", h.dir.Fd(), h.lock.Fd(), h.control.Fd()))
	// Credentials belong to a thread in the kernel; the program that this one executes
	// replaces all others, and has its credentials.
	runtime.LockOSThread()
	if err := dropRights(uid, gid); err != nil {
		return fmt.Errorf("become user %s: %w", user, err)
	}
	// The path of the program may be accessible only to root.
	err := unix.Exec("/proc/self/exe", args, os.Environ()) //nolint:forbidigo // handed on as it is, not read
	return fmt.Errorf("start as user %s: %w; the program's file must be readable and executable for everybody", user, err)
}

// dropRights switches the thread to the user, without privileges now and later.
func dropRights(uid, gid int) error {
	for c := range uintptr(64) {
		// EINVAL ends the list of capabilities. Without the privilege for this, the
		// following calls suffice.
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); errors.Is(err, unix.EINVAL) {
			break
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	// Not by package syscall, which would do it for every thread.
	for _, call := range [][4]uintptr{
		{unix.SYS_SETGROUPS, 0, 0, 0},
		{unix.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid)},
		{unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)}, // which drops all capabilities
	} {
		if _, _, errno := unix.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
			return errno
		}
	}
	return nil
}
