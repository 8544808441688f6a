package frr

import (
	"context"
	"os"
	"path/filepath"

	"github.com/viaduct-sdn/viaduct/internal/linux/processes"
)

// Events returns a channel that gets a value after a daemon of FRR came or went. It is
// closed when ctx ends or the kernel gives no more notices. FRR need not be installed
// yet.
func (d *Driver) Events(ctx context.Context) (<-chan struct{}, error) {
	return processes.Events(ctx, processes.Source{Folders: d.sockets, About: d.about, Processes: func() map[string]int {
		out := map[string]int{}
		for _, p := range d.running() {
			out[p.String()] = p.pid
		}
		return out
	}})
}

// sockets is the directory of sockets or, for the time before it is there, the nearest
// one above it.
func (d *Driver) sockets() []string {
	dir := d.path(d.runDir())
	for dir != "/" && dir != "." {
		if _, err := os.Stat(dir); err == nil {
			return []string{dir}
		}
		dir = filepath.Dir(dir)
	}
	return nil
}

// about reports whether a file tells that a daemon came or went.
func (d *Driver) about(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".vty" || ext == ".pid" || name == filepath.Base(d.runDir()) || name == filepath.Base(d.o.RunDir)
}
