package haproxy

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
	"github.com/viaduct-sdn/viaduct/test/requires"
)

// Two spaces have the same address; each gets its own servers, from one process without rights
// but two.
func TestSameAddressTwice(t *testing.T) {
	l := newLab(t)
	l.serve("red", 8001, "in red")
	l.serve("blue", 8001, "in blue")
	plan, err := l.reconcile(true, balancer("red", 8001), balancer("blue", 8001))
	if err != nil || len(plan.Changes) != 4 || plan.Writes == 0 {
		t.Fatalf("the plan: %+v, %v", plan, err)
	}
	l.apply(balancer("red", 8001), balancer("blue", 8001))
	for space, want := range map[string]string{"red": "in red", "blue": "in blue"} {
		if got := l.greeting(space, address+":80"); got != want {
			t.Errorf("from %s: %q", space, got)
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", l.pid()))
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{"Uid": "60791 60791 60791 60791", "CapEff": "0000000000200400", "CapPrm": "0000000000200400"} {
		_, rest, _ := strings.Cut(string(status), "\n"+field+":")
		line, _, _ := strings.Cut(rest, "\n")
		if got := strings.Join(strings.Fields(line), " "); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
}

// Servers change without another process and without loss of a connection: one comes, one gets
// no more connections and keeps those it has, one gets another weight.
func TestServersChangeAtRunTime(t *testing.T) {
	l := newLab(t)
	l.serve("red", 8001, "one")
	l.serve("red", 8002, "two")
	l.apply(balancer("red", 8001))
	before := l.pid()
	const open = 1000
	conns := make([]net.Conn, open)
	var wait sync.WaitGroup
	for worker := range 20 {
		wait.Go(func() {
			for i := worker; i < open; i += 20 {
				c, err := l.dial("red", address+":80")
				if err == nil {
					_, err = bufio.NewReader(c).ReadString('\n')
				}
				if err != nil {
					t.Error(err)
					return
				}
				conns[i] = c
			}
		})
	}
	wait.Wait()
	if t.Failed() {
		t.FailNow()
	}
	r := l.apply(balancer("red", 8002))
	if len(r.Changes) != 2 || l.pid() != before {
		t.Errorf("%v; process %d, before %d", r.Changes, l.pid(), before)
	}
	if got := l.greeting("red", address+":80"); got != "two" {
		t.Errorf("after the change %q answers", got)
	}
	lost := 0
	for i, c := range conns {
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := fmt.Fprintln(c, i); err != nil {
			lost++
		} else if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || line != fmt.Sprintln(i) {
			lost++
		}
		_ = c.Close()
	}
	if lost > 0 {
		t.Errorf("%d of %d connections were lost", lost, open)
	}
	both := balancer("red", 8001, 8002)
	both.Servers[0].Weight, both.Servers[1].Weight = 30, 10
	l.apply(both)
	count := map[string]int{}
	for range 40 {
		count[l.greeting("red", address+":80")]++
	}
	if count["one"] < 25 || count["two"] < 5 || l.pid() != before {
		t.Errorf("weights 30 and 10 give %v", count)
	}
	both.Servers[0].Weight = 0
	l.apply(both)
	for range 5 {
		if got := l.greeting("red", address+":80"); got != "two" {
			t.Errorf("one without weight answers: %q", got)
		}
	}
}

// More servers than a pool has slots take another process; what it had before, and whether it
// worked, stays.
func TestPoolGrows(t *testing.T) {
	l := newLab(t)
	l.serve("red", 8001, "one")
	ports := []int{8001}
	b := balancer("red", ports...)
	b.Check = &desired.HealthCheck{Interval: 1, Fall: 1, Rise: 1}
	l.apply(b)
	before := l.pid()
	for port := 8002; port < 8012; port++ {
		ports = append(ports, port)
	}
	grown := balancer("red", ports...)
	grown.Check = b.Check
	l.apply(grown)
	if l.pid() == before {
		t.Error("a pool of 1 took 11 servers without another process")
	}
	for range 12 { // none of the new ones is used before it has been checked
		if got := l.greeting("red", address+":80"); got != "one" {
			t.Errorf("%q answers", got)
		}
	}
	l.eventually("ten servers are down", func() bool {
		stats, err := l.d.Statistics(context.Background())
		down := 0
		for _, s := range stats {
			if strings.HasPrefix(s.Status, "DOWN") && s.Check == "L4CON" && s.Detail != "" && s.Addr.Port() > 8001 {
				down++
			}
		}
		return err == nil && down == 10
	})
	// The state of servers goes over to the next process: none of the ten is tried.
	grown.IdleTimeout = 30
	l.apply(grown)
	stats, err := l.d.Statistics(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stats {
		if s.Addr.Port() > 8001 && !strings.HasPrefix(s.Status, "DOWN") {
			t.Errorf("%s is %s in the next process", s.Addr, s.Status)
		}
	}
}

// No request fails while load balancers come, change and go.
func TestReloadUnderTraffic(t *testing.T) {
	l := newLab(t)
	l.serveHTTP("red", 8001, "one")
	web := balancer("red", 8001)
	web.HTTP = true
	l.apply(web)
	var requests, failed atomic.Int64
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			client := l.client("red")
			for ctx.Err() == nil {
				r, err := client.Get("http://" + address + "/")
				if err != nil {
					failed.Add(1)
					t.Log(err)
				} else if r.StatusCode != http.StatusOK {
					failed.Add(1)
				}
				if err == nil {
					_ = r.Body.Close()
				}
				requests.Add(1)
			}
		})
	}
	pids := map[int]bool{}
	for i := range 6 {
		web.IdleTimeout = 60 + i
		all := []desired.LoadBalancer{web}
		if i%2 == 1 {
			all = append(all, balancer("blue", 8001))
		}
		l.apply(all...)
		pids[l.pid()] = true
		for seen := requests.Load(); requests.Load() < seen+50; {
			time.Sleep(time.Millisecond)
		}
	}
	cancel()
	wait.Wait()
	if failed.Load() > 0 || len(pids) != 6 {
		t.Errorf("%d of %d requests failed; processes %v", failed.Load(), requests.Load(), pids)
	}
	l.eventually("replaced processes end", func() bool {
		l.apply(web, balancer("blue", 8001))
		return len(l.d.processes()) == 1
	})
}

// A process that was killed, and one that hangs, is replaced; a new agent adopts one that runs.
func TestProcessHeals(t *testing.T) {
	l := newLab(t)
	l.serve("red", 8001, "one")
	b := balancer("red", 8001)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	events, err := l.d.Events(ctx)
	if err != nil {
		t.Fatal(err)
	}
	l.apply(b)
	before := l.pid()
	l.d = New(l.d.o)
	l.apply(b)
	if l.pid() != before {
		t.Error("another agent started another process")
	}
	for len(events) > 0 {
		<-events
	}
	if err := unix.Kill(before, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-events:
	case <-time.After(10 * time.Second):
		t.Fatal("no event after the process was killed")
	}
	r := l.apply(b)
	if len(r.Changes) != 1 || r.Changes[0].Type != desired.TypeProcess || l.greeting("red", address+":80") != "one" {
		t.Errorf("after a kill: %v", r.Changes)
	}
	hanging := l.pid()
	if err := unix.Kill(hanging, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	l.d.o.Timeout = 300 * time.Millisecond
	l.d = New(l.d.o)
	l.apply(b)
	if l.pid() == hanging || l.greeting("red", address+":80") != "one" {
		t.Error("a process that hangs was kept")
	}
}

// A space that is made again is another one: its load balancer listens in the new one.
func TestSpaceMadeAgain(t *testing.T) {
	l := newLab(t)
	l.serve("red", 8001, "old")
	l.serve("blue", 8001, "in blue")
	l.apply(balancer("red", 8001), balancer("blue", 8001))
	if err := l.d.o.Namespaces.Delete(naming.Namespace("red")); err != nil {
		t.Fatal(err)
	}
	l.apply(balancer("blue", 8001)) // as long as it is missing
	old := l.spaces["red"]
	l.make("red")
	l.Cleanup(func() { _ = old.Close() })
	l.serve("red", 8001, "new")
	l.apply(balancer("red", 8001), balancer("blue", 8001))
	if got := l.greeting("red", address+":80"); got != "new" {
		t.Errorf("in the new space %q answers", got)
	}
	if got := l.greeting("blue", address+":80"); got != "in blue" {
		t.Errorf("in the other space %q answers", got)
	}
}

// Without load balancers there is no process and no file of it.
func TestNothingLeft(t *testing.T) {
	l := newLab(t)
	l.serve("red", 8001, "one")
	if r, err := l.reconcile(false); err != nil || r.Writes != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	l.apply(balancer("red", 8001))
	c, err := l.dial("red", address+":80")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := l.apply()
	if len(r.Changes) != 2 || len(l.d.processes()) != 0 {
		t.Errorf("%v, %v", r.Changes, l.d.processes())
	}
	entries, err := os.ReadDir(l.d.o.Dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != processDir {
		t.Errorf("%v, %v", entries, err)
	}
}

// What somebody changed in the process or in the file is as declared after a pass.
func TestDrift(t *testing.T) {
	l := newLab(t)
	l.serve("red", 8001, "one")
	b := balancer("red", 8001)
	l.apply(b)
	before := l.pid()
	for what, change := range map[string]func() error{
		"~ load-balancer web-red server guest-8001 127.0.0.1:8001: weight 3 -> 100": func() error {
			_, err := l.d.ask(context.Background(), l.d.current(), "set server web-red/s1 weight 3")
			return err
		},
		"+ load-balancer web-red server guest-8001 127.0.0.1:8001: weight 100": func() error {
			_, err := l.d.ask(context.Background(), l.d.current(), "set server web-red/s1 state maint")
			return err
		},
		"~ process load balancer: configuration other -> as declared": func() error {
			return os.WriteFile(l.d.path(configFile), []byte("x"), 0o600)
		},
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if r := l.apply(b); len(r.Changes) != 1 || r.Changes[0].String() != what {
			t.Errorf("%v, want %s", r.Changes, what)
		}
		if got := l.greeting("red", address+":80"); got != "one" || l.pid() != before {
			t.Errorf("%s: %q answers", what, got)
		}
	}
}

// Without the program every load balancer says so, and nothing is written.
func TestProgramMissing(t *testing.T) {
	d := New(Options{Dir: t.TempDir(), Program: "/nowhere/haproxy"})
	want := &desired.Space{LoadBalancers: []desired.LoadBalancer{balancer("red", 8001), balancer("blue", 8001)}}
	r, err := d.Reconcile(context.Background(), want, false)
	if len(driver.ObjectErrors(err)) != 2 || len(driver.NodeErrors(err)) != 0 || !strings.Contains(err.Error(), "apt install haproxy") || r.Writes != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	f := &model.Facts{}
	if err := d.AddFacts(context.Background(), f); err != nil || f.HAProxy != "" {
		t.Errorf("%q, %v", f.HAProxy, err)
	}
	d = New(Options{Dir: t.TempDir(), Program: requires.Program(t, "haproxy")})
	if err := d.AddFacts(context.Background(), f); err != nil || !strings.HasPrefix(f.HAProxy, "2.") && !strings.HasPrefix(f.HAProxy, "3.") {
		t.Errorf("%q, %v", f.HAProxy, err)
	}
}
