package haproxy

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/test/golden"
)

var settings = Settings{
	Socket: "/run/viaduct-haproxy/process/1.sock", State: "/run/viaduct-haproxy/state", Certificates: "/run/viaduct-haproxy/certificates",
	Namespace: func(space string) string { return "../../run/viaduct-haproxy/namespaces/" + space + "-4026531840" }, Threads: 1, Files: 65536,
}

func TestConfig(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(t *testing.T, c *golden.Case) {
		var all []desired.LoadBalancer
		if err := json.Unmarshal([]byte(c.Files["loadbalancers.json"]), &all); err != nil {
			t.Fatal(err)
		}
		slots := map[string]Slots{}
		for i := range all {
			slots[all[i].Name] = Place(all[i].Servers, nil)
		}
		c.Want(t, "want", Config(all, slots, settings, Structure(all, settings)))
	})
}

// What can change at run time is no part of the structure, and all else is.
func TestStructure(t *testing.T) {
	make := func(change func(l *desired.LoadBalancer, s *Settings)) string {
		s := settings
		l := desired.LoadBalancer{Name: "web", Space: "red", HTTP: true, Algorithm: desired.BalanceRoundRobin, MaxConnections: 1, IdleTimeout: 1,
			Certificate: &desired.KeyPair{Chain: "a", Key: "b"}, Check: &desired.HealthCheck{Interval: 1, Fall: 1, Rise: 1},
			Listen:  []desired.LoadBalancerListener{{Addr: netip.MustParseAddrPort("10.0.0.1:80")}},
			Servers: []desired.LoadBalancerServer{server(1)}}
		change(&l, &s)
		return Structure([]desired.LoadBalancer{l}, s)
	}
	first := make(func(*desired.LoadBalancer, *Settings) {})
	for i, change := range []func(l *desired.LoadBalancer, s *Settings){
		func(l *desired.LoadBalancer, _ *Settings) { l.Servers = append(l.Servers, server(2)) },
		func(l *desired.LoadBalancer, _ *Settings) { l.Servers[0].Weight = 7 },
		func(l *desired.LoadBalancer, _ *Settings) { l.Owner = "load-balancer/other" },
		func(_ *desired.LoadBalancer, s *Settings) { s.Socket = "/run/2.sock" },
	} {
		if make(change) != first {
			t.Errorf("change %d at run time makes another structure", i)
		}
	}
	seen := map[string]int{first: -1}
	for i, change := range []func(l *desired.LoadBalancer, s *Settings){
		func(l *desired.LoadBalancer, _ *Settings) { l.Name = "web2" },
		func(l *desired.LoadBalancer, _ *Settings) { l.Space = "blue" },
		func(l *desired.LoadBalancer, _ *Settings) { l.HTTP = false },
		func(l *desired.LoadBalancer, _ *Settings) { l.Algorithm = desired.BalanceLeastConn },
		func(l *desired.LoadBalancer, _ *Settings) { l.Certificate.Key = "c" },
		func(l *desired.LoadBalancer, _ *Settings) { l.Check.Interval = 2 },
		func(l *desired.LoadBalancer, _ *Settings) { l.Panic = 1 },
		func(l *desired.LoadBalancer, _ *Settings) { l.Sticky = true },
		func(l *desired.LoadBalancer, _ *Settings) { l.AcceptProxy = true },
		func(l *desired.LoadBalancer, _ *Settings) { l.SendProxy = true },
		func(l *desired.LoadBalancer, _ *Settings) { l.MaxConnections = 2 },
		func(l *desired.LoadBalancer, _ *Settings) { l.IdleTimeout = 2 },
		func(l *desired.LoadBalancer, _ *Settings) { l.Listen[0].Redirect = true },
		func(_ *desired.LoadBalancer, s *Settings) {
			s.Namespace = func(string) string { return "another inode" }
		},
		func(_ *desired.LoadBalancer, s *Settings) { s.Threads = 2 },
	} {
		structure := make(change)
		if was, twice := seen[structure]; twice {
			t.Errorf("changes %d and %d make one structure", was, i)
		}
		seen[structure] = i
	}
}

// server is the server with a number.
func server(n int) desired.LoadBalancerServer {
	return desired.LoadBalancerServer{Name: fmt.Sprint("guest-", n), Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}), 80), Weight: 100}
}

