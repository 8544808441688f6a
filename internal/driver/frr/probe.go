package frr

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Facts is what a node's FRR can do.
type Facts struct {
	// Version is the release: "8.4.4".
	Version string
	// AutoRT tells that it knows "autort as", which only Proxmox's build does.
	AutoRT bool
}

// autoRT is a configuration with the one command.
const autoRT = "router bgp 1\n address-family l2vpn evpn\n  autort as 1\n exit-address-family\nexit\n"

// Facts tells which FRR is installed; nil if none is. It asks FRR's programs
// only when they are others than last time.
func (d *Driver) Facts(ctx context.Context) (*Facts, error) {
	zebra := filepath.Join(d.binDir(), "zebra")
	info, err := os.Stat(d.path(zebra))
	if err != nil || !d.installed() {
		d.facts, d.stamp = nil, ""
		return nil, nil //nolint:nilerr // not installed is an answer
	}
	stamp := fmt.Sprint(info.ModTime().UnixNano(), info.Size())
	if d.facts != nil && d.stamp == stamp {
		return d.facts, nil
	}
	out, _, err := d.run(ctx, zebra, "-v")
	if err != nil {
		return nil, fmt.Errorf("ask FRR for its version: %w", err)
	}
	f := &Facts{}
	first, _, _ := strings.Cut(out, "\n")
	if words := strings.Fields(first); len(words) >= 3 && words[1] == "version" { // zebra version 8.4.4
		f.Version = words[2]
	}
	out, err = d.feed(ctx, autoRT, "-C")
	if err != nil {
		return nil, fmt.Errorf("ask FRR what it knows: %w", err)
	}
	f.AutoRT = len(parseComplaints(out).lines) == 0
	d.facts, d.stamp = f, stamp
	return f, nil
}
