package haproxy

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// Slots are the servers of a pool by slot; a free slot is the zero value.
type Slots []desired.LoadBalancerServer

// SlotName is the name of a slot in HAProxy; slots are counted from 0.
func SlotName(i int) string { return "s" + strconv.Itoa(i+1) }

// capacity is the number of slots of a new pool: a quarter more than its servers, at least
// one more. A slot takes about 6 KB of memory.
func capacity(servers int) int { return servers + max(1, servers/4) }

// Place puts servers into slots. Those of the running process, which may be nil, keep theirs.
func Place(servers []desired.LoadBalancerServer, running []Server) Slots {
	out := make(Slots, max(len(running), capacity(len(servers))))
	if len(running) > 4*capacity(len(servers)) { // the pool was much larger
		out = make(Slots, capacity(len(servers)))
	}
	place(out, servers, running)
	return out
}

// place puts servers into the slots of out, which are enough: first those that the running
// process has, then others into slots that it does not use.
func place(out Slots, servers []desired.LoadBalancerServer, running []Server) {
	at := map[netip.AddrPort]int{}
	busy := map[int]bool{}
	for i, r := range running {
		if i < len(out) && r.Addr.Port() != 0 {
			if known, twice := at[r.Addr]; !twice || running[known].Maintenance {
				at[r.Addr] = i
			}
			busy[i] = !r.Maintenance
		}
	}
	var rest []desired.LoadBalancerServer
	for _, s := range servers {
		if i, ok := at[s.Addr]; ok {
			out[i] = s
		} else {
			rest = append(rest, s)
		}
	}
	for _, avoid := range []bool{true, false} {
		for i := range out {
			if len(rest) == 0 || out[i] != (desired.LoadBalancerServer{}) || avoid && busy[i] {
				continue
			}
			out[i], rest = rest[0], rest[1:]
		}
	}
}

// Update returns the commands of the runtime API by which a backend of the running process
// gets the servers of a pool, and where they then are. ok is false if it has too few slots.
// Servers are added before others are removed; a removed one keeps its connections.
func Update(l *desired.LoadBalancer, backend string, running []Server) (commands []string, slots Slots, ok bool) {
	if len(l.Servers) > len(running) {
		return nil, nil, false
	}
	slots = make(Slots, len(running))
	place(slots, l.Servers, running)
	var removals []string
	used := 0
	for _, r := range running {
		if !r.Maintenance {
			used++
		}
	}
	for i, s := range slots {
		r, name := running[i], backend+"/"+SlotName(i)
		set := func(format string, args ...any) {
			commands = append(commands, "set server "+name+" "+fmt.Sprintf(format, args...))
		}
		if s == (desired.LoadBalancerServer{}) {
			if !r.Maintenance {
				removals = append(removals, "set server "+name+" state maint")
			}
			continue
		}
		if s.Addr != r.Addr {
			set("addr %s port %d", s.Addr.Addr(), s.Addr.Port())
		}
		if s.Weight != r.Weight {
			set("weight %d", s.Weight)
		}
		if r.Maintenance || s.Addr != r.Addr {
			set("state ready")
			if l.Check != nil && backend == l.Name && used > 0 {
				set("health down") // until its first checks succeed, others serve
			}
		}
	}
	return append(commands, removals...), slots, true
}
