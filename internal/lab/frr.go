package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

// The directories of FRR's configuration and sockets; each of its path spaces has a
// folder there.
const (
	frrConfDir = "/etc/frr"
	frrRunDir  = "/var/run/frr"
)

// FRRPathspace is FRR's name (-N) for the instance of a node: the nodes share one
// file system.
func (l *Lab) FRRPathspace(node string) string { return l.frrPrefix() + node }

// frrPrefix starts the path spaces of the lab's nodes, and of no other lab's: names
// of labs and nodes have no underscore.
func (l *Lab) frrPrefix() string { return "viaduct-" + l.Name + l.mark + "_" }

// prepareFRR writes FRR's host name of a machine, since all share one, and its
// operator's configuration. Without FRR there is nothing to prepare.
func (l *Lab) prepareFRR(name string, spec *FRRSpec) error {
	u, err := user.Lookup("frr")
	if _, missing := os.Stat(frrConfDir); err != nil || errors.Is(missing, fs.ErrNotExist) {
		if spec != nil {
			return fmt.Errorf("%s runs FRR, which this machine does not have: install it (apt install frr)", name)
		}
		return nil
	}
	dir, run := filepath.Join(frrConfDir, l.FRRPathspace(name)), filepath.Join(frrRunDir, l.FRRPathspace(name))
	file := filepath.Join(dir, "frr.conf")
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	text, daemons := "hostname "+name+"\n", ""
	if spec != nil {
		text += spec.Config
		for _, d := range spec.Daemons {
			daemons += d + "=yes\n"
		}
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	err = errors.Join(err1, err2, os.MkdirAll(dir, 0o750), os.Chown(dir, uid, gid), os.MkdirAll(run, 0o755), os.Chown(run, uid, gid))
	for _, f := range []struct{ path, text string }{
		{filepath.Join(dir, "vtysh.conf"), ""}, {filepath.Join(dir, "daemons"), daemons}, {file, text},
	} {
		err = errors.Join(err, renameio.WriteFile(f.path, []byte(f.text), 0o640), os.Chown(f.path, uid, gid))
	}
	if err != nil {
		return fmt.Errorf("prepare FRR of %s: %w", name, err)
	}
	return nil
}

// frrDir is the directory of FRR's programs.
const frrDir = "/usr/lib/frr"

// startFRR starts the missing daemons of an operator's FRR, and applies the
// configuration.
func (l *Lab) startFRR(ctx context.Context, name string, spec *FRRSpec) error {
	space := l.FRRPathspace(name)
	in := func(program string, args ...string) error {
		// Into a file: a daemon of FRR 10 keeps its standard error open, and the
		// reader of a pipe would wait for the daemon's end.
		cmd, err := l.spawn(name+"-frr", name, nil, os.Environ(), append([]string{program}, args...))
		if err == nil {
			err = cmd.Wait()
		}
		if err != nil {
			return fmt.Errorf("%s: FRR: %s: %w; what it said is in %s", name, filepath.Base(program), err, filepath.Join(l.Dir, "logs", name+"-frr.log"))
		}
		return ctx.Err()
	}
	daemons := append([]string{"zebra"}, spec.Daemons...)
	if _, err := os.Stat(filepath.Join(frrDir, "mgmtd")); err == nil { // since FRR 9, before all others
		daemons = append([]string{"mgmtd"}, daemons...)
	}
	started := false
	for _, daemon := range daemons {
		if frrProcess(filepath.Join(frrRunDir, space, daemon+".pid"), space) != 0 {
			continue
		}
		started = true
		if err := in(filepath.Join(frrDir, daemon), "-N", space, "-d", "-A", "127.0.0.1"); err != nil {
			return err
		}
	}
	if !started {
		return nil
	}
	return in("vtysh", "-N", space, "-b")
}

// stopFRR ends the daemons that the nodes' agents started, and removes their files.
func (l *Lab) stopFRR() error {
	var errs []error
	var all []process
	runs, err := filepath.Glob(filepath.Join(frrRunDir, l.frrPrefix()+"*"))
	errs = append(errs, err)
	for _, dir := range runs {
		pids, err := filepath.Glob(filepath.Join(dir, "*.pid"))
		errs = append(errs, err)
		for _, file := range pids {
			if pid := frrProcess(file, filepath.Base(dir)); pid != 0 {
				all = append(all, process{pid: pid})
			}
		}
	}
	errs = append(errs, stop(all, 5*time.Second))
	confs, err := filepath.Glob(filepath.Join(frrConfDir, l.frrPrefix()+"*"))
	errs = append(errs, err)
	for _, dir := range append(runs, confs...) {
		errs = append(errs, os.RemoveAll(dir))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cannot end FRR: %w", err)
	}
	return nil
}

// frrProcess returns the running process of a PID file, or 0. The number may belong
// to another process by now: FRR's has the path space among its arguments.
func frrProcess(file, pathspace string) int {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0
	}
	args, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil || !strings.Contains("\x00"+string(args), "\x00"+pathspace+"\x00") {
		return 0
	}
	return pid
}
