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
)

// startTimeout bounds the wait for a daemon that was started, and pollEvery is
// the time between two looks at it.
const (
	startTimeout = 20 * time.Second
	pollEvery    = 20 * time.Millisecond
)

// known are FRR's daemons as far as Viaduct uses them, in the order in which FRR
// starts them. mgmtd exists from FRR 10 on.
var known = []string{"zebra", "mgmtd", "bgpd", "ospfd", "isisd", "staticd", "bfdd", "fabricd"}

// always reports whether FRR runs a daemon whatever the file "daemons" says.
func always(daemon string) bool {
	return daemon == "mgmtd" || daemon == "zebra" || daemon == "staticd"
}

// daemonOf is the daemon that alone holds what stands below a head; empty if
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

// protocols are the words by which an interface's lines name a daemon's protocol.
var protocols = map[string]string{"fabricd": "openfabric", "isisd": "isis", "ospfd": "ospf"}

// ownedName is the name of a line and its owner.
type ownedName struct{ name, owner string }

// linesOf finds the wanted contexts and lines that one daemon alone holds.
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

// process is a running daemon. start tells it from a later one with its number.
type process struct {
	pid   int
	start string
}

func (p process) String() string { return strconv.Itoa(p.pid) + "@" + p.start }

// before reports whether the process is older than another one.
func (p process) before(other process) bool {
	a, err1 := strconv.ParseUint(p.start, 10, 64)
	b, err2 := strconv.ParseUint(other.start, 10, 64)
	return err1 == nil && err2 == nil && a < b
}

// running finds the daemons of the path space that run.
func (d *Driver) running() map[string]process {
	out := map[string]process{}
	for _, name := range known {
		if p, ok := d.process(name); ok {
			out[name] = p
		}
	}
	return out
}

// process finds a daemon by its file of process numbers. The number may belong
// to something else by now, so the name counts too.
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

// needed lists the daemons that must run for a configuration, in order.
func (d *Driver) needed(wanted []string) []string {
	var out []string
	for _, name := range known {
		_, err := os.Stat(d.path(d.binDir(), name))
		if slices.Contains(wanted, name) || always(name) && err == nil {
			out = append(out, name)
		}
	}
	return out
}

// daemonPlan is what is to be done about daemons.
type daemonPlan struct {
	// start are those that do not run, enable and disable those whose switch in
	// the file is to change, text is that file then.
	start, enable, disable []string
	text                   string
	// end is one of start that runs and has to end first.
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

// deaf reports whether bfdd is older than zebra. It lost its sessions with the zebra that
// it knew, and gets none again: BFD watches nothing any more, and sessions that wait for
// it do not come up (FRR 8.4 to 10.7).
func deaf(runs map[string]process) bool {
	bfdd, ok1 := runs["bfdd"]
	zebra, ok2 := runs["zebra"]
	return ok1 && ok2 && bfdd.before(zebra)
}

// planDaemons compares the daemons with those that are wanted. One that we
// switched on is switched off again unless foreign configuration uses it.
func (d *Driver) planDaemons(wanted []string, runs map[string]process, running *node) (*daemonPlan, error) {
	b, err := os.ReadFile(d.path(d.confDir(), "daemons"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read which daemons FRR starts: %w", err)
	}
	p := &daemonPlan{text: string(b)}
	if len(wanted) > 0 || len(d.want.kids) > 0 {
		for _, name := range d.needed(wanted) {
			_, ok := runs[name]
			if again := name == "bfdd" && deaf(runs); again {
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

// switchDaemon sets a daemon's switch in the file "daemons" and leaves all else
// as it is, byte for byte.
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
		// The shell that reads the file takes anything but no, 0 and nothing for yes.
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

// startDaemons switches on and starts what is missing. The state names what we
// switched on before it is.
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

// end ends a daemon that is to be started again; the zero process is none.
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

// prepareStart makes what FRR's scripts expect: its directories and a file, even
// an empty one, of configuration.
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

// startService starts FRR as the service that the package has.
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

// startDaemon starts one daemon as FRR's watchfrr does: with its options, and
// with what the configuration file has for it.
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

// stopDaemons switches off daemons that only we needed. One that watchfrr
// watches is left to FRR's next start: it would be started again at once.
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
