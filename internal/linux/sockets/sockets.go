// Package sockets finds the process that has a port of a node, so that an error about a
// port in use can name it. It reads /proc and changes nothing.
package sockets

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/message"
)

// Holder is a process that has a port.
type Holder struct {
	// PID is its process ID, Name its program's name ("dnsmasq").
	PID  int
	Name string
	// Unit is the systemd service it belongs to; empty for none.
	Unit string
}

// String is "dnsmasq (process 812, dnsmasq.service)".
func (h Holder) String() string {
	text := fmt.Sprintf("%s (process %d", h.Name, h.PID)
	if h.Unit != "" {
		text += ", " + h.Unit
	}
	return text + ")"
}

// TakenError means that a server cannot have its port.
type TakenError struct {
	// Server is the server that needs it ("the DHCP server"), Port the port, of UDP unless
	// TCP is set.
	Server string
	Port   int
	TCP    bool
	// Holders have it; none if they could not be found.
	Holders []Holder
}

var (
	msgPortInUse = message.Define("port-in-use",
		"{server} cannot listen: {protocol} port {port} of this node is already in use:",
		"find the process that has it with `ss -{option}lpn sport = :{port}`, and stop it",
		"Another process has the port, and it could not be found which.")
	msgPortInUseBy = message.Define("port-in-use-by",
		"{server} cannot listen: {protocol} port {port} of this node is already in use by {processes}:",
		"systemctl disable --now {units}",
		"A service of the system has the port.")
	msgPortInUseByProcess = message.Define("port-in-use-by-process",
		"{server} cannot listen: {protocol} port {port} of this node is already in use by {processes}:",
		"stop it (kill {pid}), and see to it that it does not start again",
		"A process that is no service of the system has the port.")
)

// Error implements error.
func (e *TakenError) Error() string { return e.report().Text }

// MessageDetails implements message.Detailed.
func (e *TakenError) MessageDetails() message.Details { return e.report().Details }

func (e *TakenError) report() message.Message {
	protocol, option := "UDP", "u"
	if e.TCP {
		protocol, option = "TCP", "t"
	}
	if len(e.Holders) == 0 {
		return msgPortInUse.Of(e.Server, protocol, e.Port, option)
	}
	var by, units []string
	for _, h := range e.Holders {
		if h.Unit != "" {
			units = append(units, strings.TrimSuffix(h.Unit, ".service"))
		}
		by = append(by, h.String())
	}
	processes := strings.Join(by, " and ")
	if len(units) > 0 {
		return msgPortInUseBy.Of(e.Server, protocol, e.Port, processes, strings.Join(units, " "))
	}
	return msgPortInUseByProcess.Of(e.Server, protocol, e.Port, processes, e.Holders[0].PID)
}

// UDP finds the processes that have a UDP port at any address, IPv4 or IPv6, of the
// namespace; nil is the process's own. It skips inaccessible processes, and those that
// skip matches.
func UDP(ns *netns.NS, port int, skip func(pid int) bool) []Holder {
	return holders(ns, []string{"udp", "udp6"}, func(_ netip.Addr, p int) bool { return p == port }, skip)
}

// listening is the state of a TCP socket that waits for connections (tcp_states.h).
const listening = "0A"

// At finds the processes with sockets that block another one from an address and port of
// UDP or, with tcp, of TCP: those bound to this address, or to any.
func At(ns *netns.NS, tcp bool, want netip.AddrPort, skip func(pid int) bool) []Holder {
	tables := []string{"udp", "udp6"}
	if tcp {
		tables = []string{"tcp", "tcp6"}
	}
	return holders(ns, tables, func(a netip.Addr, p int) bool {
		any := a.IsUnspecified() && (a.Is6() || want.Addr().Is4()) // one of IPv6 may accept IPv4 too
		return p == int(want.Port()) && (any || a.Unmap() == want.Addr())
	}, skip)
}

// holders finds the processes that have a socket of the tables at an address and port.
func holders(ns *netns.NS, tables []string, matches func(netip.Addr, int) bool, skip func(pid int) bool) []Holder {
	inodes := map[string]bool{}
	read := func() error {
		for _, table := range tables {
			data, err := os.ReadFile("/proc/thread-self/net/" + table)
			if err != nil {
				continue // a node without IPv6 has no udp6
			}
			for line := range strings.Lines(string(data)) {
				// sl local_address rem_address st queues tr retrnsmt uid timeout inode (proc(5))
				f := strings.Fields(line)
				if len(f) < 10 || strings.HasPrefix(table, "tcp") && f[3] != listening {
					continue
				}
				if a, port, ok := parseAddress(f[1]); ok && matches(a, port) {
					inodes["socket:["+f[9]+"]"] = true
				}
			}
		}
		return nil
	}
	if ns == nil {
		_ = read()
	} else if ns.Run(read) != nil {
		return nil
	}
	if len(inodes) == 0 {
		return nil
	}
	var out []Holder
	dirs, _ := os.ReadDir("/proc")
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil || skip != nil && skip(pid) || !has(pid, inodes) {
			continue
		}
		name, _ := os.ReadFile(filepath.Join("/proc", d.Name(), "comm"))
		cgroup, _ := os.ReadFile(filepath.Join("/proc", d.Name(), "cgroup"))
		out = append(out, Holder{PID: pid, Name: strings.TrimSpace(string(name)), Unit: unit(string(cgroup))})
	}
	return out
}

// parseAddress parses an address in the kernel's form: words of 32 bits in its own byte
// order, in hexadecimal, and the port.
func parseAddress(text string) (netip.Addr, int, bool) {
	address, port, _ := strings.Cut(text, ":")
	b, err1 := hex.DecodeString(address)
	n, err2 := strconv.ParseUint(port, 16, 16)
	if err1 != nil || err2 != nil || len(b)%4 != 0 {
		return netip.Addr{}, 0, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	a, ok := netip.AddrFromSlice(b)
	return a, int(n), ok
}

// has reports whether a process has one of the sockets open.
func has(pid int, inodes map[string]bool) bool {
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	fds, _ := os.ReadDir(dir)
	for _, fd := range fds {
		if to, err := os.Readlink(filepath.Join(dir, fd.Name())); err == nil && inodes[to] {
			return true
		}
	}
	return false
}

// unit is the systemd service in a process's cgroups (cgroups(7)); empty without one.
func unit(cgroup string) string {
	for line := range strings.Lines(cgroup) {
		_, path, _ := strings.Cut(strings.TrimSpace(line), "::")
		for _, part := range strings.Split(path, "/") {
			if strings.HasSuffix(part, ".service") && !strings.HasPrefix(part, "user@") {
				return part
			}
		}
	}
	return ""
}
