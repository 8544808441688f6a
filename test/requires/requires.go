// Package requires says what a test requires of the machine that it runs on, and is the
// one place from which a test may be skipped (test/arch holds that). What a machine
// cannot be given, such as a kernel's features or root, is a reason to skip. What
// scripts/setup installs is none: a test without its program fails, so that a green
// run means that everything ran. It stands beside the code and is imported by tests
// only.
package requires

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Root skips a test that makes namespaces or mounts when it does not run as root.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make namespaces and mounts")
	}
}

// VM lets a test go on in the VM tier only, that is with VIADUCT_VM=1 in the
// environment. There, a feature that is missing fails the test. Kernels of
// containers and of small hosts often lack VLAN devices, VRFs, dummy devices or
// VLAN filtering, a distribution's has them all.
func VM(t testing.TB) {
	t.Helper()
	if os.Getenv("VIADUCT_VM") != "1" {
		t.Skip("runs in the VM tier (make test-vm)")
	}
}

// Directory returns the directory that an environment variable names; relative to
// base, if it is. Without the variable the test is skipped: what it reads is not
// part of the project.
func Directory(t testing.TB, variable, base, holds string) string {
	t.Helper()
	dir := os.Getenv(variable)
	if dir == "" {
		t.Skipf("%s is not set: it names a directory with %s", variable, holds)
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(base, dir)
	}
	return dir
}

// Without skips a test on a kernel that makes the kind of link that the test shows
// to be missing; link is what `ip link add` is told.
func Without(t testing.TB, link ...string) {
	t.Helper()
	args := append([]string{"--net", "--", Program(t, "ip"), "link", "add"}, link...)
	if out, err := exec.Command(Program(t, "unshare"), args...).CombinedOutput(); err == nil {
		t.Skipf("this kernel has %s: %s", strings.Join(link, " "), out)
	}
}

// Program returns the path of a program, which may be in a directory for
// administrators that is not on everybody's path. Without it the test fails.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, ok := find(name)
	if !ok {
		t.Fatalf("%s is not installed: scripts/setup installs what tests need (where ifupdown is in the way of ifupdown2, `make ifupdown2` runs its tests in a root of their own)", name)
	}
	return path
}

func find(name string) (string, bool) {
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path, true
		}
	}
	return "", false
}
