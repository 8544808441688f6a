package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// unitScript is what systemd runs for the server's unit, as a shell does it: the settings
// of the unit, then those of its file, then the command with both.
func unitScript(t *testing.T, data, settings string) string {
	t.Helper()
	text, err := os.ReadFile("../../packaging/systemd/viaduct-server.service")
	if err != nil {
		t.Fatal(err)
	}
	one := func(name string) string {
		m := regexp.MustCompile(`(?m)^`+name+`=(.*)$`).FindAllStringSubmatch(string(text), -1)
		if len(m) != 1 {
			t.Fatalf("the unit has %d lines %s", len(m), name)
		}
		return m[0][1]
	}
	if file := one("EnvironmentFile"); file != "-/etc/default/viaduct-server" {
		t.Errorf("the unit reads %s", file)
	}
	start := strings.NewReplacer("/usr/bin/viaduct", binary, "/var/lib/viaduct/server", data).Replace(one("ExecStart"))
	return fmt.Sprintf("set -a\n%s\nif [ -f %s ]; then . %[2]s; fi\nexec %s\n", one("Environment"), settings, start)
}

// TestUnitBesideAnotherServer starts the unit on a host whose port 8006 is another
// program's, as pveproxy's on one of Proxmox VE: it says whose, and with another port in
// /etc/default/viaduct-server it serves there.
func TestUnitBesideAnotherServer(t *testing.T) {
	ns := namespace(t)
	data, settings := filepath.Join(t.TempDir(), "server"), filepath.Join(t.TempDir(), "viaduct-server")
	audit := filepath.Join(t.TempDir(), "audit.log")
	in := func(script string) (*exec.Cmd, *bytes.Buffer) {
		var log bytes.Buffer
		cmd := exec.Command("ip", "netns", "exec", ns, "sh", "-c", script)
		cmd.Stdout, cmd.Stderr = &log, &log
		return cmd, &log
	}
	start := func(script string) (*exec.Cmd, *bytes.Buffer) {
		cmd, log := in(script)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Signal(unix.SIGTERM)
			_ = cmd.Wait()
		})
		return cmd, log
	}
	listens := func(port string) bool {
		cmd, _ := in("ss -Htln sport = :" + port + " | grep -q .")
		return cmd.Run() == nil
	}
	wait := func(port string, log *bytes.Buffer) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); !listens(port); time.Sleep(100 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("nothing listens on port %s:\n%s", port, log)
			}
		}
	}

	other, log := start(strings.Replace(unitScript(t, filepath.Join(t.TempDir(), "other"), settings), "VIADUCT_LISTEN_DEFAULT=:8006", "VIADUCT_LISTEN_DEFAULT=:8006,127.0.0.1:9006", 1))
	wait("8006", log)
	cmd, log := in(unitScript(t, data, settings))
	if err := cmd.Run(); err == nil {
		t.Fatal("the server started though its port is taken")
	}
	for _, want := range []string{"cannot listen on :8006", fmt.Sprintf("in use by viaduct (process %d", other.Process.Pid), "VIADUCT_LISTEN in /etc/default/viaduct-server", ":8106"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the server's message lacks %q:\n%s", want, log)
		}
	}

	// With the unit's capabilities it may not look into others' processes: the message then
	// has the command that shows whose the port is.
	script := filepath.Join(t.TempDir(), "unit.sh")
	if err := os.WriteFile(script, []byte(unitScript(t, data, settings)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, log = in("exec setpriv --bounding-set=-all,+net_bind_service sh " + script)
	if err := cmd.Run(); err == nil {
		t.Fatal("the server started though its port is taken")
	}
	if want := "another program (`ss -tlpn sport = :8006` shows it)"; !strings.Contains(log.String(), want) {
		t.Errorf("without capabilities the server's message lacks %q:\n%s", want, log)
	}

	// An empty setting is none, and is told.
	if err := os.WriteFile(settings, []byte("VIADUCT_LISTEN=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, log = in(unitScript(t, data, settings))
	if err := cmd.Run(); err == nil {
		t.Fatal("the server started though its port is taken")
	}
	for _, want := range []string{"cannot listen on :8006", "VIADUCT_LISTEN names no address"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("with an empty VIADUCT_LISTEN the server's message lacks %q:\n%s", want, log)
		}
	}

	if err := os.WriteFile(settings, []byte("VIADUCT_LISTEN=:8106\nVIADUCT_SERVER_OPTIONS=\"--verbose --audit-file "+audit+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, log = start(unitScript(t, data, settings))
	wait("8106", log)
	if _, err := os.Stat(audit); err != nil {
		t.Errorf("the options of the file are not in force: %v\n%s", err, log)
	}
}
