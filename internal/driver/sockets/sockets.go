// Package sockets finds out which process has a UDP port of a node, so that an error
// about a port in use can name it. It reads /proc and changes nothing.
package sockets

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/netns"
)

// Holder is a process that has a port.
type Holder struct {
	// PID is its number, Name its program's name ("dnsmasq").
	PID  int
	Name string
	// Unit is the systemd service it belongs to; empty for none.
	Unit string
}

// TakenError says that a server cannot have its port.
type TakenError struct {
	// Server is who wants it ("the DHCP server"), Port the UDP port.
	Server string
	Port   int
	// Holders have it; none if they could not be found.
	Holders []Holder
}

// Error implements error.
func (e *TakenError) Error() string {
	head := fmt.Sprintf("%s cannot start: UDP port %d of this node is already in use", e.Server, e.Port)
	if len(e.Holders) == 0 {
		return fmt.Sprintf("%s: find the process that has it with `ss -ulpn sport = :%d`, and stop it", head, e.Port)
	}
	var by, units []string
	for _, h := range e.Holders {
		text := fmt.Sprintf("%s (process %d", h.Name, h.PID)
		if h.Unit != "" {
			text += ", " + h.Unit
			units = append(units, strings.TrimSuffix(h.Unit, ".service"))
		}
		by = append(by, text+")")
	}
	advice := fmt.Sprintf("stop it (kill %d), and see to it that it does not start again", e.Holders[0].PID)
	if len(units) > 0 {
		advice = "systemctl disable --now " + strings.Join(units, " ")
	}
	return fmt.Sprintf("%s by %s: %s", head, strings.Join(by, " and "), advice)
}

// UDP finds the processes that have a UDP port at any address, IPv4 or IPv6, of the
// namespace; nil is the process's own. Those that may not be looked at are left out.
// skip tells processes that do not count.
func UDP(ns *netns.NS, port int, skip func(pid int) bool) []Holder {
	inodes := map[string]bool{}
	read := func() error {
		for _, table := range []string{"udp", "udp6"} {
			data, err := os.ReadFile("/proc/thread-self/net/" + table)
			if err != nil {
				continue // a node without IPv6 has no udp6
			}
			for line := range strings.Lines(string(data)) {
				// sl local_address rem_address st queues tr retrnsmt uid timeout inode (proc(5))
				f := strings.Fields(line)
				if len(f) < 10 {
					continue
				}
				_, hex, _ := strings.Cut(f[1], ":")
				if n, err := strconv.ParseUint(hex, 16, 16); err == nil && int(n) == port {
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
