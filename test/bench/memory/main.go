// Command memory measures the resident memory of a server and an agent that
// keep many VXLAN VNets, in a lab of one node.
//
//	go run ./test/bench/memory -binary bin/viaduct -json build/bench.json
//
// The rows are memory/<N>/agent and memory/<N>/server, in MiB.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/lab"
	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

func main() {
	jsonPath := flag.String("json", "", "merge the rows into this file")
	binary := flag.String("binary", "bin/viaduct", "the program to measure")
	vnets := flag.Int("n", 1000, "number of VNets")
	flag.Parse()
	if err := run(context.Background(), *binary, *jsonPath, *vnets); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary, jsonPath string, n int) (err error) {
	if binary, err = filepath.Abs(binary); err != nil {
		return err
	}
	root, err := os.MkdirTemp("", "viaduct-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	l, err := lab.New(root, "memory", binary)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Down()) }()
	if err := l.Up(ctx, lab.DefaultSpec(1)); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, binary, "--server", l.Target(), "apply", "-f", "-", "--timeout", "2m")
	cmd.Stdin = manifest(n)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apply: %w: %s", err, out)
	}
	parts, err := l.Parts(ctx)
	if err != nil {
		return err
	}
	var rows []report.Row
	for _, p := range parts {
		if p.PID == 0 {
			continue
		}
		mib, err := resident(p.PID)
		if err != nil {
			return err
		}
		name := p.Role
		if name == "node" {
			name = "agent"
		}
		rows = append(rows, report.Row{Name: fmt.Sprintf("memory/%d/%s", n, name), Unit: "MiB", Better: report.Lower, Ours: mib})
	}
	return report.Finish(jsonPath, rows)
}

func manifest(n int) *bytes.Buffer {
	b := &bytes.Buffer{}
	b.WriteString("kind: zone\nid: overlay\ntype: vxlan\npeers: 192.168.0.1,192.168.0.2,192.168.0.3\n")
	for i := range n {
		fmt.Fprintf(b, "---\nkind: vnet\nid: v%d\nzone: overlay\ntag: %d\n", i, i+1)
	}
	return b
}

// resident is a process's VmRSS (proc(5)) in MiB.
func resident(pid int) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kb); n == 1 {
			return kb / 1024, nil
		}
	}
	return 0, fmt.Errorf("process %d tells no VmRSS", pid)
}
