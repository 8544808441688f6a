package frr

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
)

// startTimeout bounds the wait for a started daemon, and pollEvery is the interval
// of polling it.
const (
	startTimeout = 20 * time.Second
	pollEvery    = 20 * time.Millisecond
)

// known are the FRR daemons that Viaduct uses, in FRR's start order. mgmtd exists
// from FRR 10 on.
var known = []string{"zebra", "mgmtd", "bgpd", "ospfd", "isisd", "staticd", "bfdd", "fabricd"}

// alwaysRuns reports whether FRR runs a daemon whatever the file "daemons"
// contains.
func alwaysRuns(daemon string) bool {
	return daemon == "mgmtd" || daemon == "zebra" || daemon == "staticd"
}

// daemonOf returns the only daemon that holds the lines below a head; empty if
// several do.
func daemonOf(head string) string {
	for prefix, daemon := range map[string]string{
		"router bgp": "bgpd", "router ospf": "ospfd", "router isis": "isisd", "router openfabric": "fabricd", "bfd": "bfdd",
	} {
		if head == prefix || strings.HasPrefix(head, prefix+" ") {
			return daemon
		}
	}
	return ""
}

// protocols are the keywords of an interface's lines for a daemon's protocol.
var protocols = map[string]string{"fabricd": "openfabric", "isisd": "isis", "ospfd": "ospf"}

// ownedName is the name of a line and its owner.
type ownedName struct{ name, owner string }

// linesOf finds the wanted contexts and lines that only one daemon holds.
func linesOf(want *node, daemon string) (out []ownedName) {
	for _, k := range want.kids {
		if daemonOf(k.text) == daemon {
			out = append(out, ownedName{k.text, k.owner})
		}
		for _, l := range k.kids {
			if strings.HasPrefix(k.text, "interface ") && slices.Contains(strings.Fields(l.text), protocols[daemon]) {
				out = append(out, ownedName{name([]string{k.text}, l.text), l.owner})
			}
		}
	}
	return out
}

// process is a running daemon. start distinguishes it from a later process with its
// number.
type process struct {
	pid   int
	start string
}

func (p process) String() string { return strconv.Itoa(p.pid) + "@" + p.start }

// before reports whether the process is older than another.
func (p process) before(other process) bool {
	a, err1 := strconv.ParseUint(p.start, 10, 64)
	b, err2 := strconv.ParseUint(other.start, 10, 64)
	return err1 == nil && err2 == nil && a < b
}

// running finds the running daemons of the path space.
func (d *Driver) running() map[string]process {
	out := map[string]process{}
	for _, name := range known {
		if p, ok := d.process(name); ok {
			out[name] = p
		}
	}
	return out
}

// process finds a daemon by its PID file. The number may belong to another process
// by now, so the name is checked too.
func (d *Driver) process(daemon string) (process, bool) {
	b, err := os.ReadFile(d.path(d.runDir(), daemon+".pid"))
	if err != nil {
		return process{}, false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return process{}, false
	}
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return process{}, false
	}
	// pid (comm) state ppid ...; the start time is field 22 (proc(5)).
	open, end := strings.IndexByte(string(stat), '('), strings.LastIndexByte(string(stat), ')')
	if open < 0 || end < open || string(stat[open+1:end]) != daemon {
		return process{}, false
	}
	f := strings.Fields(string(stat[end+1:]))
	if len(f) < 20 || f[0] == "Z" {
		return process{}, false
	}
	return process{pid: pid, start: f[19]}, true
}

// Services returns FRR's daemons that run or should run for a configuration. It may be called
// at any time.
func (d *Driver) Services(_ context.Context, want *desired.Space) []driver.Service {
	runs := d.running()
	if want.FRR == nil && len(runs) == 0 {
		return nil
	}
	var wanted []string
	if want.FRR != nil {
		wanted = want.FRR.Daemons
	}
	var out []driver.Service
	for _, name := range known {
		p, ok := runs[name]
		if ok || want.FRR != nil && slices.Contains(d.needed(wanted), name) {
			out = append(out, driver.Service{Name: "FRR " + name, PID: p.pid})
		}
	}
	return out
}

