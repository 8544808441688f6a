package dnsmasq

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/viaduct-sdn/viaduct/internal/linux/processes"
	"github.com/viaduct-sdn/viaduct/internal/render/dnsmasq"
)

// Events returns a channel that receives a value after an owned dnsmasq started or
// ended, or a file of one changed, whatever the cause. It is closed when ctx ends.
func (d *Driver) Events(ctx context.Context) (<-chan struct{}, error) {
	if err := os.MkdirAll(filepath.Join(d.o.Root, runDir), 0o755); err != nil {
		return nil, fmt.Errorf("listen for DHCP servers: %w", err)
	}
	return processes.Events(ctx, processes.Source{Folders: d.watched, Processes: d.watchedProcesses})
}

// watched returns the folders of the zones, and the folder of the notes on processes.
func (d *Driver) watched() []string {
	out := []string{filepath.Join(d.o.Root, runDir)}
	zones, err := d.ownedZones()
	if err != nil {
		return out
	}
	for _, zone := range zones {
		out = append(out, d.folder(zone))
	}
	return out
}

// watchedProcesses returns the running servers.
func (d *Driver) watchedProcesses() map[string]int {
	out := map[string]int{}
	zones, err := d.ownedZones()
	if err != nil {
		return out
	}
	for _, zone := range zones {
		found, err := d.files(zone)
		if err != nil {
			continue
		}
		for _, name := range names(found.owned) {
			if link, is := dnsmasq.LinkOf(name); is {
				if p, runs := d.noted(instance{zone, link}); runs {
					out[p.String()] = p.pid
				}
			}
		}
	}
	return out
}
