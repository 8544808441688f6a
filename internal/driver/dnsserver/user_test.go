package dnsserver

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/render/coredns"
)

// The server is a user of its own, who has no capabilities and can get none, and reads its
// files and nothing else of the agent's.
func TestServerHasNoRights(t *testing.T) {
	l := newLab(t)
	l.apply(view(0, "web1.lab.example 10.0.0.5"))
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", l.pid()))
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{
		"Uid": "60790 60790 60790 60790", "Gid": "60791 60791 60791 60791", "Groups": "", "NoNewPrivs": "1",
		"CapInh": "0000000000000000", "CapPrm": "0000000000000000", "CapEff": "0000000000000000", "CapBnd": "0000000000000000", "CapAmb": "0000000000000000",
	} {
		_, rest, ok := strings.Cut(string(status), "\n"+field+":")
		line, _, _ := strings.Cut(rest, "\n")
		if got := strings.Join(strings.Fields(line), " "); !ok || got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", l.pid()))
	if err != nil || len(threads) < 2 {
		t.Fatalf("%v, %v", threads, err)
	}
	for _, path := range threads {
		if text, err := os.ReadFile(path); err == nil && (!strings.Contains(string(text), "\nUid:\t60790\t") || !strings.Contains(string(text), "\nCapEff:\t0000000000000000\n")) {
			t.Errorf("a thread has rights:\n%s", text)
		}
	}
	for name, want := range map[string]os.FileMode{".": 0o750, coredns.Settings: 0o640, coredns.NamesFile("z0"): 0o640, coredns.Control: 0o600, coredns.Lock: 0o600, coredns.Log: 0o600} {
		fi, err := os.Stat(filepath.Join(l.d.o.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		st := fi.Sys().(*syscall.Stat_t)
		if fi.Mode().Perm() != want || st.Uid != 0 || want&0o040 != 0 && st.Gid != ownGroup {
			t.Errorf("%s: %s of %d:%d", name, fi.Mode(), st.Uid, st.Gid)
		}
	}
}

// A server of an earlier release, whose files only root could read, gives way to one that
// is nobody.
func TestUpgradeFromRoot(t *testing.T) {
	l := newLab(t)
	v := view(0, "web1.lab.example 10.0.0.5")
	l.d.o.Command[3], l.d.o.Group = "", 0
	l.apply(v)
	for _, name := range []string{coredns.Settings, coredns.NamesFile("z0")} {
		if err := os.Chmod(filepath.Join(l.d.o.Dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(l.d.o.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l.d = l.driver(l.d.o.Dir, "2")
	l.apply(v)
	same(t, "after the upgrade", l.ask(0, "udp", "10.0.0.1:53", "10.0.0.5", "web1.lab.example. A"), "NOERROR aa 10.0.0.5")
}
