package haproxy

import (
	"encoding/csv"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Info is what a running process reports about itself (management manual, "show info").
type Info struct {
	// PID is its process ID, Structure the digest of what it was started with.
	PID       int
	Structure string
	Version   string
	// Connections are open ones of clients.
	Connections int
}

// ParseInfo reads the answer to "show info".
func ParseInfo(text string) (i Info, err error) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch key {
		case "Pid":
			if i.PID, err = strconv.Atoi(value); err != nil {
				return i, fmt.Errorf("process ID of HAProxy: %w", err)
			}
		case "description":
			i.Structure = value
		case "Version":
			i.Version = value
		case "CurrConns":
			if i.Connections, err = strconv.Atoi(value); err != nil {
				return i, fmt.Errorf("number of HAProxy's connections: %w", err)
			}
		}
	}
	if i.PID == 0 {
		return i, fmt.Errorf("HAProxy's answer to \"show info\" names no process: %.80q", text)
	}
	return i, nil
}

// Server is a slot of the running process.
type Server struct {
	// Addr is invalid for a slot that never had a server.
	Addr   netip.AddrPort
	Weight int
	// Maintenance is true if it is not used.
	Maintenance bool
	// working is true if the last checks found it so, or there are none; id is that of the
	// backend.
	working bool
	id      string
	// line is its line in the answer.
	line string
}

// The columns of "show servers state" (management manual) that are read, the value of
// srv_op_state for a server that works, and the bit of srv_admin_state for maintenance.
const (
	columnState     = 5
	stateRunning    = "2"
	columnBackend   = 1
	columnServer    = 3
	columnAddress   = 4
	columnAdmin     = 6
	columnWeight    = 7
	columnPort      = 18
	adminMaintained = 1
)

// freePort is the port of slots without a server.
const freePort = 1

// ParseServers reads the answer to "show servers state": the slots of every backend.
func ParseServers(text string) (map[string][]Server, error) {
	out := map[string][]Server{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		f := strings.Fields(line)
		if len(f) <= 1 || f[0] == "#" { // the version of the format, and the header
			continue
		}
		if len(f) <= columnPort {
			return nil, fmt.Errorf("state of HAProxy's servers: too few columns in %q", line)
		}
		addr, errAddr := netip.ParseAddr(f[columnAddress])
		admin, errAdmin := strconv.Atoi(f[columnAdmin])
		weight, errWeight := strconv.Atoi(f[columnWeight])
		port, errPort := strconv.ParseUint(f[columnPort], 10, 16)
		if errAddr != nil || errAdmin != nil || errWeight != nil || errPort != nil {
			return nil, fmt.Errorf("state of HAProxy's servers: cannot read %q", line)
		}
		backend := f[columnBackend]
		if f[columnServer] != SlotName(len(out[backend])) {
			return nil, fmt.Errorf("state of HAProxy's servers: %s/%s is not the next slot", backend, f[columnServer])
		}
		s := Server{Addr: netip.AddrPortFrom(addr.Unmap(), uint16(port)), Weight: weight, Maintenance: admin&adminMaintained != 0, working: f[columnState] == stateRunning, id: f[0], line: line}
		if addr.IsUnspecified() && port == freePort {
			s.Addr = netip.AddrPort{}
		}
		out[backend] = append(out[backend], s)
	}
	return out, nil
}

// Statistics are the counters of a listener, backend or server ("show stat").
type Statistics struct {
	// Proxy is the name of the load balancer, or of a backend of it; Server is FRONTEND,
	// BACKEND, or the name of a slot.
	Proxy, Server string
	// Status is OPEN, UP, DOWN, MAINT, DRAIN or NOLB, perhaps with the progress of checks.
	Status string
	// Addr is that of a server.
	Addr   netip.AddrPort
	Weight int
	// Sessions are open, Total those since the start of the process; In and Out are bytes.
	Sessions, Total, In, Out int64
	// Since is the time in seconds for which the status is the present one.
	Since int64
	// Check is the result of the last check: "L4OK", "L7STS"; Code that of HTTP, and Detail
	// what was wrong.
	Check  string
	Code   int
	Detail string
	// Failed counts failed checks, Errors connections that failed.
	Failed, Errors int64
}

// ParseStatistics reads the answer to "show stat".
func ParseStatistics(text string) ([]Statistics, error) {
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(strings.TrimSpace(text), "# "))).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("statistics of HAProxy: %w", err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("statistics of HAProxy: none")
	}
	columns := map[string]int{}
	for i, name := range rows[0] {
		columns[name] = i
	}
	out := make([]Statistics, 0, len(rows)-1)
	for _, row := range rows[1:] {
		word := func(name string) string {
			if i, ok := columns[name]; ok {
				return row[i]
			}
			return ""
		}
		count := func(name string) int64 { // empty where it does not apply
			n, _ := strconv.ParseInt(word(name), 10, 64)
			return n
		}
		s := Statistics{
			Proxy: word("pxname"), Server: word("svname"), Status: word("status"), Weight: int(count("weight")),
			Sessions: count("scur"), Total: count("stot"), In: count("bin"), Out: count("bout"), Since: count("lastchg"),
			Check: strings.TrimPrefix(word("check_status"), "* "), Code: int(count("check_code")), Detail: word("last_chk"), Failed: count("chkfail"), Errors: count("econ"),
		}
		if a, err := netip.ParseAddrPort(word("addr")); err == nil {
			s.Addr = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		}
		out = append(out, s)
	}
	return out, nil
}
