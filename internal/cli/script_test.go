package cli

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/test/golden"
)

// Each case is a session: files, a script of commands, and what they print. A
// line "author NAME" or "break OBJECT" or "refuse OBJECT" of a script changes the server.
func TestScripts(t *testing.T) {
	golden.Run(t, "testdata/scripts/*.txtar", func(t *testing.T, c *golden.Case) {
		t.Chdir(c.Extract(t, "script", "want"))
		fake := newFake()
		target := serve(t, fake.handler())
		var out strings.Builder
		for line := range strings.Lines(c.Files["script"]) {
			line = strings.TrimSpace(line)
			if line == "" {
				continue
			}
			out.WriteString("$ " + line + "\n")
			if name, ok := strings.CutPrefix(line, "author "); ok {
				fake.author = name
			} else if ref, ok := strings.CutPrefix(line, "break "); ok {
				fake.broken = ref
			} else if ref, ok := strings.CutPrefix(line, "refuse "); ok {
				fake.refused = ref
			} else if typed, command, ok := strings.Cut(line, " | "); ok { // "echo TEXT | COMMAND"
				out.WriteString(runWith(t, target, command, strings.TrimPrefix(typed, "echo ")+"\n"))
			} else {
				out.WriteString(run(t, target, line))
			}
		}
		c.Want(t, "want", out.String())
	})
}

// serve serves h on a unix socket until the test ends.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cli") // a test's own folder can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
		_ = os.RemoveAll(dir)
	})
	return "unix://" + path
}

// run runs a command line and returns all that it printed, and its exit code
// unless 0.
func run(t *testing.T, server, line string) string {
	t.Helper()
	return runWith(t, server, line, "")
}

// secret is what differs each time: the secret of an API token.
var secret = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)

func runWith(t *testing.T, server, line, stdin string) string {
	t.Helper()
	var out bytes.Buffer
	cfg := Config{
		Version: "test", Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &out, Now: func() time.Time { return now },
		Getenv: func(name string) string { return map[string]string{"VIADUCT_SERVER": server}[name] },
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if code := Main(ctx, cfg, words(line)); code != 0 {
		fmt.Fprintf(&out, "[exit %d]\n", code)
	}
	platform := fmt.Sprintf("%s, %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return secret.ReplaceAllString(strings.ReplaceAll(out.String(), platform, "PLATFORM"), "SECRET")
}

// words splits a line at spaces outside double quotes.
func words(line string) []string {
	var out []string
	quoted := false
	for _, part := range strings.FieldsFunc(line, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	}) {
		out = append(out, strings.ReplaceAll(part, `"`, ""))
	}
	return out
}

func TestNoServerAnywhere(t *testing.T) {
	got := run(t, "unix:///nonexistent/s", "status")
	if !strings.Contains(got, "no answer from the server") || !strings.HasSuffix(got, "[exit 1]\n") {
		t.Errorf("%s", got)
	}
}

// cancelWriter ends a context once it has been written to.
type cancelWriter struct {
	text   bytes.Buffer // not embedded: io.WriteString would go past Write
	cancel context.CancelFunc
}

func (w *cancelWriter) Write(b []byte) (int, error) {
	w.cancel()
	return w.text.Write(b)
}

// An interrupt is how watching ends, so it is no error.
func TestWatchEndsQuietly(t *testing.T) {
	target := serve(t, newFake().handler())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	out := &cancelWriter{cancel: cancel}
	var stderr bytes.Buffer
	cfg := Config{Stdout: out, Stderr: &stderr, Now: func() time.Time { return now }, Getenv: func(string) string { return "" }}
	if code := Main(ctx, cfg, []string{"--server", target, "status", "--watch"}); code != ExitOK || stderr.Len() > 0 {
		t.Errorf("exit %d: %s", code, stderr.String())
	}
	if !strings.Contains(out.text.String(), "no revision is running yet") {
		t.Errorf("printed %q", out.text.String())
	}
}

func TestColours(t *testing.T) {
	env := map[string]string{"NO_COLOR": "1"}
	a := &app{Config: Config{Getenv: func(n string) string { return env[n] }}}
	for flag, want := range map[string]bool{"auto": false, "never": false, "always": true} {
		a.color = flag
		if got := a.style(&bytes.Buffer{}).on; got != want {
			t.Errorf("--color=%s into a file: colours %v", flag, got)
		}
	}
}

// Every command has a page, with the exit codes; every page and help text is
// free of what cobra adds unasked.
func TestManPages(t *testing.T) {
	dir := t.TempDir()
	if got := run(t, "", "man "+dir); !strings.Contains(got, "manual pages written") {
		t.Fatal(got)
	}
	for _, name := range []string{"viaduct.1", "viaduct-apply.1", "viaduct-node-token.1", "viaduct-user-passwd.1"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(string(b), "EXIT STATUS") || !strings.Contains(string(b), "VIADUCT\\_SERVER") && !strings.Contains(string(b), "VIADUCT_SERVER") {
			t.Errorf("%s lacks the exit codes or the environment", name)
		}
	}
}

func TestCompletion(t *testing.T) {
	target := serve(t, newFake().handler())
	run(t, target, "create zone za type=simple")
	run(t, target, "create vnet va zone=za")
	run(t, target, "group add ops")
	run(t, target, "token create root@pam ci")
	for line, want := range map[string]string{
		`__complete get ""`:              "vnet\n",
		`__complete get vnet ""`:         "va\n",
		`__complete set zone ""`:         "za\n",
		`__complete set zone za ""`:      "mtu=\tMTU of the VNets",
		`__complete set zone za type=`:   "type=vxlan",
		`__complete set vnet va zone=`:   "zone=za",
		`__complete node remove ""`:      "node2",
		`__complete get vnets --view ""`: "running",

		`__complete user show ""`:           "root@pam\n",
		`__complete user set x --groups ""`: "ops\n",
		`__complete token delete ""`:        "root@pam!ci\n",
		`__complete role show ""`:           "PVESDNUser\n",
		`__complete role add mine ""`:       "SDN.Audit\n",
		`__complete acl add / ""`:           "PVEAuditor\n",
		`__complete acl add / X --token ""`: "root@pam!ci\n",
	} {
		var out bytes.Buffer
		cfg := Config{Stdout: &out, Stderr: &bytes.Buffer{}, Getenv: func(name string) string {
			return map[string]string{"VIADUCT_SERVER": target}[name]
		}}
		Main(t.Context(), cfg, words(line))
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s: %q lacks %q", line, out.String(), want)
		}
	}
}
