package haproxy

import (
	"fmt"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// stateHeader begins a file of server states (management manual, "show servers state").
const stateHeader = `1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port
`

// State is the content of the file from which a process that takes the place of the running one
// learns which servers work. A new server of a pool of which others work counts as failed until
// its first checks; without the file every server would count as working.
func State(all []desired.LoadBalancer, running map[string][]Server, slots map[string]Slots) string {
	var b strings.Builder
	b.WriteString(stateHeader)
	for i := range all {
		l := &all[i]
		has := running[l.Name]
		works := false
		for k, s := range slots[l.Name] {
			works = works || k < len(has) && has[k].serves(s) && has[k].working
		}
		for k, s := range slots[l.Name] {
			switch {
			case s == (desired.LoadBalancerServer{}):
			case k < len(has) && has[k].serves(s):
				b.WriteString(has[k].line + "\n")
			case works && l.Check != nil:
				fmt.Fprintf(&b, "%s %s %d %s %s 0 0 %d %d 1 1 0 0 6 0 0 0 - %d - 0 0 - - 0\n",
					has[0].id, l.Name, k+1, SlotName(k), s.Addr.Addr(), s.Weight, s.Weight, s.Addr.Port())
			}
		}
	}
	return b.String()
}

// serves reports whether a slot of the running process has a server, as it is wanted.
func (r Server) serves(s desired.LoadBalancerServer) bool {
	return r.Addr == s.Addr && r.Weight == s.Weight && !r.Maintenance
}
