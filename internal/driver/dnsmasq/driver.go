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

// Options configure a Driver. The zero value suits a host with dnsmasq from its
// package.
type Options struct {
	// Namespace is the namespace to work in; nil is the process's own.
	Namespace *netns.NS
	// Root is the directory below which all files are, for a machine that runs
	// several nodes. Empty on real hosts.
	Root string
	// Program is the path of dnsmasq; empty finds it on the search path.
	Program string
	// User is the user that dnsmasq runs as once it has started; it must be able to
	// read the files. Empty means that of its package.
	User string
}

// The file locations below the root: those of Proxmox VE, and the driver's notes on
// processes.
// processes.
const (
	confDir  = "/etc/dnsmasq.d"
	leaseDir = "/var/lib/misc"
	runDir   = "/run/viaduct-dnsmasq"
)

// Driver implements driver.Driver for DHCP servers. Its methods must not be called
// concurrently.
type Driver struct {
	o Options
	// pushed holds the NICs that processes know, as far as this driver passed them.
	pushed map[instance]pushedHosts
	// systemdRun starts a process in a scope of its own; empty without systemd.
	systemdRun string
}

// instance is a network with a server: a link of a zone.
type instance struct{ zone, link string }

// pushedHosts holds the NICs that a process knows.
type pushedHosts struct {
	process process
	hosts   []desired.DHCPHost
	text    string // of the file
	// added counts the files that passed them since its last complete reload.
	added int
}

var _ driver.Driver = (*Driver)(nil)

// New returns a driver. dnsmasq need not be installed.
func New(o Options) *Driver {
	d := &Driver{o: o, pushed: map[instance]pushedHosts{}}
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

// file returns the path of a file in the folder of an instance's zone.
func (d *Driver) file(i instance, name string) string { return filepath.Join(d.folder(i.zone), name) }

func (d *Driver) leases(i instance) string {
	return filepath.Join(d.o.Root, leaseDir, "dnsmasq."+i.zone+"."+i.link+".leases")
}

// run returns the path of a file about the process of an instance.
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
	// They concern the node as a whole: all servers need the same ports.
	for _, port := range slices.Sorted(maps.Keys(p.taken)) {
		errs = append(errs, p.taken[port])
	}
	zones, err := d.ownedZones()
	errs = append(errs, err)
	for _, zone := range zones {
		errs = append(errs, p.prune(zone, wanted))
	}
	return p.result, errors.Join(errs...)
}

// ownedZones lists the zones with a folder that Viaduct owns, sorted.
func (d *Driver) ownedZones() ([]string, error) {
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

// links returns the indexes of the node's links by name.
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
		return "", msgDnsmasqMissing.Failure()
	}
	return path, nil
}
