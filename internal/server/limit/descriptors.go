package limit

import (
	"fmt"
	"syscall"
)

// File descriptors of the process that are not for connections of the network.
const (
	// storeReserve is for the embedded store (its log's segments, snapshots and
	// database; an external one has connections of its own), the listeners, DNS
	// look-ups and connections to external systems.
	storeReserve = 128
	// SocketConnections is how many connections the unix socket accepts at once, in
	// addition to those of the network: an administrator on the host can always
	// connect, whatever the load from outside.
	SocketConnections = 128
)

// DefaultConnections is the default maximum of connections to a server: several
// thousand agents. Each costs some tens of KiB of memory.
const DefaultConnections = 8192

// minConnections is the minimum to start a server: with fewer it could not serve a small cluster.
const minConnections = 64

// Descriptors returns how many files the process may have open at once. The runtime
// raised that to the system's hard limit when the process started (package os).
func Descriptors() (int, error) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, fmt.Errorf("asking how many files this process may open: %w", err)
	}
	return int(min(r.Cur, 1<<30)), nil
}

// Bounds computes how many connections fit into a number of file descriptors. total and
// perAddress are the requested limits; 0 means the default: as many as fit up to
// DefaultConnections, and an eighth of them, but at least 64, from one address. A limit
// that does not fit is an error. One IPv6 network gets at most three quarters.
func Bounds(total, perAddress, descriptors int) (Connections, error) {
	fit := descriptors - storeReserve - SocketConnections
	switch {
	case fit < minConnections:
		return Connections{}, fmt.Errorf("this process may open %d files at once, and the server needs at least %d: raise the limit (ulimit -n, LimitNOFILE of the systemd unit)",
			descriptors, storeReserve+SocketConnections+minConnections)
	case total < 0 || perAddress < 0:
		return Connections{}, fmt.Errorf("--max-connections %d and --max-connections-per-address %d must not be negative; 0 stands for the default", total, perAddress)
	case total > fit:
		return Connections{}, fmt.Errorf("--max-connections %d does not fit: this process may open %d files at once, of which %d are kept for the store and the unix socket; "+
			"raise the limit (ulimit -n, LimitNOFILE of the systemd unit), or ask for at most %d", total, descriptors, storeReserve+SocketConnections, fit)
	case total == 0:
		total = min(fit, DefaultConnections)
	}
	if perAddress == 0 {
		perAddress = max(total/8, minConnections)
	}
	return Connections{Total: total, PerAddress: min(perAddress, total), PerNetwork: max(total*3/4, 1)}, nil
}
