// Command sector measures sectors in labs of its own, through the program as users have it.
//
//	go run ./test/bench/sector -json build/bench.json
//
// The rows are sector/first-ping (seconds from `viaduct sector create` to the first answered
// ping of a guest that got its address by DHCP, on three nodes), and on one node with many
// sectors sector/memory (MiB that each takes: namespace, DHCP, share of the agent) and
// sector/another (seconds until one more runs, by `viaduct apply`).
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

func main() {
	jsonPath := flag.String("json", "", "merge the rows into this file")
	many := flag.Int("n", 500, "number of sectors on one node")
	binary := flag.String("binary", "bin/viaduct", "the program")
	flag.Parse()
	limits := []report.Limit{{Name: "sector/first-ping", Most: 1}, {Name: "sector/memory", Most: 2}, {Name: "sector/another", Most: 0.5}}
	if err := report.Judge(*jsonPath, func() ([]report.Row, error) { return run(context.Background(), *binary, *many) }, limits...); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string, many int) ([]report.Row, error) {
	path, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	first, err := in(ctx, path, 3, firstPing)
	if err != nil {
		return nil, err
	}
	crowd, err := in(ctx, path, 1, func(l *lab) ([]report.Row, error) { return crowded(l, many) })
	return append(first, crowd...), err
}

// lab is a running lab.
type lab struct {
	ctx    context.Context
	binary string
}

const name = "bench-sector"

// in measures in a lab, which ends with it.
func in(ctx context.Context, binary string, nodes int, measure func(*lab) ([]report.Row, error)) (rows []report.Row, err error) {
	l := &lab{ctx: ctx, binary: binary}
	defer func() {
		err = errors.Join(err, l.do("lab", "down"))
	}()
	if err := l.do("lab", "up", "--nodes", strconv.Itoa(nodes)); err != nil {
		return nil, err
	}
	if err := l.do("backplane", "init"); err != nil {
		return nil, err
	}
	if err := l.do("apply", "-y"); err != nil {
		return nil, err
	}
	return measure(l)
}

func (l *lab) do(args ...string) error {
	cmd := exec.CommandContext(l.ctx, l.binary, args...)
	cmd.Env = append(os.Environ(), "VIADUCT_LAB="+name)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("viaduct %s: %w\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return nil
}

const runs = 5

// firstPing takes sectors from nothing to a guest that is answered from outside.
func firstPing(l *lab) ([]report.Row, error) {
	var times []float64
	for i := range runs {
		sector, guest := fmt.Sprint("s", i), fmt.Sprint("g", i)
		start := time.Now()
		for _, args := range [][]string{
			{"sector", "create", sector, "--subnet", "172.16.0.0/24"},
			{"apply", "-y"},
			{"lab", "guest", "add", guest, "--vnet", fmt.Sprint("olvn", 1001+i), "--node", "node2"},
			{"lab", "exec", guest, "--", "busybox", "udhcpc", "-i", "eth0", "-q", "-n", "-t", "20", "-T", "1", "-s", udhcpcScript()},
			{"lab", "exec", guest, "--", "ping", "-c", "1", "-W", "1", "198.51.100.1"},
		} {
			if err := l.do(args...); err != nil {
				return nil, err
			}
		}
		times = append(times, time.Since(start).Seconds())
	}
	return []report.Row{{Name: "sector/first-ping", Unit: "s", Better: report.Lower, Ours: report.Median(times)}}, nil
}

// udhcpcScript returns a script that takes over what udhcpc was given. Labs share /tmp.
func udhcpcScript() string {
	path := filepath.Join(os.TempDir(), name+".udhcpc")
	const script = "#!/bin/sh\n[ \"$1\" = bound ] && ip address replace \"$ip/$mask\" dev \"$interface\" && ip route replace default via \"$router\"\n:\n"
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		return "/bin/true"
	}
	return path
}

// crowded measures a node with many sectors.
func crowded(l *lab, n int) ([]report.Row, error) {
	before, err := used()
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "kind: sector\nid: many%d\nsubnets: [172.16.0.0/24]\n---\n", i)
	}
	path := filepath.Join(os.TempDir(), name+".yaml")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(path) }()
	if err := l.do("apply", "-y", "-f", path, "--timeout", "10m"); err != nil {
		return nil, err
	}
	after, err := used()
	if err != nil {
		return nil, err
	}
	var times []float64
	for i := range runs {
		if err := l.do("sector", "create", fmt.Sprint("more", i), "--subnet", "172.16.0.0/24"); err != nil {
			return nil, err
		}
		start := time.Now()
		if err := l.do("apply", "-y"); err != nil {
			return nil, err
		}
		times = append(times, time.Since(start).Seconds())
	}
	return []report.Row{
		{Name: "sector/memory", Unit: "MiB", Better: report.Lower, Ours: (after - before) / float64(n)},
		{Name: "sector/another", Unit: "s", Better: report.Lower, Ours: report.Median(times)},
	}, nil
}

// used returns the memory that the machine has no more available, in MiB (proc_meminfo(5)).
func used() (float64, error) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	values := map[string]float64{}
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) > 1 {
			values[fields[0]], _ = strconv.ParseFloat(fields[1], 64)
		}
	}
	total, available := values["MemTotal:"], values["MemAvailable:"]
	if total == 0 || available == 0 {
		return 0, errors.New("/proc/meminfo tells no memory")
	}
	return (total - available) / 1024, nil
}
