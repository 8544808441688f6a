package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// lone is a server without nodes, on the loopback interface.
type lone struct {
	t       *testing.T
	data    string
	address string
	process *os.Process
}

// startLone starts a server, whose data are the test's.
func startLone(t *testing.T) *lone {
	t.Helper()
	s := &lone{t: t, data: t.TempDir()}
	s.start()
	return s
}

// start starts the server on its data.
func (s *lone) start() {
	t := s.t
	t.Helper()
	out := lockedBuffer{b: &bytes.Buffer{}}
	cmd := exec.Command(binary, "server", "--data", s.data, "--listen", "127.0.0.1:0")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.process = cmd.Process
	t.Cleanup(func() {
		_ = cmd.Process.Signal(unix.SIGTERM)
		var exit *exec.ExitError
		if err := cmd.Wait(); errors.As(err, &exit) || t.Failed() {
			t.Logf("the server: %v\n%s", err, out.String())
		}
	})
	listening := regexp.MustCompile(`address=(127\.0\.0\.1:\d+)`)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if m := listening.FindStringSubmatch(out.String()); m != nil && strings.Contains(out.String(), "socket=") {
			s.address = m[1]
			if c, err := net.Dial("tcp", s.address); err == nil {
				_ = c.Close()
				return
			}
		}
	}
	t.Fatalf("the server does not listen:\n%s", out.String())
}

// viaduct runs a command as whoever may read the server's data, and returns what it
// prints.
func (s *lone) viaduct(stdin string, args ...string) string {
	s.t.Helper()
	out, err := s.try(stdin, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// try is viaduct for a command that may fail: the error has what it printed.
func (s *lone) try(stdin string, args ...string) (string, error) {
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "VIADUCT_SERVER=unix://"+filepath.Join(s.data, "api.sock"))
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("viaduct %s: %w\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// life runs the script that lives the life of all objects.
func (s *lone) life(args ...string) {
	s.t.Helper()
	out, err := exec.Command("/usr/bin/python3", append([]string{"testdata/life.py", s.address}, args...)...).CombinedOutput()
	if err != nil {
		s.t.Errorf("%v\n%s", err, out)
		return
	}
	s.t.Logf("%s", out)
}

// TestProxmoxer lives the life of every kind of object with proxmoxer, a client that
// many programs for Proxmox VE are made with: by a password and by a token.
func TestProxmoxer(t *testing.T) {
	s := startLone(t)
	s.viaduct("a password of some length\n", "user", "passwd", "root@pam", "--stdin")
	s.life("ticket", "root@pam", "a password of some length")

	s = startLone(t)
	_, secret, ok := strings.Cut(s.viaduct("", "token", "create", "root@pam", "ci", "--privsep=false"), "=")
	if !ok {
		t.Fatal("no token was printed")
	}
	s.life("token", "root@pam", "ci", secret)
}
