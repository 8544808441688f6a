// Package netns makes and enters Linux network namespaces (network_namespaces(7)) without
// ever moving a thread that other goroutines run on.
//
// It is next to the drivers: they use it to work in another namespace than the process's
// own, probes and tests to get one that is removed automatically.
package netns

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// NS is a handle on a network namespace. The nil *NS is the namespace of the process.
type NS struct{ file *os.File }

// New makes a network namespace without a name. It exists as long as the handle, a process
// or a socket in it does, so a killed program leaves none behind.
func New() (*NS, error) {
	ns := &NS{}
	err := OnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make a network namespace: %w", err)
		}
		f, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
		if err != nil {
			return fmt.Errorf("open the new network namespace: %w", err)
		}
		ns.file = f
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ns, nil
}

// Self returns a handle on the namespace of the process.
func Self() (*NS, error) {
	f, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("open the process's network namespace: %w", err)
	}
	return &NS{file: f}, nil
}

// Close closes the handle.
func (n *NS) Close() error {
	if n == nil {
		return nil
	}
	return n.file.Close()
}

// Same reports whether two handles refer to the same namespace.
func (n *NS) Same(other *NS) (bool, error) {
	a, errA := n.file.Stat()
	b, errB := other.file.Stat()
	return errA == nil && errB == nil && os.SameFile(a, b), errors.Join(errA, errB)
}

// Inode identifies the namespace among those that exist at one time.
func (n *NS) Inode() (uint64, error) {
	var st unix.Stat_t
	err := unix.Fstat(n.FD(), &st)
	return st.Ino, err
}

// FD is the handle's file descriptor, valid until Close.
func (n *NS) FD() int { return int(n.file.Fd()) }

// Run calls f on a thread inside the namespace and returns its error. Sockets that f opens
// and processes that it starts stay in the namespace; goroutines that it starts do not run
// there. For the nil namespace f runs in place.
func (n *NS) Run(f func() error) error {
	if n == nil {
		return f()
	}
	return OnThread(func() error {
		if err := unix.Setns(n.FD(), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter a network namespace: %w", err)
		}
		return f()
	})
}

// OnThread runs f on a locked thread that is discarded afterwards: the goroutine ends
// without unlocking it, so that no other goroutine can ever run in a wrong namespace.
//
// It is never the process's first thread. The runtime cannot end that one and leaves it
// asleep in the namespace, and the kernel treats its namespaces as those of the process:
// in /proc/self, and when another process searches for the processes of a namespace.
func OnThread(f func() error) error {
	err := errors.New("the function ended its goroutine")
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() {
			defer runtime.UnlockOSThread()
			err = OnThread(f) // on another thread, as this goroutine holds the first
			return
		}
		err = f()
	}()
	<-done
	return err
}
