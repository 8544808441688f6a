package frr

import (
	"context"
	"os"
	"path/filepath"

	"github.com/viaduct-sdn/viaduct/internal/linux/processes"
)

// Events returns a channel that receives a value after a daemon of FRR started or ended. It is
// closed when ctx ends or the kernel sends no more notifications. FRR need not be installed
// yet.
func (d *Driver) Events(ctx context.Context) (<-chan struct{}, error) {
	return processes.Events(ctx, processes.Source{Folders: d.sockets, About: d.isDaemonFile, Processes: func() map[string]int {
		out := map[string]int{}
		for _, p := range d.running() {
			out[p.String()] = p.pid
		}
		return out
	}})
}

// sockets is the directory of sockets or, before it exists, its nearest existing parent.
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

// isDaemonFile reports whether a file indicates that a daemon started or ended.
func (d *Driver) isDaemonFile(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".vty" || ext == ".pid" || name == filepath.Base(d.runDir()) || name == filepath.Base(d.o.RunDir)
}
