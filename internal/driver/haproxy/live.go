package haproxy

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/render/haproxy"
)

// AddFacts adds the release of HAProxy to the facts of the node. It runs the program only when
// that has changed since the last call.
func (d *Driver) AddFacts(ctx context.Context, f *model.Facts) error {
	path, err := exec.LookPath(d.o.Program)
	if err != nil {
		return nil //nolint:nilerr // not installed is an answer
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil //nolint:nilerr // removed at this moment
	}
	if stamp := fmt.Sprint(path, info.ModTime().UnixNano(), info.Size()); d.stamp != stamp {
		out, err := exec.CommandContext(ctx, path, "-v").Output()
		if err != nil {
			return fmt.Errorf("ask HAProxy for its release: %w", err)
		}
		d.installed, d.stamp = release(string(out)), stamp
	}
	f.HAProxy = d.installed
	return nil
}

// release is the release in the first line of `haproxy -v`: "HAProxy version 2.6.12-1+deb12u4
// 2026/10/17 - https://haproxy.org/".
func release(output string) string {
	_, rest, _ := strings.Cut(output, "version ")
	word, _, _ := strings.Cut(rest, " ")
	return strings.TrimSpace(word)
}

// Services returns the process, if there should be one. It may be called at any time.
func (d *Driver) Services(ctx context.Context, want *desired.Space) []driver.Service {
	if len(want.LoadBalancers) == 0 {
		return nil
	}
	pid := 0
	if now, err := d.running(ctx); err == nil && now != nil {
		pid = now.info.PID
	}
	return []driver.Service{{Name: "load balancer (HAProxy)", PID: pid}}
}

// Pool returns the counters of a load balancer as a whole, named "all", and of the servers that
// it uses by their names. It may be called at any time.
func (d *Driver) Pool(ctx context.Context, name string) ([]haproxy.Statistics, error) {
	applied, err := d.applied()
	if err != nil {
		return nil, err
	}
	names := map[netip.AddrPort]string{}
	if l := byName(applied)[name]; l != nil {
		for _, s := range l.Servers {
			names[s.Addr] = s.Name
		}
	}
	stats, err := d.Statistics(ctx)
	if err != nil {
		return nil, err
	}
	var out []haproxy.Statistics
	for _, s := range stats {
		switch {
		case s.Proxy != name || s.Server == "FRONTEND":
		case s.Server == "BACKEND":
			s.Server = "all"
			out = slices.Insert(out, 0, s)
		case names[s.Addr] != "":
			s.Server = names[s.Addr]
			out = append(out, s)
		}
	}
	return out, nil
}

// Statistics returns the counters of the running process. It may be called at any time.
func (d *Driver) Statistics(ctx context.Context) ([]haproxy.Statistics, error) {
	answer, err := d.ask(ctx, d.current(), "show stat")
	if err != nil {
		return nil, err
	}
	return haproxy.ParseStatistics(answer)
}
