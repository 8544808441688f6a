package haproxy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/linux/processes"
	"github.com/viaduct-sdn/viaduct/internal/render/haproxy"
)

// Options configure a Driver. The zero value suits a host with HAProxy from its package.
type Options struct {
	// Dir is the directory of all files; empty means DefaultDir. Everybody on its path
	// must be able to enter it unless UID is 0.
	Dir string
	// Program is the path of haproxy; empty finds it on the search path.
	Program string
	// Namespaces is the directory of the spaces' network namespaces; empty means that of
	// the system.
	Namespaces netns.Dir
	// Namespace is the host's network namespace; nil is the process's own.
	Namespace *netns.NS
	// UID and GID are the user of the process.
	UID, GID int
	// Timeout bounds each exchange with the process; 0 means DefaultTimeout.
	Timeout time.Duration
}

// DefaultDir is the directory of the files. A node that boots has none.
const DefaultDir = "/run/viaduct-haproxy"

// DefaultTimeout is how long HAProxy may need to answer.
const DefaultTimeout = 5 * time.Second

// Driver implements driver.Driver for load balancers. Its methods must not be called
// concurrently, except where they say so.
type Driver struct {
	o Options
	// installed is the release of the program, found when it had this stamp.
	installed, stamp string
}

var _ driver.Driver = (*Driver)(nil)

// New returns a driver. HAProxy need not be installed.
func New(o Options) *Driver {
	if o.Dir == "" {
		o.Dir = DefaultDir
	}
	if o.Program == "" {
		o.Program = "haproxy"
	}
	if o.Namespaces == "" {
		o.Namespaces = netns.SystemDir
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	return &Driver{o: o}
}

// Name implements driver.Driver.
func (*Driver) Name() string { return "haproxy" }

// The files in the driver's directory. Those in processDir are made by HAProxy.
const (
	configFile     = "haproxy.cfg"
	appliedFile    = "applied.json"
	stateFile      = "state"
	certificateDir = "certificates"
	namespaceDir   = "namespaces"
	currentFile    = "current"
	processDir     = "run"
)

func (d *Driver) path(name string) string { return filepath.Join(d.o.Dir, name) }

// Bounds of the process.
const (
	maxThreads = 4
	maxFiles   = 1 << 18
)

// settings are those of the process of a generation. namespaces are the names of the spaces'
// namespaces.
func (d *Driver) settings(generation int, namespaces map[string]string) haproxy.Settings {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Max > maxFiles {
		limit.Max = maxFiles
	}
	return haproxy.Settings{
		Socket: d.socket(generation), State: d.path(stateFile), Certificates: d.path(certificateDir),
		Namespace: func(space string) string { return namespaces[space] },
		Threads:   min((runtime.NumCPU()+1)/2, maxThreads), Files: int(limit.Max),
	}
}

// started is the change for a process that was not running, and restarted that for one that
// runs with another configuration, or is of another release.
var (
	started   = diff.Change{Action: diff.Create, Type: desired.TypeProcess, Name: "load balancer"}
	restarted = diff.Change{Action: diff.Update, Type: desired.TypeProcess, Name: "load balancer", Fields: []diff.Field{{Name: "configuration", Old: "other", New: "as declared"}}}
)

// Reconcile implements driver.Driver.
func (d *Driver) Reconcile(ctx context.Context, want *desired.Space, dryRun bool) (driver.Result, error) {
	applied, err := d.applied()
	if err != nil {
		return driver.Result{}, err
	}
	if len(want.LoadBalancers) == 0 {
		return d.end(ctx, applied, dryRun)
	}
	if _, err := exec.LookPath(d.o.Program); err != nil {
		var errs []error
		for i := range want.LoadBalancers {
			errs = append(errs, &driver.ObjectError{Owner: want.LoadBalancers[i].Owner, Err: msgMissing.Failure()})
		}
		return driver.Result{}, errors.Join(errs...)
	}
	p := &pass{d: d, applied: applied, before: byName(applied), errs: map[string]error{}}
	if p.namespaces, err = d.namespaces(want.LoadBalancers); err != nil {
		return driver.Result{}, err
	}
	p.choose(want.LoadBalancers)
	if p.running, err = d.running(ctx); err != nil {
		return driver.Result{}, err
	}
	p.compare()
	if !dryRun {
		err = errors.Join(p.apply(ctx), d.reap(ctx))
	}
	return p.result, errors.Join(err, p.objectErrors(want.LoadBalancers))
}

// end ends the process and removes its files, if there are any.
func (d *Driver) end(ctx context.Context, applied []desired.LoadBalancer, dryRun bool) (driver.Result, error) {
	var result driver.Result
	if _, err := os.Stat(d.path(configFile)); os.IsNotExist(err) && len(d.known()) == 0 {
		return result, nil
	}
	result.Changes = diff.Keyed(desired.TypeLoadBalancer, desired.LoadBalancerEntries(applied), nil)
	result.Writes = max(1, len(result.Changes))
	if dryRun {
		return result, nil
	}
	if err := d.stopAll(ctx); err != nil {
		return driver.Result{}, err
	}
	return result, d.removeFiles()
}

// byName are load balancers by name.
func byName(all []desired.LoadBalancer) map[string]*desired.LoadBalancer {
	out := make(map[string]*desired.LoadBalancer, len(all))
	for i := range all {
		out[all[i].Name] = &all[i]
	}
	return out
}

// Events implements driver.Eventful: it reports that the process started or ended.
func (d *Driver) Events(ctx context.Context) (<-chan struct{}, error) {
	if err := d.prepare(); err != nil {
		return nil, fmt.Errorf("listen for HAProxy: %w", err)
	}
	return processes.Events(ctx, processes.Source{
		Folders: func() []string { return []string{d.path(processDir)} },
		Processes: func() map[string]int {
			out := map[string]int{}
			for generation, p := range d.known() {
				if p.pid != 0 {
					out[fmt.Sprintf("%d@%d", p.pid, generation)] = p.pid
				}
			}
			return out
		},
	})
}

// objectErrors are the errors of the wanted load balancers, in their order.
func (p *pass) objectErrors(want []desired.LoadBalancer) error {
	var errs []error
	for i := range want {
		if err := p.errs[want[i].Name]; err != nil {
			errs = append(errs, &driver.ObjectError{Owner: want[i].Owner, Err: err})
		}
	}
	return errors.Join(errs...)
}

// spaces are the spaces of load balancers, sorted.
func spaces(all []desired.LoadBalancer) []string {
	found := map[string]bool{}
	for i := range all {
		if s := all[i].Space; s != "" {
			found[s] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}