// The commands bring any process to any servers that it has slots for, in two steps at most:
// the second one changes nothing. A server that stays is not touched.
func TestUpdateConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		running := make([]Server, rapid.IntRange(1, 8).Draw(t, "slots"))
		numbers := rapid.SliceOfNDistinct(rapid.IntRange(1, 20), len(running), len(running), rapid.ID[int]).Draw(t, "running")
		for i := range running {
			switch rapid.IntRange(0, 2).Draw(t, "slot") {
			case 0:
				running[i] = Server{Weight: 1, Maintenance: true}
			case 1:
				running[i] = Server{Addr: server(numbers[i]).Addr, Weight: 50, Maintenance: true}
			case 2:
				running[i] = Server{Addr: server(numbers[i]).Addr, Weight: rapid.SampledFrom([]int{0, 100}).Draw(t, "weight")}
			}
		}
		l := &desired.LoadBalancer{Name: "web"}
		for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(1, 20), 0, 10, rapid.ID[int]).Draw(t, "wanted") {
			l.Servers = append(l.Servers, server(n))
		}
		before := slices.Clone(running)
		commands, slots, ok := Update(l, "web", running)
		if ok != (len(l.Servers) <= len(running)) {
			t.Fatalf("%d servers in %d slots: %v", len(l.Servers), len(running), ok)
		}
		if !ok {
			return
		}
		for _, c := range commands {
			obey(t, running, c)
		}
		if again, _, _ := Update(l, "web", running); len(again) > 0 {
			t.Fatalf("after %q there is still %q to do", commands, again)
		}
		var used []desired.LoadBalancerServer
		for i, r := range running {
			if !r.Maintenance {
				used = append(used, slots[i])
				if slots[i].Addr != r.Addr || slots[i].Weight != r.Weight {
					t.Fatalf("slot %d has %v, said to have %v", i, r, slots[i])
				}
			}
			if b := before[i]; !b.Maintenance && slices.ContainsFunc(l.Servers, func(s desired.LoadBalancerServer) bool { return s.Addr == b.Addr }) && r.Addr != b.Addr {
				t.Fatalf("slot %d had %v, which stays, and has %v", i, b, r)
			}
		}
		byName := func(a, b desired.LoadBalancerServer) int { return strings.Compare(a.Name, b.Name) }
		slices.SortFunc(used, byName)
		slices.SortFunc(l.Servers, byName)
		if !slices.Equal(used, l.Servers) {
			t.Fatalf("has %v, want %v", used, l.Servers)
		}
	})
}

// obey does what HAProxy does with a command.
func obey(t *rapid.T, running []Server, command string) {
	var slot int
	f := strings.Fields(command)
	if _, err := fmt.Sscanf(f[2], "web/s%d", &slot); err != nil {
		t.Fatal(err)
	}
	s := &running[slot-1]
	switch strings.Join(f[3:], " ") {
	case "state maint":
		s.Maintenance = true
	case "state ready":
		s.Maintenance = false
	default:
		switch f[3] {
		case "addr":
			s.Addr = netip.MustParseAddrPort(f[4] + ":" + f[6])
		case "weight":
			if _, err := fmt.Sscan(f[4], &s.Weight); err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatalf("unknown: %s", command)
		}
	}
}

// A pool keeps its slots, and with them its servers, until it needs more or is much smaller.
func TestPlace(t *testing.T) {
	var running []Server
	for n := 1; n <= 4; n++ {
		running = append(running, Server{Addr: server(n).Addr, Weight: 100, Maintenance: n == 2})
	}
	got := Place([]desired.LoadBalancerServer{server(3), server(5), server(6), server(7), server(8)}, running)
	want := Slots{server(8), server(5), server(3), {}, server(6), server(7)} // those in use are free last
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b desired.LoadBalancerServer) bool { return a == b })); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if n := len(Place([]desired.LoadBalancerServer{server(1)}, running)); n != 4 {
		t.Errorf("a pool of 4 slots has %d with one server", n)
	}
	if n := len(Place(nil, make([]Server, 9))); n != 1 {
		t.Errorf("a pool of 9 slots has %d without servers", n)
	}
}

