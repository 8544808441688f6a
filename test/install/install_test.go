// Package install tests what `make install` puts where.
package install

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/test/requires"
)

// Everything lands below DESTDIR and PREFIX, and the units start the program that was
// installed.
func TestInstall(t *testing.T) {
	dest := t.TempDir()
	cmd := exec.Command(requires.Program(t, "make"), "-s", "-C", "../..", "install", "DESTDIR="+dest, "PREFIX=/opt/viaduct", "BIN="+filepath.Join(t.TempDir(), "viaduct"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	root := filepath.Join(dest, "opt/viaduct")
	for name, want := range map[string]string{
		"share/man/man1/viaduct.1":                     ".TH \"VIADUCT\"",
		"share/man/man1/viaduct-server.1":              "viaduct-server",
		"share/man/man1/viaduct-agent.1":               "viaduct-agent",
		"share/man/man1/viaduct-apply.1":               "prune",
		"share/bash-completion/completions/viaduct":    "viaduct",
		"share/zsh/site-functions/_viaduct":            "#compdef viaduct",
		"share/fish/vendor_completions.d/viaduct.fish": "viaduct",
		"lib/systemd/system/viaduct-server.service":    "ExecStart=/opt/viaduct/bin/viaduct server --data /var/lib/viaduct/server $VIADUCT_SERVER_OPTIONS",
		"lib/systemd/system/viaduct-agent.service":     "ExecStart=/opt/viaduct/bin/viaduct agent",
		"lib/systemd/system/viaduct-leave.service":     "bgp shutdown",
		"lib/sysusers.d/viaduct.conf":                  "u viaduct-lb ",
	} {
		b, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s: no %q in it (%v)", name, want, err)
		}
	}
	if out, err := exec.Command(filepath.Join(root, "bin/viaduct"), "version").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	entries, err := os.ReadDir(dest)
	if err != nil || len(entries) != 1 {
		t.Errorf("something was installed beside PREFIX: %v, %v", entries, err)
	}
}
