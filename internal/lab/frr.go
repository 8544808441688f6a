package lab

import (
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

// Where FRR keeps its configuration and its sockets; each of its path spaces has
// a folder there.
const (
	frrConfDir = "/etc/frr"
	frrRunDir  = "/var/run/frr"
)

// FRRPathspace is FRR's name (-N) for the instance of a node: the nodes share one
// file system.
func (l *Lab) FRRPathspace(node string) string { return l.frrPrefix() + node }

// frrPrefix starts the path spaces of the lab's nodes, and of no other lab's:
// names of labs and nodes have no underscore.
func (l *Lab) frrPrefix() string { return "viaduct-" + l.Name + l.mark + "_" }

// prepareFRR gives FRR on a node the node's name: the nodes are one machine with
// one host name. Without FRR there is nothing to prepare.
func (l *Lab) prepareFRR(node string) error {
	if _, err := os.Stat(frrConfDir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	u, err := user.Lookup("frr")
	if err != nil {
		return nil //nolint:nilerr // FRR is not installed any more
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	dir := filepath.Join(frrConfDir, l.FRRPathspace(node))
	file := filepath.Join(dir, "frr.conf")
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	err = errors.Join(err1, err2, os.MkdirAll(dir, 0o750), os.Chown(dir, uid, gid),
		renameio.WriteFile(file, []byte("hostname "+node+"\n"), 0o640), os.Chown(file, uid, gid))
	if err != nil {
		return fmt.Errorf("prepare FRR of %s: %w", node, err)
	}
	return nil
}

// stopFRR ends the daemons that the nodes' agents started, and removes their
// files.
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

// frrProcess is the running process of a file of process numbers, or 0. The
// number may belong to another one by now: FRR's has the path space among its
// arguments.
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
