package agent

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// procfs is a folder with what the meter reads of /proc.
type procfs string

func (p procfs) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(string(p), name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestLoad(t *testing.T) {
	dir := procfs(t.TempDir())
	dir.write(t, "meminfo", "MemTotal:        2048 kB\nMemFree:          100 kB\nMemAvailable:    1024 kB\n")
	m := &loadMeter{proc: string(dir), root: t.TempDir()}
	for i, step := range []struct {
		line string
		want float64
	}{
		{"cpu  10 10 5 60 15 0 0 0 99 99", 0.25}, // since the boot; guests are in users
		{"cpu  10 10 5 60 15 0 0 0 99 99", 0.25}, // at once: nothing else is known
		{"cpu  10 10 105 160 15 0 0 0 0 0", 0.5},
		{"cpu  10 10 105 160 0 300 0 0 0 0", 1},   // interrupts are work
		{"cpu  10 10 100 360 100 300 0 0 0 0", 1}, // times that step back tell nothing
	} {
		dir.write(t, "stat", step.line+"\ncpu0 1 2 3\ncpu1 1 2 3\nintr 5\nbtime 1700000000\n")
		l, err := m.read()
		if err != nil {
			t.Fatal(err)
		}
		if l.CPU != step.want || l.CPUs != 2 || l.MemoryTotal != 2<<20 || l.Memory != 1<<20 || !l.Booted.Equal(time.Unix(1700000000, 0)) {
			t.Errorf("step %d: %+v, want the processors busy %v of the time", i, l, step.want)
		}
		if l.DiskTotal <= 0 || l.Disk < 0 || l.Disk > l.DiskTotal {
			t.Errorf("step %d: %d of %d bytes of the disk used", i, l.Disk, l.DiskTotal)
		}
	}
	for name, text := range map[string]string{"stat": "nothing\n", "meminfo": "MemFree: 1 kB\n"} {
		before, err := os.ReadFile(filepath.Join(string(dir), name))
		if err != nil {
			t.Fatal(err)
		}
		dir.write(t, name, text)
		if l, err := m.read(); err == nil {
			t.Errorf("of %q as %s was made %+v", text, name, l)
		}
		dir.write(t, name, string(before))
	}
}

// This machine has a load.
func TestLoadOfThisHost(t *testing.T) {
	l, err := newLoadMeter().read()
	if err != nil {
		t.Fatal(err)
	}
	if l.CPUs < 1 || l.CPU < 0 || l.CPU > 1 || l.Memory <= 0 || l.Memory > l.MemoryTotal || l.Disk <= 0 || l.Disk > l.DiskTotal || !l.Booted.Before(time.Now()) {
		t.Errorf("%+v", l)
	}
}
