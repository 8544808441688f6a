package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// loadMeter measures how busy the node is, from one report to the next.
type loadMeter struct {
	// proc is the mount point of procfs, root the file system to report the space of.
	proc, root string

	mu        sync.Mutex
	busy, all uint64 // of the measurement before
	last      float64
}

func newLoadMeter() *loadMeter { return &loadMeter{proc: "/proc", root: "/"} }

// read measures. The CPU load is the share of busy time since the previous measurement;
// for the first, since the node has booted.
func (m *loadMeter) read() (*protocol.Load, error) {
	l := &protocol.Load{Time: time.Now()}
	if err := m.processors(l); err != nil {
		return nil, err
	}
	if err := m.memory(l); err != nil {
		return nil, err
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(m.root, &fs); err != nil {
		return nil, fmt.Errorf("cannot read the space of the file system %s: %w", m.root, err)
	}
	block := int64(fs.Bsize) //nolint:unconvert // an int32 on some architectures
	l.DiskTotal = int64(fs.Blocks) * block
	l.Disk = l.DiskTotal - int64(fs.Bfree)*block
	return l, nil
}

// processors reads the times of all processors, their number, and when the node has
// booted (proc(5), /proc/stat).
func (m *loadMeter) processors(l *protocol.Load) error {
	data, err := os.ReadFile(filepath.Join(m.proc, "stat"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		switch {
		case len(words) < 2:
		case words[0] == "cpu":
			l.CPU = m.share(words[1:])
		case strings.HasPrefix(words[0], "cpu"):
			l.CPUs++
		case words[0] == "btime":
			seconds, err := strconv.ParseInt(words[1], 10, 64)
			if err != nil {
				return fmt.Errorf("%s/stat: btime %q is not a number", m.proc, words[1])
			}
			l.Booted = time.Unix(seconds, 0)
		}
	}
	if l.CPUs == 0 {
		return fmt.Errorf("%s/stat names no processor", m.proc)
	}
	return nil
}

// The columns of a line cpu in /proc/stat. Time of guests is in that of users, too.
const (
	columnIdle   = 3
	columnIOWait = 4
	columns      = 8 // to stolen time
)

// share is the part of the time since the last call in which processors were busy. When
// no time has passed it is that of the call before.
func (m *loadMeter) share(words []string) float64 {
	var busy, all uint64
	for i, w := range words[:min(len(words), columns)] {
		n, _ := strconv.ParseUint(w, 10, 64) // the kernel writes numbers
		all += n
		if i != columnIdle && i != columnIOWait {
			busy += n
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if all > m.all && busy >= m.busy { // the time spent waiting for disks may step back (proc(5))
		m.last = min(1, float64(busy-m.busy)/float64(all-m.all))
	}
	m.busy, m.all = busy, all
	return m.last
}

// memory reads the total and the used memory: used is what is not available to programs
// (proc(5), /proc/meminfo).
func (m *loadMeter) memory(l *protocol.Load) error {
	data, err := os.ReadFile(filepath.Join(m.proc, "meminfo"))
	if err != nil {
		return err
	}
	kilobytes := map[string]int64{}
	for line := range strings.Lines(string(data)) {
		name, rest, _ := strings.Cut(line, ":")
		number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			kilobytes[name] = n
		}
	}
	total, ok := kilobytes["MemTotal"]
	if !ok {
		return fmt.Errorf("%s/meminfo has no MemTotal", m.proc)
	}
	l.MemoryTotal = total << 10
	l.Memory = (total - kilobytes["MemAvailable"]) << 10
	return nil
}