// needed lists the daemons that must run for a configuration, in order.
func (d *Driver) needed(wanted []string) []string {
	var out []string
	for _, name := range known {
		_, err := os.Stat(d.path(d.binDir(), name))
		if slices.Contains(wanted, name) || alwaysRuns(name) && err == nil {
			out = append(out, name)
		}
	}
	return out
}

// daemonPlan is the work to do on daemons.
type daemonPlan struct {
	// start are those that do not run, enable and disable those with a switch to
	// change in the file, text is the resulting file.
	start, enable, disable []string
	text                   string
	// end is one of start that runs and must be ended first.
	end process
}

func (p *daemonPlan) changes() []diff.Change {
	var old, now []desired.Entry
	for _, name := range p.start {
		now = append(now, desired.Entry{Key: desired.FRRDaemons + " " + name, Name: "daemon " + name})
	}
	for _, name := range p.enable {
		now = append(now, desired.Entry{Key: desired.FRRDaemons + " " + name, Name: "daemon " + name})
	}
	for _, name := range p.disable {
		old = append(old, desired.Entry{Key: desired.FRRDaemons + " " + name, Name: "daemon " + name})
	}
	return diff.Keyed(desired.TypeFRR, old, now)
}

// lostBFD reports whether bfdd is older than zebra. Its sessions ended with the zebra that it
// knew, and it gets none again: BFD monitors nothing any more, and sessions that wait for it do
// not come up (FRR 8.4 to 10.7).
func lostBFD(runs map[string]process) bool {
	bfdd, ok1 := runs["bfdd"]
	zebra, ok2 := runs["zebra"]
	return ok1 && ok2 && bfdd.before(zebra)
}