const answer = `1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port
3 web 1 s1 127.0.0.1 2 0 100 1 2 15 3 4 6 0 0 0 - 8001 - 0 0 - - 0
3 web 2 s2 fd00::12 0 4 50 1 0 1 0 0 6 0 0 0 - 8002 - 0 0 - - 0
3 web 3 s3 0.0.0.0 0 5 1 1 2 1 0 0 14 0 0 0 - 1 - 0 0 - - 0
`

// The state of servers is read, and written for the next process: as it was for those that
// stay, as failed for new ones.
func TestServersAndState(t *testing.T) {
	got, err := ParseServers(answer)
	if err != nil || len(got["web"]) != 3 {
		t.Fatalf("%v, %v", got, err)
	}
	for i, want := range []Server{
		{Addr: netip.MustParseAddrPort("127.0.0.1:8001"), Weight: 100}, {Addr: netip.MustParseAddrPort("[fd00::12]:8002"), Weight: 50}, {Weight: 1, Maintenance: true},
	} {
		if s := got["web"][i]; s.Addr != want.Addr || s.Weight != want.Weight || s.Maintenance != want.Maintenance {
			t.Errorf("slot %d: %+v", i, s)
		}
	}
	stays := desired.LoadBalancerServer{Name: "a", Addr: netip.MustParseAddrPort("127.0.0.1:8001"), Weight: 100}
	l := desired.LoadBalancer{Name: "web", Check: &desired.HealthCheck{Interval: 1}}
	state := func(slots ...desired.LoadBalancerServer) string {
		return strings.TrimPrefix(State([]desired.LoadBalancer{l}, got, map[string]Slots{"web": slots}), stateHeader)
	}
	first := "3 web 1 s1 127.0.0.1 2 0 100 1 2 15 3 4 6 0 0 0 - 8001 - 0 0 - - 0\n"
	if s := state(stays, desired.LoadBalancerServer{}); s != first {
		t.Errorf("of a server that stays: %s", s)
	}
	if s := state(stays, server(9)); s != first+"3 web 2 s2 10.0.0.9 0 0 100 100 1 1 0 0 6 0 0 0 - 80 - 0 0 - - 0\n" {
		t.Errorf("with a new server: %s", s)
	}
	if s := state(server(9)); s != "" {
		t.Errorf("of a new server alone: %s", s)
	}
	for _, bad := range []string{"1\n3 web 1 s1\n", strings.Replace(answer, "0.0.0.0", "none", 1), strings.Replace(answer, " s2 ", " s4 ", 1)} {
		if _, err := ParseServers(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func TestParseInfoAndStatistics(t *testing.T) {
	info, err := ParseInfo("Name: HAProxy\nVersion: 2.6.12-1+deb12u4\nPid: 812\nCurrConns: 7\ndescription: abc\n")
	if err != nil || info != (Info{PID: 812, Structure: "abc", Version: "2.6.12-1+deb12u4", Connections: 7}) {
		t.Errorf("%+v, %v", info, err)
	}
	for _, bad := range []string{"", "Pid: none", "Pid: 1\nCurrConns: x"} {
		if _, err := ParseInfo(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
	got, err := ParseStatistics("# pxname,svname,scur,stot,bin,bout,status,weight,lastchg,chkfail,econ,check_status,check_code,last_chk,addr,\n" +
		"web,FRONTEND,3,40,100,200,OPEN,,,,,,,,,\nweb,s1,2,30,50,60,DOWN 1/2,100,17,4,5,* L7STS,503,\"HTTP status, 503\",10.0.0.9:80,\n")
	want := []Statistics{
		{Proxy: "web", Server: "FRONTEND", Status: "OPEN", Sessions: 3, Total: 40, In: 100, Out: 200},
		{Proxy: "web", Server: "s1", Status: "DOWN 1/2", Addr: netip.MustParseAddrPort("10.0.0.9:80"), Weight: 100, Sessions: 2, Total: 30, In: 50, Out: 60, Since: 17,
			Check: "L7STS", Code: 503, Detail: "HTTP status, 503", Failed: 4, Errors: 5},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := ParseStatistics(""); err == nil {
		t.Error("nothing is read as statistics")
	}
}
