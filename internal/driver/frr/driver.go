package frr

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Options configure a Driver. The zero value suits a host with FRR from its
// package.
type Options struct {
	// Namespace is the namespace to work in; nil is the process's own.
	Namespace *netns.NS
	// Pathspace is FRR's name for one of several instances on a machine (-N):
	// its files are in folders of this name. Empty on real hosts.
	Pathspace string
	// ConfDir, RunDir and BinDir are where FRR keeps its configuration, its
	// sockets and its daemons; empty means /etc/frr, /var/run/frr, /usr/lib/frr.
	ConfDir, RunDir, BinDir string
	// Root is the directory that FRR is installed in, as for chroot(2); empty is
	// the system's own.
	Root string
	// StateFile records the applied lines across restarts. If it is empty, they are
	// kept in memory only.
	StateFile string
	// LocalPath is the operator's own configuration, with lines identified by their
	// number; empty means frr.conf.local in the configuration directory.
	LocalPath string
}

// Driver implements driver.Driver for FRR. Its methods, and those of the driver
// that Withdraw returns, must not be called concurrently.
type Driver struct {
	o     Options
	state *state // nil until it was read
	// want is the wanted configuration of the present pass.
	want *node
	// facts are the last result of Facts, for the programs with the stamp.
	facts *model.FRRFacts
	stamp string
	// systemd reports whether services are started by systemd.
	systemd func() bool
	// systemctl and systemdRun are its programs.
	systemctl, systemdRun string
}

var _ driver.Driver = (*Driver)(nil)

// New returns a driver. FRR need not be installed.
func New(o Options) *Driver {
	for _, f := range []struct {
		field *string
		usual string
	}{{&o.ConfDir, "/etc/frr"}, {&o.RunDir, "/var/run/frr"}, {&o.BinDir, "/usr/lib/frr"}} {
		if *f.field == "" {
			*f.field = f.usual
		}
	}
	d := &Driver{o: o, systemctl: "systemctl", systemdRun: "systemd-run"}
	if o.LocalPath == "" {
		d.o.LocalPath = d.path(d.confDir(), "frr.conf.local")
	}
	d.systemd = func() bool {
		_, err := os.Stat("/run/systemd/system")
		return err == nil && o.Pathspace == "" && o.Root == ""
	}
	return d
}

// Name implements driver.Driver.
func (*Driver) Name() string { return "frr" }

func (d *Driver) confDir() string   { return filepath.Join(d.o.ConfDir, d.o.Pathspace) }
func (d *Driver) runDir() string    { return filepath.Join(d.o.RunDir, d.o.Pathspace) }
func (d *Driver) binDir() string    { return d.o.BinDir }
func (d *Driver) vtyshPath() string { return "/usr/bin/vtysh" }

// path is the path of a file of FRR as this process sees it.
func (d *Driver) path(parts ...string) string {
	if d.o.Root == "" {
		return filepath.Join(parts...)
	}
	p := filepath.Join(parts...)
	if rest, ok := strings.CutPrefix(p, "/var/run/"); ok { // a link, and an absolute one
		p = "/run/" + rest
	}
	return filepath.Join(d.o.Root, p)
}

// installed reports whether FRR is installed.
func (d *Driver) installed() bool {
	_, err := os.Stat(d.path(d.vtyshPath()))
	if err == nil {
		_, err = os.Stat(d.path(d.binDir(), "zebra"))
	}
	return err == nil
}

// frrUser is the user that FRR runs as; it owns FRR's files.
func (d *Driver) frrUser() (uid, gid int, err error) {
	b, err := os.ReadFile(d.path("/etc/passwd"))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Split(line, ":") // frr:x:105:110:...
		if len(f) > 3 && f[0] == "frr" {
			uid, err1 := strconv.Atoi(f[2])
			gid, err2 := strconv.Atoi(f[3])
			return uid, gid, errors.Join(err1, err2)
		}
	}
	return 0, 0, errors.New("there is no user frr: install the package frr again")
}

// makeRunDir makes the directories of a path space, or on the first start the
// one for sockets.
func (d *Driver) makeRunDir() error {
	uid, gid, err := d.frrUser()
	if err != nil {
		return err
	}
	for dir, mode := range map[string]os.FileMode{d.path(d.runDir()): 0o755, d.path(d.confDir()): 0o750} {
		if _, err := os.Stat(dir); err == nil {
			continue
		}
		if err := os.MkdirAll(dir, mode); err != nil {
			return err
		}
		if err := os.Chown(dir, uid, gid); err != nil {
			return err
		}
	}
	return nil
}

// device reports whether the node has a network device.
func (d *Driver) device(name string) bool {
	return d.o.Namespace.Run(func() error {
		_, err := net.InterfaceByName(name)
		return err
	}) == nil
}

// open prepares the driver for a pass towards want. It reports false if there is
// nothing to do because FRR is neither wanted nor was ever configured.
func (d *Driver) open(want *desired.Space) (bool, error) {
	if d.state == nil {
		s, err := loadState(d.o.StateFile)
		if err != nil {
			return false, missingError(want.FRR, err)
		}
		d.state = s
	}
	if want.FRR == nil && d.state.empty() {
		return false, nil
	}
	if !d.installed() {
		if want.FRR == nil { // and so is everything that Viaduct owned
			return false, nil
		}
		return false, missingError(want.FRR, errMissing)
	}
	d.want = &node{}
	if want.FRR != nil {
		d.want = wanted(want.FRR.Blocks)
	}
	return true, nil
}

