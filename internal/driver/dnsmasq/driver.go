package dnsmasq

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/linux/sockets"
	"github.com/viaduct-sdn/viaduct/internal/render/dnsmasq"
)

// Options configure a Driver. The zero value is that of a host with dnsmasq from
// its package.
type Options struct {
	// Namespace to work in; nil is the process's own.
	Namespace *netns.NS
	// Root is the directory below which all files are, for a machine that runs
	// several nodes. Empty on real hosts.
	Root string
	// Program is dnsmasq; empty finds it on the path.
	Program string
	// User is whom dnsmasq works as once it has started; it must be able to read the
	// files. Empty is that of its package.
	User string
}

// Where the files are below the root: those of Proxmox VE, and our notes on
// processes.
const (
	confDir  = "/etc/dnsmasq.d"
	leaseDir = "/var/lib/misc"
	runDir   = "/run/viaduct-dnsmasq"
)

// Driver implements driver.Driver for DHCP servers. Its methods must not be called
// by several goroutines at once.
type Driver struct {
	o Options
	// told is what processes know of NICs, as far as this driver told them.
	told map[instance]told
	// systemdRun starts a process in a scope of its own; empty without systemd.
	systemdRun string
}

// instance is a network that has a server: a link of a zone.
type instance struct{ zone, link string }

// told is what a process knows of NICs.
type told struct {
	process process
	hosts   []desired.DHCPHost
	text    string // of the file
	// added counts the files that it got them by since it read all.
	added int
}

var _ driver.Driver = (*Driver)(nil)

// New makes a driver. dnsmasq need not be installed.
func New(o Options) *Driver {
	d := &Driver{o: o, told: map[instance]told{}}
	if _, err := os.Stat("/run/systemd/system"); err == nil && o.Root == "" {
		d.systemdRun = "systemd-run"
	}
	if o.Program == "" {
		d.o.Program = "dnsmasq"
	}
	return d
}

// Name implements driver.Driver.
func (*Driver) Name() string { return "dnsmasq" }

func (d *Driver) folder(zone string) string { return filepath.Join(d.o.Root, confDir, zone) }

// file is the path of a file in the folder of an instance's zone.
func (d *Driver) file(i instance, name string) string { return filepath.Join(d.folder(i.zone), name) }

func (d *Driver) leases(i instance) string {
	return filepath.Join(d.o.Root, leaseDir, "dnsmasq."+i.zone+"."+i.link+".leases")
}

// run is the path of a file about the process of an instance.
func (d *Driver) run(i instance, suffix string) string {
	return filepath.Join(d.o.Root, runDir, "dnsmasq."+i.zone+"."+i.link+suffix)
}

// Reconcile implements driver.Driver.
func (d *Driver) Reconcile(ctx context.Context, want *desired.Space, dryRun bool) (driver.Result, error) {
	p := &pass{d: d, ctx: ctx, dryRun: dryRun, taken: map[int]*sockets.TakenError{}}
	var errs []error
	wanted := map[instance]bool{}
	if len(want.DHCP) > 0 {
		var err error
		if p.links, err = d.links(); err != nil {
			return driver.Result{}, err
		}
	}
	for i := range want.DHCP {
		s := &want.DHCP[i]
		for _, n := range s.Networks {
			wanted[instance{s.Zone, n.Link}] = true
		}
		errs = append(errs, p.zone(s)...)
	}
	// They concern the node as a whole: all servers want the same ports.
	for _, port := range slices.Sorted(maps.Keys(p.taken)) {
		errs = append(errs, p.taken[port])
	}
	zones, err := d.ours()
	errs = append(errs, err)
	for _, zone := range zones {
		errs = append(errs, p.prune(zone, wanted))
	}
	return p.result, errors.Join(errs...)
}

// ours lists the zones that have a folder of ours, sorted.
func (d *Driver) ours() ([]string, error) {
	dirs, err := os.ReadDir(filepath.Join(d.o.Root, confDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look for the folders of DHCP servers: %w", err)
	}
	var out []string
	for _, dir := range dirs {
		if !dir.IsDir() {
			continue
		}
		b, err := os.ReadFile(filepath.Join(d.folder(dir.Name()), dnsmasq.DefaultFile))
		if err == nil && marked(string(b)) {
			out = append(out, dir.Name())
		}
	}
	return out, nil
}

// links are the indexes of the node's links by name.
func (d *Driver) links() (map[string]int, error) {
	out := map[string]int{}
	err := d.o.Namespace.Run(func() error {
		all, err := net.Interfaces()
		for _, l := range all {
			out[l.Name] = l.Index
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the links that DHCP servers work on: %w", err)
	}
	return out, nil
}

// program finds dnsmasq.
func (d *Driver) program() (string, error) {
	path, err := exec.LookPath(d.o.Program)
	if err != nil {
		return "", errors.New("the zone has DHCP, but this node has no dnsmasq: its guests get no addresses here; " +
			"install it (apt install dnsmasq-base), it is found within a minute")
	}
	return path, nil
}
