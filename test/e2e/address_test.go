package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

const addressManifest = `
kind: zone
id: blue
type: simple
ipam: pve
---
kind: vnet
id: blue1
zone: blue
---
kind: subnet
id: 10.0.0.0/22
vnet: blue1
gateway: 10.0.0.1
---
kind: subnet
id: fd00::/64
vnet: blue1
gateway: fd00::1
---
kind: vnet
id: small
zone: blue
---
kind: subnet
id: 10.9.0.0/29
vnet: small
gateway: 10.9.0.1
dhcp-range: "start-address=10.9.0.2,end-address=10.9.0.2"
`

// withAddresses is a server with networks.
func withAddresses(t *testing.T) *lone {
	t.Helper()
	s := startLone(t)
	manifest := filepath.Join(t.TempDir(), "networks.yaml")
	if err := os.WriteFile(manifest, []byte(addressManifest), 0o600); err != nil {
		t.Fatal(err)
	}
	s.viaduct("", "apply", "-f", manifest, "--yes", "--no-wait")
	return s
}

// TestAddressesSurviveKills ends the server with SIGKILL again and again while NICs
// join: none gets what another has, and whoever asks again gets what it had.
func TestAddressesSurviveKills(t *testing.T) {
	s := withAddresses(t)
	const nics = 300
	told := make([][]api.Address, nics)
	for round := range 4 {
		c, err := client.New("unix://" + filepath.Join(s.data, "api.sock"))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		var joining sync.WaitGroup
		for worker := range 8 {
			joining.Go(func() {
				for i := worker; i < nics; i += 8 {
					got, err := c.AssignAddress(ctx, api.AddressRequest{VNet: "blue1", MAC: fmt.Sprintf("BC:24:11:00:%02X:%02X", i>>8, i&255)})
					if err != nil {
						return // killed
					}
					if told[i] != nil && fmt.Sprint(ips(told[i])) != fmt.Sprint(ips(got)) {
						t.Errorf("NIC %d had %v and has %v", i, ips(told[i]), ips(got))
					}
					told[i] = got
				}
			})
		}
		if round < 3 {
			time.Sleep(time.Duration(20+15*round) * time.Millisecond) // somewhere in the middle
			if err := s.process.Signal(unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		joining.Wait()
		cancel()
		if round < 3 {
			s.start()
		}
	}
	c, err := client.New("unix://" + filepath.Join(s.data, "api.sock"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.Addresses(t.Context(), "blue", "blue1")
	if err != nil {
		t.Fatal(err)
	}
	owners := map[netip.Addr]string{}
	perNIC := map[string]int{}
	for _, a := range all {
		if a.Gateway {
			continue
		}
		if owners[a.IP] != "" {
			t.Errorf("%s is that of %s and %s", a.IP, owners[a.IP], a.MAC)
		}
		owners[a.IP] = a.MAC
		perNIC[a.MAC]++
	}
	if len(perNIC) != nics || len(owners) != 2*nics {
		t.Errorf("%d NICs have %d addresses, want %d with two each", len(perNIC), len(owners), nics)
	}
}

func ips(all []api.Address) []netip.Addr {
	var out []netip.Addr
	for _, a := range all {
		out = append(out, a.IP)
	}
	return out
}

// TestHook tells of guests as Proxmox VE does when it starts and stops them, and lets
// none start that cannot get its address.
func TestHook(t *testing.T) {
	s := withAddresses(t)
	folder := t.TempDir()
	for name, text := range map[string]string{
		"qemu-server/100.conf": "name: web\nnet0: virtio=BC:24:11:00:00:01,bridge=blue1,firewall=1\nnet1: virtio=BC:24:11:00:00:02,bridge=vmbr0\n",
		"lxc/101.conf":         "hostname: db\nnet0: name=eth0,bridge=small,hwaddr=BC:24:11:00:00:03,type=veth\n",
		"lxc/102.conf":         "hostname: late\nnet0: name=eth0,bridge=small,hwaddr=BC:24:11:00:00:04,type=veth\n",
	} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hook := func(id, phase string) error {
		_, err := s.try("", "hook", id, phase, "--folder", folder, "--node", "pve1")
		return err
	}
	for _, phase := range []string{"pre-start", "post-start", "pre-stop"} {
		if err := hook("100", phase); err != nil {
			t.Error(err)
		}
	}
	if err := hook("101", "pre-start"); err != nil {
		t.Error(err)
	}
	err := hook("102", "pre-start")
	for _, part := range []string{"guest 102: net0", "can't find any free ip in zone blue for IPv4", "vnet small", "10.9.0.0/29"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not told of a guest that cannot get an address: %v", part, err)
		}
	}
	list := s.viaduct("", "address", "list", "--zone", "blue")
	for _, line := range []string{"10.0.0.2", "fd00::2", "10.9.0.2"} {
		if !strings.Contains(list, line) {
			t.Errorf("%s is not given:\n%s", line, list)
		}
	}
	if strings.Contains(list, "guest 102") || !strings.Contains(list, "guest 100 net0") || !strings.Contains(list, "web") {
		t.Errorf("the list:\n%s", list)
	}
	if got := s.viaduct("", "get", "guest", "100", "-o", "yaml"); !strings.Contains(got, "node: pve1") {
		t.Errorf("a guest that runs:\n%s", got)
	}
	if err := hook("100", "post-stop"); err != nil {
		t.Error(err)
	}
	if got := s.viaduct("", "get", "guest", "100", "-o", "yaml"); strings.Contains(got, "node:") {
		t.Errorf("a guest that was stopped:\n%s", got)
	}
	if err := hook("100", "pre-start"); err != nil {
		t.Error(err)
	}
	// Who has what goes to a file and comes back, and what is freed can be given again.
	file := filepath.Join(t.TempDir(), "pve-ipam-state.json")
	s.viaduct("", "address", "export", file)
	s.viaduct("", "delete", "guest", "101")
	if err := hook("102", "pre-start"); err != nil {
		t.Errorf("once there is room: %v", err)
	}
	if _, err := s.try("", "address", "import", file); err == nil || !strings.Contains(err.Error(), "10.9.0.2") || !strings.Contains(err.Error(), "guest 102") {
		t.Errorf("an address that another guest has by now is taken over: %v", err)
	}
	s.viaduct("", "address", "move", "blue1", "10.0.0.77", "--mac", "BC:24:11:00:00:01")
	s.viaduct("", "address", "delete", "blue", "10.9.0.2", "--yes")
	if usage := s.viaduct("", "address", "usage", "--vnet", "small"); !strings.Contains(usage, "0.0") {
		t.Errorf("usage:\n%s", usage)
	}
}

// TestHookOfFixedAddresses starts guests whose configuration has addresses of their own,
// on a host that is known by its full name: they are theirs, and nobody else's.
func TestHookOfFixedAddresses(t *testing.T) {
	s := withAddresses(t)
	folder := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	container := func(mac, more string) string {
		return "hostname: ct\nnet0: name=eth0,bridge=blue1,hwaddr=BC:24:11:00:00:" + mac + ",type=veth," + more + "\n"
	}
	write("lxc/200.conf", container("20", "ip=10.0.0.2/24,ip6=fd00::99/64"))
	write("qemu-server/201.conf", "net0: virtio=BC:24:11:00:00:21,bridge=blue1\nipconfig0: ip=10.0.0.3/24,gw=10.0.0.1,ip6=2001:db8::1/64\n")
	write("lxc/202.conf", container("22", "ip=dhcp,ip6=auto"))
	write("lxc/203.conf", container("23", "ip=10.0.0.3/24"))
	write("lxc/204.conf", container("24", "ip=10.0.0.1/24"))
	hook := func(id string) error {
		out, err := exec.Command("unshare", "-u", "sh", "-c", "hostname Node7.example.com && VIADUCT_SERVER=unix://"+filepath.Join(s.data, "api.sock")+
			" exec "+binary+" hook "+id+" pre-start --folder "+folder).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	for _, id := range []string{"200", "201", "202", "200"} {
		if err := hook(id); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New("unix://" + filepath.Join(s.data, "api.sock"))
	if err != nil {
		t.Fatal(err)
	}
	has := func(guest string, want ...string) {
		t.Helper()
		all, err := c.Addresses(t.Context(), "blue", "blue1")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range all {
			if a.Guest == guest {
				got = append(got, a.IP.String())
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("addresses of guest %s: %s", guest, d)
		}
	}
	has("200", "10.0.0.2", "fd00::99")
	has("201", "10.0.0.3", "fd00::2") // that of another network is nobody's business
	has("202", "10.0.0.4", "fd00::3")
	for id, told := range map[string]string{"203": "it is that of guest 201 net0", "204": "gateway"} {
		if err := hook(id); err == nil || !strings.Contains(err.Error(), told) {
			t.Errorf("guest %s starts with the address of another, or is not told whose it is: %v", id, err)
		}
		has(id)
	}
	if got := s.viaduct("", "get", "guest", "200", "-o", "yaml"); !strings.Contains(got, "node: node7") {
		t.Errorf("where it runs:\n%s", got)
	}
	// One that is configured anew moves; one whose configuration leaves it open again keeps what it has.
	write("lxc/200.conf", container("20", "ip=10.0.0.77/24"))
	if err := hook("200"); err != nil {
		t.Fatal(err)
	}
	has("200", "10.0.0.77", "fd00::99")
	write("lxc/200.conf", container("20", "ip=dhcp"))
	if err := hook("200"); err != nil {
		t.Fatal(err)
	}
	has("200", "10.0.0.77", "fd00::99")
}