// missingError returns the error for every object that has a line, or for the node.
func missingError(want *desired.FRR, err error) error {
	var owners []string
	if want != nil {
		for _, b := range want.Blocks {
			owners = append(owners, b.Owner)
		}
	}
	slices.Sort(owners)
	var errs []error
	for _, o := range slices.Compact(owners) {
		errs = append(errs, &driver.ObjectError{Owner: o, Err: err})
	}
	if len(errs) == 0 {
		return err
	}
	return errors.Join(errs...)
}

// Reconcile implements driver.Driver. It runs after the link driver: see the
// package comment.
func (d *Driver) Reconcile(ctx context.Context, want *desired.Space, dryRun bool) (driver.Result, error) {
	if ok, err := d.open(want); !ok {
		return driver.Result{}, err
	}
	p := &pass{d: d, ctx: ctx, dryRun: dryRun, seen: map[string]bool{}, kept: map[string]*node{}, refused: map[string]*driver.ObjectError{}}
	if want.FRR != nil {
		p.daemons = want.FRR.Daemons
	}
	err := p.run()
	return p.result, errors.Join(append(p.errors(), err)...)
}

// Withdraw returns the driver that runs before the link driver and removes the
// lines that refer to VRFs and VNIs to be deleted: see the package comment.
func (d *Driver) Withdraw() driver.Driver { return &withdrawal{d} }

type withdrawal struct{ d *Driver }

// Name implements driver.Driver.
func (*withdrawal) Name() string { return "frr-withdraw" }

// Reconcile implements driver.Driver. It removes and never adds; the lines stay in
// the state until the driver itself has verified their removal. Without a VRF or
// VNI to delete it reads nothing.
func (w *withdrawal) Reconcile(ctx context.Context, want *desired.Space, dryRun bool) (driver.Result, error) {
	d := w.d
	if ok, err := d.open(want); !ok || err != nil || dryRun {
		return driver.Result{}, nil //nolint:nilerr // the driver itself reports it, and in a dry run also these changes
	}
	leaving := func(o *op) bool { return goesAway(o, d.want) }
	offline := &comparison{place: inRunning, device: d.device}
	offline.remove(d.want, d.state.last, d.state.last, nil)
	if !slices.ContainsFunc(offline.removes, func(o op) bool { return leaving(&o) }) || len(d.running()) == 0 {
		return driver.Result{}, nil
	}
	running, err := d.readRunning(ctx)
	if err != nil {
		return driver.Result{}, nil //nolint:nilerr // the driver itself reports it
	}
	cmp := &comparison{place: inRunning, effect: func(w string) bool { return d.state.effects[w] }, device: d.device}
	cmp.remove(d.want, d.state.last, running, nil)
	ops := slices.DeleteFunc(inOrder(cmp.removes, nil), func(o op) bool { return !leaving(&o) })
	if len(ops) == 0 {
		return driver.Result{}, nil
	}
	if _, err := d.carryOut(ctx, commands(ops, false, d.device)); err != nil {
		return driver.Result{}, fmt.Errorf("withdraw VRFs and VNIs from FRR: %w", err)
	}
	// The driver itself finds and reports refused lines.
	return driver.Result{Changes: changes(ops), Writes: 1}, nil
}

// goesAway reports whether a removal concerns a VRF or a VNI that is to be deleted.
func goesAway(o *op, want *node) bool {
	head := o.head()
	if vrf := vrfOf(head); vrf != "" {
		return want.find("vrf "+vrf) == nil || !isRouter(o) && (o.whole || strings.HasPrefix(o.text, "vni "))
	}
	words := strings.Fields(o.text)
	if n := len(words); n > 1 && words[n-2] == "vrf" { // import vrf X
		return want.find("vrf "+words[n-1]) == nil
	}
	return o.whole && words[0] == "vni"
}

// accepted reports whether FRR accepted a line that it does not show.
func (d *Driver) accepted(where string) bool { return d.state.accepted[where] }

// nextGeneration records the running daemons, forgets lines accepted by earlier
// ones, and returns the daemons that are new since the last pass.
func (d *Driver) nextGeneration(now map[string]process) []string {
	was := map[string]string{}
	defer func() { d.state.generation = generation(now) }()
	for part := range strings.SplitSeq(d.state.generation, ",") {
		if name, id, ok := strings.Cut(part, "="); ok {
			was[name] = id
		}
	}
	var changed []string
	for _, name := range known {
		if p, runs := now[name]; runs && was[name] != p.String() {
			changed = append(changed, name)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	removed := func(where string) bool {
		head, _, _ := strings.Cut(where, separator)
		one := daemonOf(head)
		return one == "" || slices.Contains(changed, one)
	}
	for _, m := range []map[string]bool{d.state.accepted, d.state.effects} {
		for where := range m {
			if removed(where) {
				delete(m, where)
			}
		}
	}
	return changed
}

// generation names the running daemons.
func generation(now map[string]process) string {
	var parts []string
	for _, name := range known {
		if p, ok := now[name]; ok {
			parts = append(parts, name+"="+p.String())
		}
	}
	return strings.Join(parts, ",")
}

// fileChange describes the change of a file if nothing else differs.
func fileChange(name string) diff.Change {
	return diff.Change{Action: diff.Update, Type: desired.TypeFRR, Name: "file " + name, Fields: []diff.Field{
		{Name: "content", Old: "changed by hand", New: "as declared"},
	}}
}
