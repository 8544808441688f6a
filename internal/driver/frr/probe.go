package frr

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/render/frr"
)

// autoRT is a configuration with the one command.
const autoRT = "router bgp 1\n address-family l2vpn evpn\n  autort as 1\n exit-address-family\nexit\n"

// Facts returns the installed FRR, and the operator's part of it; nil if none is installed.
func (d *Driver) Facts(ctx context.Context) (*model.FRRFacts, error) {
	programs, err := d.programs(ctx)
	if programs == nil || err != nil {
		return nil, err
	}
	f := *programs
	f.ASN = int(d.foreignASN(ctx))
	return &f, nil
}

// AddFacts adds FRR, and the operator's own configuration of it, to the facts of the node.
func (d *Driver) AddFacts(ctx context.Context, f *model.Facts) error {
	suite, err := d.Facts(ctx)
	if suite == nil || err != nil {
		return err
	}
	f.FRR = suite
	local, err := os.ReadFile(d.o.LocalPath)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the operator's own FRR configuration: %w", err)
	}
	f.FRRLocal = string(local)
	return nil
}

// programs returns the capabilities of FRR's programs. It runs them only when they
// have changed since the last call.
func (d *Driver) programs(ctx context.Context) (*model.FRRFacts, error) {
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
	f := &model.FRRFacts{}
	first, _, _ := strings.Cut(out, "\n")
	if words := strings.Fields(first); len(words) >= 3 && words[1] == "version" { // zebra version 8.4.4
		f.Version = words[2]
	}
	out, err = d.feed(ctx, autoRT, "-C")
	if err != nil {
		return nil, fmt.Errorf("ask FRR what it knows: %w", err)
	}
	f.AutoRT = len(parseMessages(out).lines) == 0
	d.facts, d.stamp = f, stamp
	return f, nil
}

// foreignASN returns the AS number of the node's BGP router outside all VRFs, as it runs or,
// without bgpd, as FRR would start it; 0 if there is none or it is Viaduct's.
func (d *Driver) foreignASN(ctx context.Context) uint32 {
	if d.state == nil {
		s, err := loadState(d.o.StateFile)
		if err != nil {
			return 0 // reported by the pass
		}
		d.state = s
	}
	for _, k := range d.state.last.kids {
		if routerASN(k.text) != 0 && k.found == 0 {
			return 0
		}
	}
	text, err := "", error(nil)
	if _, runs := d.process("bgpd"); runs {
		text, err = d.showConfig(ctx, "bgpd")
	} else {
		text, err = d.readFile()
	}
	if err != nil {
		return 0 // a bgpd that is about to end, or a file that the pass reports
	}
	for line := range strings.Lines(text) {
		if asn := routerASN(strings.TrimRight(line, "\r\n")); asn != 0 {
			return asn
		}
	}
	return 0
}

// routerASN returns the AS number in the head of a BGP router outside all VRFs; 0
// for any other line.
func routerASN(head string) uint32 {
	asn, vrf, ok := frr.BGPRouter(head)
	if !ok || vrf != "" {
		return 0
	}
	n, err := strconv.ParseUint(asn, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}