// planDaemons compares the daemons with the wanted ones. A daemon that Viaduct
// enabled is disabled again unless foreign configuration uses it.
func (d *Driver) planDaemons(wanted []string, runs map[string]process, running *node) (*daemonPlan, error) {
	b, err := os.ReadFile(d.path(d.confDir(), "daemons"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read which daemons FRR starts: %w", err)
	}
	p := &daemonPlan{text: string(b)}
	if len(wanted) > 0 || len(d.want.kids) > 0 {
		for _, name := range d.needed(wanted) {
			_, ok := runs[name]
			if again := name == "bfdd" && lostBFD(runs); again {
				p.end = runs[name]
				p.start = append(p.start, name)
			} else if !ok {
				p.start = append(p.start, name)
			}
		}
	}
	for _, name := range wanted {
		if text, changed := switchDaemon(p.text, name, true); changed {
			p.text, p.enable = text, append(p.enable, name)
		}
	}
	for _, name := range d.state.enabled {
		used := slices.ContainsFunc(running.kids, func(n *node) bool { return daemonOf(n.text) == name })
		if slices.Contains(wanted, name) || used {
			continue
		}
		p.text, _ = switchDaemon(p.text, name, false)
		p.disable = append(p.disable, name)
	}
	return p, nil
}

// switchDaemon sets a daemon's switch in the file "daemons" and leaves everything
// else unchanged, byte for byte.
func switchDaemon(text, daemon string, on bool) (out string, changed bool) {
	value := "no"
	if on {
		value = "yes"
	}
	lines := strings.SplitAfter(text, "\n")
	found := false
	for i, line := range lines {
		name, was, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || name != daemon {
			continue
		}
		found = true
		was = strings.Trim(was, `"'`)
		// The shell that reads the file treats anything but no, 0 and the empty string as yes.
		if isOn := was != "" && was != "no" && was != "0"; isOn != on {
			lines[i] = strings.Replace(line, strings.TrimSpace(line), daemon+"="+value, 1)
			changed = true
		}
	}
	if found || !on {
		return strings.Join(lines, ""), changed
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + daemon + "=yes\n", true
}

// startDaemons enables and starts missing daemons. The state records those that
// Viaduct enables beforehand.
func (d *Driver) startDaemons(ctx context.Context, p *daemonPlan) error {
	if len(p.enable) > 0 {
		d.state.enabled = append(d.state.enabled, p.enable...)
		slices.Sort(d.state.enabled)
		d.state.enabled = slices.Compact(d.state.enabled)
		if err := d.state.save(); err != nil {
			return err
		}
		if err := d.writeFile("daemons", p.text); err != nil {
			return err
		}
	}
	if len(p.start) == 0 {
		return nil
	}
	if err := d.prepareStart(); err != nil {
		return err
	}
	if err := d.end(ctx, "bfdd", p.end); err != nil {
		return err
	}
	if d.systemd() {
		if _, status, err := d.run(ctx, d.systemctl, "is-active", "--quiet", "frr"); err != nil {
			return err
		} else if status != 0 {
			return d.startService(ctx, p.start)
		}
	}
	for _, name := range p.start {
		if err := d.startDaemon(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// end ends a daemon that is to be restarted; the zero process stands for none.
func (d *Driver) end(ctx context.Context, name string, p process) error {
	if p == (process{}) {
		return nil
	}
	if err := unix.Kill(p.pid, unix.SIGTERM); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("end FRR's %s: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if now, runs := d.process(name); !runs || now != p {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("FRR's %s was asked to end and still runs as process %d: kill it, the agent starts it again", name, p.pid)
		case <-tick.C:
		}
	}
}

// prepareStart creates what FRR's scripts expect: its directories and a
// configuration file, even an empty one.
func (d *Driver) prepareStart() error {
	if err := d.makeRunDir(); err != nil {
		return err
	}
	for _, name := range []string{"daemons", "frr.conf", "vtysh.conf"} {
		if _, err := os.Stat(d.path(d.confDir(), name)); errors.Is(err, fs.ErrNotExist) {
			if err := d.writeFile(name, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// startService starts FRR as the service of its package.
func (d *Driver) startService(ctx context.Context, names []string) error {
	for _, args := range [][]string{{"enable", "--quiet", "frr"}, {"start", "frr"}} {
		out, status, err := d.run(ctx, d.systemctl, args...)
		if err == nil && status != 0 {
			err = errors.New(lastLine(out))
		}
		if err != nil {
			return fmt.Errorf("systemctl %s frr: %w; see journalctl -u frr", args[0], err)
		}
	}
	return d.await(ctx, names)
}

// startDaemon starts one daemon as FRR's watchfrr does: with its options, and with
// its part of the configuration file.
func (d *Driver) startDaemon(ctx context.Context, name string) error {
	argv := []string{filepath.Join(d.binDir(), "watchfrr.sh"), "start", name}
	if d.systemd() {
		// In a scope of its own it does not end with the agent's service.
		argv = append([]string{d.systemdRun, "--quiet", "--collect", "--scope", "--unit=viaduct-frr-" + name}, argv...)
	}
	// The script reads the path space from its environment.
	argv = append([]string{"env", "FRR_PATHSPACE=" + d.o.Pathspace}, argv...)
	out, _, err := d.run(ctx, argv[0], argv[1:]...)
	if err != nil {
		return fmt.Errorf("start FRR's %s: %w", name, err)
	}
	if err := d.await(ctx, []string{name}); err != nil {
		return fmt.Errorf("%w; FRR says: %s", err, lastLine(out))
	}
	return nil
}

// await waits until daemons answer.
func (d *Driver) await(ctx context.Context, names []string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		missing := slices.IndexFunc(names, func(name string) bool {
			_, runs := d.process(name)
			_, err := os.Stat(d.path(d.runDir(), name+".vty"))
			return !runs || err != nil
		})
		if missing < 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("FRR's %s was started but does not run", names[missing])
		case <-tick.C:
		}
	}
}

// stopDaemons disables daemons that only Viaduct needed. A daemon under watchfrr is
// left to FRR's next start: watchfrr would restart it at once.
func (d *Driver) stopDaemons(p *daemonPlan) error {
	if len(p.disable) == 0 {
		return nil
	}
	if err := d.writeFile("daemons", p.text); err != nil {
		return err
	}
	_, watched := d.process("watchfrr")
	for _, name := range p.disable {
		if proc, ok := d.process(name); ok && !watched {
			if err := unix.Kill(proc.pid, unix.SIGTERM); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("stop FRR's %s: %w", name, err)
			}
		}
	}
	d.state.enabled = slices.DeleteFunc(d.state.enabled, func(name string) bool { return slices.Contains(p.disable, name) })
	return nil
}
