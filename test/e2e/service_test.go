package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// service is a process of the program that is not part of a lab.
type service struct {
	t      *testing.T
	cmd    *exec.Cmd
	log    bytes.Buffer
	notify *net.UnixConn // what systemd would listen on
}

// startService runs the program as systemd would; in names its namespace, empty
// the present one.
func startService(t *testing.T, in string, args ...string) *service {
	t.Helper()
	s := &service{t: t}
	path := filepath.Join(t.TempDir(), "notify")
	var err error
	if s.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	argv := append([]string{binary}, args...)
	if in != "" {
		argv = append([]string{"ip", "netns", "exec", in}, argv...)
	}
	s.cmd = exec.Command(argv[0], argv[1:]...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	s.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+path)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Signal(os.Interrupt)
		if err := s.cmd.Wait(); err != nil {
			t.Errorf("%s ended with: %v\n%s", args[0], err, s.log.String())
		}
		_ = s.notify.Close()
	})
	return s
}

// ready waits for READY=1 (sd_notify(3)).
func (s *service) ready() {
	s.t.Helper()
	if err := s.notify.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
	buf := make([]byte, 256)
	for {
		n, err := s.notify.Read(buf)
		if err != nil {
			s.t.Fatalf("the service does not say that it is ready: %v", err)
		}
		if strings.Contains(string(buf[:n]), "READY=1") {
			return
		}
	}
}

// namespace makes a network namespace with its loopback up.
func namespace(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("viaduct-test-%d", os.Getpid())
	for _, args := range [][]string{{"netns", "add", name}, {"-n", name, "link", "set", "lo", "up"}} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v: %s", args, err, out)
		}
	}
	t.Cleanup(func() {
		if out, err := exec.Command("ip", "netns", "del", name).CombinedOutput(); err != nil {
			t.Errorf("ip netns del: %v: %s", err, out)
		}
	})
	return name
}

// TestUp runs a single host: server and agent in one process.
func TestUp(t *testing.T) {
	ns := namespace(t)
	dir := t.TempDir()
	data, agentData := filepath.Join(dir, "server"), filepath.Join(dir, "agent")
	s := startService(t, ns, "up", "--data", data, "--agent-data", agentData, "--node", "host1")
	s.ready()
	target := "unix://" + filepath.Join(data, "api.sock")
	cmd := exec.Command(binary, "--server", target, "apply", "-f", "-")
	cmd.Stdin = strings.NewReader("kind: zone\nid: zn\ntype: simple\n---\nkind: vnet\nid: only\nzone: zn\n---\nkind: subnet\nid: 10.0.0.0/24\nvnet: only\ngateway: 10.0.0.1\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("apply: %v\n%s", err, out)
	}
	out, err := exec.Command("ip", "-n", ns, "addr", "show", "only").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "10.0.0.1/24") {
		t.Errorf("the network is not there: %v\n%s", err, out)
	}
	// The same over the network, with the administrator's certificate.
	over := exec.Command("ip", "netns", "exec", ns, binary, "--server", "https://127.0.0.1:8006", "--cert", filepath.Join(data, "admin.crt"),
		"--key", filepath.Join(data, "admin.key"), "--ca", filepath.Join(data, "ca.crt"), "get", "vnets")
	if out, err := over.CombinedOutput(); err != nil || !strings.Contains(string(out), "only") {
		t.Errorf("over the network: %v\n%s", err, out)
	}
	bare := exec.Command("ip", "netns", "exec", ns, binary, "--server", "https://127.0.0.1:8006", "--ca", filepath.Join(data, "ca.crt"), "get", "vnets")
	if out, err := bare.CombinedOutput(); err == nil {
		t.Errorf("without a certificate the server told:\n%s", out)
	}
}

// TestExternalStore runs two servers, one after the other, on an etcd cluster
// that is not theirs: what one wrote the other has.
func TestExternalStore(t *testing.T) {
	url := externalEtcd(t)
	for i, want := range []string{"", "kept"} {
		data := t.TempDir()
		t.Run(fmt.Sprint("server", i+1), func(t *testing.T) {
			s := startService(t, "", "server", "--data", data, "--listen", "127.0.0.1:0", "--etcd", url)
			s.ready()
			c, err := client.New("unix://" + filepath.Join(data, "api.sock"))
			if err != nil {
				t.Fatal(err)
			}
			if want == "" {
				cmd := exec.Command(binary, "--server", "unix://"+filepath.Join(data, "api.sock"), "apply", "-f", "-", "-m", "kept")
				cmd.Stdin = strings.NewReader("kind: zone\nid: zn\ntype: simple\n")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("apply: %v\n%s", err, out)
				}
				return
			}
			revs, err := c.Revisions(t.Context())
			if err != nil || len(revs) != 1 || revs[0].Message != want {
				t.Errorf("revisions %+v, %v", revs, err)
			}
		})
	}
}

// externalEtcd runs an etcd on the loopback.
func externalEtcd(t *testing.T) string {
	t.Helper()
	cfg := embed.NewConfig()
	cfg.Dir = t.TempDir()
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	free := func() url.URL {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return url.URL{Scheme: "http", Host: l.Addr().String()}
	}
	cl, peer := free(), free()
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{cl}, []url.URL{cl}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	select {
	case <-e.Server.ReadyNotify():
	case <-ctx.Done():
		t.Fatal(errors.New("etcd does not start"))
	}
	return cl.String()
}
