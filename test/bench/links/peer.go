package main

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// peerScript runs ifupdown2 on the same networks; see its head.
//
//go:embed peer.sh
var peerScript string

// peerTimeout bounds one run of all phases.
const peerTimeout = 15 * time.Minute

// unpackPeer gets the Debian package ifupdown2 and unpacks it in the folder;
// nothing is installed. It returns the absolute path of the unpacked tree.
func unpackPeer(ctx context.Context, cache string) (string, error) {
	dir, err := filepath.Abs(filepath.Join(cache, "ifupdown2"))
	if err != nil {
		return "", err
	}
	root := filepath.Join(dir, "root")
	if _, err := os.Stat(filepath.Join(root, "usr/share/ifupdown2/__main__.py")); err == nil {
		return root, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := download(ctx, dir); err != nil {
		// A machine that has never asked has no list of packages yet.
		if out, err := exec.CommandContext(ctx, "apt-get", "update", "-qq").CombinedOutput(); err != nil {
			return "", fmt.Errorf("get the list of packages: %w: %s", err, out)
		}
		if err := download(ctx, dir); err != nil {
			return "", err
		}
	}
	debs, err := filepath.Glob(filepath.Join(dir, "ifupdown2_*.deb"))
	if err != nil || len(debs) == 0 {
		return "", errors.Join(errors.New("apt-get left no package"), err)
	}
	// Unpacked next to it and renamed, so that a kill leaves no partial tree.
	part := root + ".part"
	if err := os.RemoveAll(part); err != nil {
		return "", err
	}
	if out, err := exec.CommandContext(ctx, "dpkg-deb", "-x", debs[len(debs)-1], part).CombinedOutput(); err != nil {
		return "", fmt.Errorf("unpack the package: %w: %s", err, out)
	}
	return root, os.Rename(part, root)
}

func download(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "apt-get", "-o", "APT::Sandbox::User=root", "download", "ifupdown2")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("download the package: %w: %s", err, out)
	}
	return nil
}

// runPeer measures ifreload -a, in a network and a mount namespace of its own.
func runPeer(ctx context.Context, n int, root string) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, peerTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--net", "--mount", "--propagation", "private", "bash", "-s",
		root, strconv.Itoa(n), strconv.Itoa(mtu), strconv.Itoa(changedMTU), strconv.Itoa(changed), localEnd, strings.Join(farEnds, " "))
	cmd.Stdin = strings.NewReader(peerScript)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, tail(complaint.String()))
	}
	result := map[string]float64{}
	for s := bufio.NewScanner(strings.NewReader(string(out))); s.Scan(); {
		f := strings.Fields(s.Text()) // PHASE NANOSECONDS
		if len(f) != 2 {
			return nil, fmt.Errorf("unexpected output %q", s.Text())
		}
		ns, err := strconv.ParseFloat(f[1], 64)
		if err != nil {
			return nil, err
		}
		result[f[0]] = ns / 1e9
	}
	for _, p := range phases {
		if result[p] == 0 {
			return nil, fmt.Errorf("no time for %s: %s", p, tail(complaint.String()))
		}
	}
	return result, nil
}

// tail is the end of a program's complaints: ifupdown2 has one for each link.
func tail(s string) string { return s[max(0, len(s)-400):] }
