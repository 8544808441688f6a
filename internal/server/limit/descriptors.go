package limit

import (
	"fmt"
	"syscall"
)

// What of a process's file descriptors is kept for other things than connections.
const (
	// storeReserve is for the embedded store (its log's segments, snapshots and
	// database; an external one has connections of its own), the listeners, name
	// look-ups and connections to external systems.
	storeReserve = 128
	// SocketConnections is how many connections the unix socket takes at once, in
	// addition to those of the network: an administrator on the host gets in
	// whatever goes on outside.
	SocketConnections = 128
)

// DefaultConnections is how many connections a server takes if nothing says
// otherwise: several thousand agents. Each costs some tens of KiB of memory.
const DefaultConnections = 8192

// fewest is below which a server does not start: it could not serve a small cluster.
const fewest = 64

// Descriptors is how many files the process may have open at once. The runtime has
// raised that to the system's hard limit when the process began (package os).
func Descriptors() (int, error) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, fmt.Errorf("asking how many files this process may open: %w", err)
	}
	return int(min(r.Cur, 1<<30)), nil
}

// Bounds works out how many connections fit into a number of file descriptors. total
// and perAddress are what was asked for; 0 stands for the default: as many as fit up
// to DefaultConnections, and an eighth of them from one address, but 64 at least. It is
// an error to ask for more than fit. From one IPv6 network come three quarters at most.
func Bounds(total, perAddress, descriptors int) (Connections, error) {
	fit := descriptors - storeReserve - SocketConnections
	switch {
	case fit < fewest:
		return Connections{}, fmt.Errorf("this process may open %d files at once, and the server needs at least %d: raise the limit (ulimit -n, LimitNOFILE of the systemd unit)",
			descriptors, storeReserve+SocketConnections+fewest)
	case total < 0 || perAddress < 0:
		return Connections{}, fmt.Errorf("--max-connections %d and --max-connections-per-address %d must not be negative; 0 stands for the default", total, perAddress)
	case total > fit:
		return Connections{}, fmt.Errorf("--max-connections %d does not fit: this process may open %d files at once, of which %d are kept for the store and the unix socket; "+
			"raise the limit (ulimit -n, LimitNOFILE of the systemd unit), or ask for at most %d", total, descriptors, storeReserve+SocketConnections, fit)
	case total == 0:
		total = min(fit, DefaultConnections)
	}
	if perAddress == 0 {
		perAddress = max(total/8, fewest)
	}
	return Connections{Total: total, PerAddress: min(perAddress, total), PerNetwork: max(total*3/4, 1)}, nil
}
