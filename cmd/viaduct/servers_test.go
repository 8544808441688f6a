package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/agent"
	"github.com/viaduct-sdn/viaduct/internal/cli"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// asProgram makes the test's own program be `viaduct`.
const asProgram = "VIADUCT_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is a server in a process of its own.
type process struct {
	url, data string
	cmd       *exec.Cmd
}

// kill ends the process as kill -9 does.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait()
}

// startProcess starts a server on an etcd cluster and waits until it answers.
func startProcess(t *testing.T, etcd string) *process {
	t.Helper()
	address := freeAddress(t)
	p := &process{url: "https://" + address, data: tempData(t)}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	p.cmd = exec.Command(self, "server", "--data", p.data, "--listen", address, "--etcd", etcd)
	p.cmd.Env = append(os.Environ(), asProgram+"=1")
	p.cmd.Stderr = &log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", p.url, &log)
		}
	})
	c, err := client.New("unix://" + filepath.Join(p.data, "api.sock"))
	if err != nil {
		t.Fatal(err)
	}
	await(t, "a server answers", func() bool {
		_, err := c.Version(t.Context())
		return err == nil
	})
	return p
}

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(patience); time.Now().Before(until); <-tick.C {
		if holds() {
			return
		}
	}
	t.Fatalf("not in time: %s", what)
}

// bare is a node on which nothing has to be done.
type bare struct{}

func (bare) Facts(context.Context) (*model.Facts, error) { return &model.Facts{Node: "node1"}, nil }
func (bare) Events(context.Context) (<-chan struct{}, error) {
	return make(chan struct{}), nil
}
func (bare) Stages() []agent.Stage { return nil }
func (bare) Ports() []string       { return nil }
func (bare) Reserve([]string)      {}
func (bare) BootID() string        { return "boot" }

// Of three servers on one etcd one is named to the agent and to the command line. Both
// learn of the others, and go on when that one is killed, the command line also when it
// is started anew.
func TestServersAreLearnedAndOneIsKilled(t *testing.T) {
	etcd := externalEtcd(t)
	servers := []*process{startProcess(t, etcd), startProcess(t, etcd), startProcess(t, etcd)}
	first := servers[0]
	local, err := client.New("unix://" + filepath.Join(first.data, "api.sock"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := local.CreateToken(t.Context(), api.TokenRequest{Node: "node1"})
	if err != nil {
		t.Fatal(err)
	}
	data := tempData(t)
	if err := join(t.Context(), first.url, token.Token, "node1", data); err != nil {
		t.Fatal(err)
	}
	a, err := agent.New(agent.Config{Data: data, System: bare{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = a.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-ended })

	state := t.TempDir()
	command := func(words ...string) (string, int) {
		var out bytes.Buffer
		cfg := config()
		cfg.Stdout, cfg.Stderr = &out, &out
		cfg.Getenv = func(name string) string { return map[string]string{"XDG_STATE_HOME": state}[name] }
		code := cli.Main(t.Context(), cfg, append([]string{"--server", first.url, "--ca", filepath.Join(first.data, "ca.crt"),
			"--cert", filepath.Join(first.data, "admin.crt"), "--key", filepath.Join(first.data, "admin.key")}, words...))
		return out.String(), code
	}
	must := func(words ...string) string {
		t.Helper()
		out, code := command(words...)
		if code != 0 {
			t.Fatalf("viaduct %s: exit status %d\n%s", strings.Join(words, " "), code, out)
		}
		return out
	}
	must("create", "zone", "za", "type=simple")
	must("apply", "-y", "--timeout", "1m")
	knows := func(path string) bool {
		b, err := os.ReadFile(path)
		return err == nil && json.Valid(b) && !slices.ContainsFunc(servers, func(p *process) bool { return !bytes.Contains(b, []byte(p.url)) })
	}
	await(t, "the agent has all servers on disk", func() bool { return knows(filepath.Join(data, "servers.json")) })
	await(t, "the command line has all servers on disk", func() bool {
		must("status")
		return knows(filepath.Join(state, "viaduct", "servers.json"))
	})

	first.kill(t)
	must("create", "zone", "zb", "type=simple")
	must("apply", "-y", "--timeout", "1m") // waits until the node has it
	if out := must("status"); !strings.Contains(out, "revision 2 is running") || !strings.Contains(out, "converged") {
		t.Errorf("after one server was killed:\n%s", out)
	}
	// The last good one is asked first now: another that was killed makes no difference.
	var remembered map[string]client.Servers
	b, err := os.ReadFile(filepath.Join(state, "viaduct", "servers.json"))
	if err != nil || json.Unmarshal(b, &remembered) != nil || remembered[first.url].Current == first.url {
		t.Errorf("remembered %s, %v", b, err)
	}
	// Several can be given at once, too.
	both := first.url + "," + servers[1].url
	cl, err := client.New(both, client.WithTLS(filepath.Join(first.data, "admin.crt"), filepath.Join(first.data, "admin.key"), filepath.Join(first.data, "ca.crt")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cl.Status(t.Context(), ""); err != nil {
		t.Errorf("of two servers one was killed: %v", err)
	}
}
