// Command evpn measures how long a node with 500 EVPN VNets in 50 VRFs needs to
// get an additional VNet, in the kernel and in FRR, and the updates that its BGP
// neighbour receives: with Viaduct's drivers as the agent runs them, with `ifreload
// -a` and frr-reload.py (the peer) on the files that Proxmox VE would write, and
// with the bare requests to the kernel, one `nft -f` and one `vtysh -f` (the floor).
//
//	go run ./test/bench/evpn -json build/bench.json
//
// It needs root. Where the kernel has no VRFs it measures twice: on this kernel
// without the VRFs' devices (all else is made, and FRR gets all), and completely, in a
// virtual machine without KVM (internal/lab/vm/boot), which slows all three alike; the rows
// emulation/... show how much. The node's AS number is not the cluster's, so that
// FRR has to be given the route targets of the new VNet. The rows are
//
//	evpn/<N>/add1     seconds until all is applied; median of three, of the peer one
//	evpn/<N>/noop     a pass with nothing to do
//	evpn/<N>/updates  BGP updates that the neighbour gets for it
//	evpn-flat/<N>/... the same without devices of VRFs
//	emulation/compute, emulation/fork
//	                  a piece of work in the machine (ours) and outside (floor)
//
// The session with the neighbour must stay up, and the neighbour must get updates of
// the new VNet only; otherwise it fails for Viaduct, and reports it for the peer.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/linux/probe"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

// figures are what a side measured, by name.
type figures map[string]float64

// sides are the programs that are compared, and how each is measured. They run in
// network and mount namespaces of their own.
var sides = map[string]func(context.Context, *node) (figures, error){"ours": runOurs, "floor": runFloor, "peer": runPeer}

func main() {
	jsonPath := flag.String("json", "", "merge the rows into this file")
	vnets := flag.Int("n", 500, "number of VNets, in a tenth as many VRFs")
	only := flag.String("only", "ours floor peer", "what to measure")
	side := flag.String("side", "", "measure this one here, in the namespaces of this process, and print the figures")
	noVRF := flag.Bool("flat", false, "with -side: leave out the devices of VRFs")
	where := flag.String("where", "flat whole", "without VRFs in the kernel: measure without their devices, whole in a machine, or both")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *side != "" {
		err = inside(ctx, *side, *vnets, *noVRF)
	} else {
		err = run(ctx, *vnets, strings.Fields(*only), *where, *jsonPath)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// inside measures one side and prints what it found.
func inside(ctx context.Context, side string, vnets int, noVRF bool) error {
	if side == "emulation" {
		f, err := calibrate(ctx)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(map[string]figures{side: f})
	}
	n, err := newNode(ctx, vnets)
	if err != nil {
		return err
	}
	n.flat = noVRF
	f, err := sides[side](ctx, n)
	if err := errors.Join(err, n.close()); err != nil {
		return fmt.Errorf("%s: %w", side, err)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]figures{side: f})
}

// run measures all sides where the kernel can, and makes the rows.
func run(ctx context.Context, vnets int, only []string, where, jsonPath string) error {
	features, err := probe.Features(ctx)
	if err != nil {
		return err
	}
	self, err := build(ctx)
	if err != nil {
		return err
	}
	var rows []report.Row
	if features[model.FeatureVRF] {
		all, err := measure(exec.CommandContext(ctx, "sh", "-c", script(self, only, vnets, "")))
		if err != nil {
			return err
		}
		rows = makeRows("evpn", vnets, all)
	} else {
		if strings.Contains(where, "flat") {
			all, err := measure(exec.CommandContext(ctx, "sh", "-c", script(self, only, vnets, "-flat")))
			if err != nil {
				return err
			}
			rows = makeRows("evpn-flat", vnets, all)
		}
		if strings.Contains(where, "whole") {
			more, err := emulated(ctx, self, only, vnets)
			if err != nil {
				return err
			}
			rows = append(rows, more...)
		}
	}
	return report.Finish(jsonPath, rows)
}

// script runs the sides, one after the other, each in namespaces of its own.
func script(self string, only []string, vnets int, flags string) string {
	s := `exec </dev/null; `
	for _, side := range only {
		s += fmt.Sprintf("unshare --net --mount --uts --propagation private %s -side %s -n %d %s || exit 1; ", self, side, vnets, flags)
	}
	return s
}

// emulated measures in a virtual machine, and how much that slows down.
func emulated(ctx context.Context, self string, only []string, vnets int) ([]report.Row, error) {
	outside, err := calibrate(ctx)
	if err != nil {
		return nil, err
	}
	kernel, err := exec.CommandContext(ctx, "internal/lab/vm/kernel", "build/kernel").Output()
	if err != nil {
		return nil, fmt.Errorf("find a kernel for the machine: %w", err)
	}
	cmd := exec.CommandContext(ctx, "internal/lab/vm/boot", "-k", strings.TrimSpace(string(kernel)), "-m", "3072", "-t", "3000",
		"--", "sh", "-c", self+" -side emulation; "+script(self, only, vnets, ""))
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) } // it has a machine to switch off
	all, err := measure(cmd)
	if err != nil {
		return nil, err
	}
	rows := makeRows("evpn", vnets, all)
	for _, name := range []string{"compute", "fork"} {
		rows = append(rows, report.Row{Name: "emulation/" + name, Unit: "s", Better: report.Lower, Ours: all["emulation"][name], Floor: outside[name]})
	}
	return rows, nil
}

// measure runs what prints figures.
func measure(cmd *exec.Cmd) (map[string]figures, error) {
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	all := map[string]figures{}
	told := collect(out, all)
	return all, errors.Join(cmd.Wait(), told)
}

// build compiles this program again to a file that the virtual machine can run: it sees
// the working directory, but not where `go run` puts programs.
func build(ctx context.Context) (string, error) {
	path, err := filepath.Abs("build/bench-evpn")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "./test/bench/evpn")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program for the machine: %w: %s", err, out)
	}
	return path, nil
}

// collect reads the figures that the sides print, one object a line; other lines
// are passed on.
func collect(r io.Reader, all map[string]figures) error {
	for line := range lines(r) {
		found := map[string]figures{}
		if json.Unmarshal([]byte(line), &found) != nil {
			fmt.Fprintln(os.Stderr, line)
			continue
		}
		for side, f := range found {
			all[side] = f
		}
	}
	if len(all) == 0 {
		return errors.New("nothing was measured")
	}
	return nil
}

// makeRows combines the figures of all sides in rows.
func makeRows(name string, vnets int, all map[string]figures) []report.Row {
	var rows []report.Row
	for _, f := range []struct{ name, unit string }{{"add1", "s"}, {"noop", "s"}, {"updates", "updates"}} {
		rows = append(rows, report.Row{
			Name: fmt.Sprintf("%s/%d/%s", name, vnets, f.name), Unit: f.unit, Better: report.Lower,
			Ours: all["ours"][f.name], Peer: all["peer"][f.name], Floor: all["floor"][f.name],
		})
	}
	return rows
}
