package cli

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/server"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
	"github.com/viaduct-sdn/viaduct/test/golden"
)

// session is a command line that talks to a real server.
type session struct {
	t *testing.T
	// address of the server's TLS listener, data its directory.
	address, data string
	// token is the API token that commands show; empty for the server's owner.
	token string
	// input is what commands read from standard input.
	input string
	// logins counts them, for the tokens' names.
	logins int
}

// startSession starts a server over a store in memory until the test ends.
func startSession(t *testing.T) *session {
	t.Helper()
	data, err := os.MkdirTemp("", "cli") // a test's own folder can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(data) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	s, err := server.New(server.Config{Data: data, Store: mem.New(), Listeners: []net.Listener{l}, Version: "test", Ready: func() { close(ready) }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case <-time.After(20 * time.Second):
		t.Fatal("the server did not become ready")
	}
	return &session{t: t, address: l.Addr().String(), data: data}
}

func (s *session) server() string { return "unix://" + filepath.Join(s.data, "api.sock") }

// client is one of the server's owner.
func (s *session) client() *client.Client {
	s.t.Helper()
	c, err := client.New(s.server())
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// login makes the commands that follow those of a user who exists, by a token that
// has all of the user's permissions; without a name those of the server's owner.
func (s *session) login(user string) {
	s.t.Helper()
	s.token = ""
	if user == "" {
		return
	}
	s.logins++
	tok, err := s.client().CreateUserToken(s.t.Context(), api.UserToken{User: user, Name: fmt.Sprintf("t%d", s.logins), AllPrivileges: true})
	if err != nil {
		s.t.Fatal(err)
	}
	s.token = tok.ID() + "=" + tok.Secret
}

// run runs a command line and returns all that it printed, and its exit code unless
// that is 0.
func (s *session) run(line string) string {
	s.t.Helper()
	return s.runWords(words(line)...)
}

func (s *session) runWords(line ...string) string {
	s.t.Helper()
	out, code := s.try(line...)
	if code != 0 {
		out += fmt.Sprintf("[exit %d]\n", code)
	}
	return out
}

func (s *session) try(line ...string) (string, int) {
	s.t.Helper()
	var out bytes.Buffer
	cfg := Config{
		Version: "test", Stdin: strings.NewReader(s.input), Stdout: &out, Stderr: &out, Now: func() time.Time { return now }, Token: s.token,
		Getenv: func(name string) string { return map[string]string{"VIADUCT_SERVER": s.server()}[name] },
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	code := Main(ctx, cfg, line)
	return strings.ReplaceAll(out.String(), s.data, "DATA"), code
}

// must runs a command line that has to succeed.
func (s *session) must(line string) string {
	s.t.Helper()
	out, code := s.try(words(line)...)
	if code != 0 {
		s.t.Fatalf("viaduct %s: exit status %d\n%s", line, code, out)
	}
	return out
}

// Each case is a session with a real server: files, a script of commands, and what
// they print. A line "login USER" of a script makes the following commands those of a
// user, "login" alone those of the server's owner again; "remove FILE" removes
// a file.
func TestSessions(t *testing.T) {
	golden.Run(t, "testdata/sessions/*.txtar", func(t *testing.T, c *golden.Case) {
		t.Chdir(c.Extract(t, "script", "want"))
		s := startSession(t)
		var out strings.Builder
		for line := range strings.Lines(c.Files["script"]) {
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			out.WriteString("$ " + line + "\n")
			verb, rest, _ := strings.Cut(line, " ")
			switch verb {
			case "login":
				s.login(rest)
			case "remove":
				if err := os.Remove(rest); err != nil {
					t.Fatal(err)
				}
			default:
				out.WriteString(s.run(line))
			}
		}
		c.Want(t, "want", out.String())
	})
}

// Users who change their own password, with a token of theirs, have to know the current
// one, whatever privileges they have; users who set another's do not.
func TestOwnPassword(t *testing.T) {
	s := startSession(t)
	s.must("user add bob@pve")
	s.must("acl add / Administrator --user bob@pve")
	s.input = "correct horse\n"
	s.must("user passwd bob@pve --stdin")
	s.login("bob@pve")
	for _, c := range []struct{ input, want string }{
		{"", "there is no current password on standard input"},
		{"another horse\n", "there is no new password on standard input"},
		{"wrong horse\nanother horse\n", "the current password is another one; nothing was changed"},
		{"correct horse\nanother horse\n", "the password of user bob@pve is set"},
		{"correct horse\nanother horse\n", "the current password is another one; nothing was changed"},
	} {
		s.input = c.input
		if out := s.run("user passwd bob@pve --stdin"); !strings.Contains(out, c.want) {
			t.Errorf("%q: %s", c.input, out)
		}
	}
	s.must("user add eve@pve")
	s.input = "correct horse\n"
	s.must("user passwd eve@pve --stdin")
}

func TestAdministratorsCertificates(t *testing.T) {
	s := startSession(t)
	serial, _, _ := strings.Cut(strings.TrimPrefix(s.must("admin list -o name"), "admin/"), "\n")
	if out := s.must("admin list"); !strings.Contains(out, serial+"  admin  ") || !strings.Contains(out, "valid") {
		t.Error(out)
	}
	if out := s.run("admin revoke 0f --yes"); !strings.Contains(out, `no administrator's certificate has the serial number "0f"; list them with: viaduct admin list`) || !strings.Contains(out, "[exit ") {
		t.Error(out)
	}
	if out := s.must("admin revoke " + serial + " --yes"); out != "the administrator's certificate "+serial+" is revoked\n" {
		t.Error(out)
	}
	if out := s.must("admin list"); !strings.Contains(out, "revoked") {
		t.Error(out)
	}
	if out := s.must("audit -o json"); !strings.Contains(out, `"revokeAdministrator"`) {
		t.Error(out)
	}
}
