package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
)

// A view is the file system that commands on a machine of the lab see: the real one, but with
// /etc, /var and /run of the machine's own, so that nothing they write there reaches the host
// or another machine, and with the machine's own daemons where programs expect them. /tmp is
// shared, to pass files.
//
// A view is a mount namespace, held by a process that sleeps in it. It is created when the
// first command needs it, and lasts as long as the machine.

// viewsDir is a file system in memory, which any kernel accepts as an overlay's
// upper layer, and which is not propagated to other mount namespaces.
func (l *Lab) viewsDir() string { return filepath.Join(l.Dir, "views") }

// enter returns the prefix of a command that runs it on a machine, given by the
// short name of its namespace, in the directory dir if the machine sees that.
func (l *Lab) enter(name, dir string) ([]string, error) {
	pid, err := l.ensureView(name)
	if err != nil {
		return nil, fmt.Errorf("prepare the file system of %s: %w", machineName(name), err)
	}
	return []string{
		// --root: entering a mount namespace leads to its root, which need not be that of the
		// lab's creator (chroot).
		"nsenter", fmt.Sprintf("--target=%d", pid), "--net", "--mount", "--uts", "--root", "--wd=/", "--",
		"sh", "-c", `cd -- "$0" 2>/dev/null || cd /; exec "$@"`, dir,
	}, nil
}

// machineName returns the user's name of the machine of a namespace.
func machineName(short string) string { return strings.TrimPrefix(short, guestNS("")) }

// ensureView creates a machine's view unless it has one, and returns the process
// that holds it.
func (l *Lab) ensureView(name string) (pid int, err error) {
	if err := os.MkdirAll(filepath.Dir(l.holderFile(name)), 0o700); err != nil {
		return 0, err
	}
	lock, err := os.OpenFile(filepath.Join(l.Dir, "views.lock"), os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return 0, err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return 0, err
	}
	if pid := l.holder(name); pid != 0 {
		return pid, nil
	}
	if err := l.mountViews(); err != nil {
		return 0, err
	}
	if err := l.removeView(name); err != nil { // left behind by a kill
		return 0, err
	}
	if err := l.makeView(name); err != nil {
		return 0, err
	}
	if pid = l.holder(name); pid == 0 {
		return 0, errors.New("the process that keeps its mount namespace has ended")
	}
	return pid, nil
}

func (l *Lab) mountViews() error {
	dir := l.viewsDir()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	mounted, err := isMountPoint(dir)
	if err != nil {
		return err
	}
	if !mounted {
		if err := unix.Mount("viaduct-lab", dir, "tmpfs", 0, "mode=700"); err != nil {
			return fmt.Errorf("mount %s: %w", dir, err)
		}
	}
	return unix.Mount("", dir, "", unix.MS_PRIVATE, "")
}

// makeView creates the namespaces on a thread of its own, and keeps them by a process that
// sleeps in them. (A mount of a mount namespace would keep it without one, but the kernel
// refuses some of these, by numbers that are not in the order of time, unless the lab is
// created in the first mount namespace of the machine.)
func (l *Lab) makeView(name string) error {
	return netns.OnThread(func() error {
		if err := l.buildView(name); err != nil {
			return err
		}
		return l.startHolder(name)
	})
}

// startHolder starts the process that holds the namespaces of the present thread.
// It ends with all others of the machine.
func (l *Lab) startHolder(name string) error {
	cmd := exec.Command("sleep", "infinity")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }()
	return renameio.WriteFile(l.holderFile(name), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600)
}

// holderFile holds the number of the process that keeps a machine's view.
func (l *Lab) holderFile(name string) string { return filepath.Join(l.Dir, "holders", name) }

// holder returns the process that keeps a machine's view, 0 if there is none. The number may be
// another process's by now, even of one in the machine's network with the host's files, which
// commands must never get: the mount over /etc identifies the right one.
func (l *Lab) holder(name string) int {
	b, err := os.ReadFile(l.holderFile(name))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(b))
	if err != nil {
		return 0
	}
	mounts, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	if err != nil || !hasUpper(unescapeMounts(string(mounts)), l.upper(name, "etc")) {
		return 0
	}
	return pid
}

// hasUpper reports whether a directory is the upper one of an overlay among mounts.
// A kernel may print it as given, or resolved.
func hasUpper(mounts, dir string) bool {
	return strings.Contains(mounts, "upperdir="+dir+",") || strings.Contains(mounts, "upperdir="+optionText.Replace(dir)+",")
}

// optionText escapes a path for an option of overlayfs, which splits it at commas and colons.
var optionText = strings.NewReplacer(`\`, `\\`, ",", `\,`, ":", `\:`)

// octal is mountinfo's form of blanks, commas and the like (proc(5)).
var octal = regexp.MustCompile(`\\[0-7]{3}`)

// unescapeMounts decodes the octal numbers of mountinfo.
func unescapeMounts(text string) string {
	return octal.ReplaceAllStringFunc(text, func(code string) string {
		n, err := strconv.ParseUint(code[1:], 8, 8)
		if err != nil {
			return code
		}
		return string([]byte{byte(n)})
	})
}

// upper returns the directory that holds a machine's writes to one of its
// directories.
func (l *Lab) upper(name, dir string) string {
	return filepath.Join(l.viewsDir(), name+"."+dir, "upper")
}

// buildView makes the namespaces of the present thread a machine's view.
func (l *Lab) buildView(name string) error {
	ns, err := l.openNS(name)
	if err != nil {
		return err
	}
	defer ns.Close()
	host := readHostFiles()
	if err := errors.Join(unix.Unshare(unix.CLONE_NEWNS|unix.CLONE_NEWUTS), unix.Setns(ns.FD(), unix.CLONE_NEWNET)); err != nil {
		return err
	}
	// Nothing that is mounted here reaches others, but the network namespaces that a node's
	// agent makes later appear here.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return err
	}
	own, err := l.openOwn(name) // in the new namespace: a bind mount accepts nothing of another
	if err != nil {
		return err
	}
	defer own.close()
	if err := unix.Sethostname([]byte(machineName(name))); err != nil {
		return err
	}
	_ = unix.Unmount("/sys", unix.MNT_DETACH) // as ip-netns(8) does: /sys/class/net is the namespace's
	if err := unix.Mount("sysfs", "/sys", "sysfs", 0, ""); err != nil {
		return fmt.Errorf("mount /sys: %w", err)
	}
	for _, dir := range []string{"etc", "var"} {
		if err := l.overlay(name, dir); err != nil {
			return err
		}
	}
	run := filepath.Join(l.viewsDir(), name+".run")
	if err := errors.Join(os.MkdirAll(filepath.Join(run, "lock"), 0o755), unix.Mount(run, "/run", "", unix.MS_BIND, "")); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	if err := l.writeOwnFiles(name, host); err != nil {
		return err
	}
	return own.mount()
}

// overlay mounts a layer of the machine's own over a directory.
func (l *Lab) overlay(name, dir string) error {
	upper := l.upper(name, dir)
	work := filepath.Join(filepath.Dir(upper), "work")
	if err := errors.Join(os.MkdirAll(upper, 0o755), os.MkdirAll(work, 0o700)); err != nil {
		return err
	}
	options := fmt.Sprintf("lowerdir=/%s,upperdir=%s,workdir=%s", dir, optionText.Replace(upper), optionText.Replace(work))
	if err := unix.Mount("overlay", "/"+dir, "overlay", 0, options); err != nil {
		return fmt.Errorf("give it a layer of its own over /%s (this takes overlayfs: modprobe overlay): %w", dir, err)
	}
	return nil
}

// writeOwnFiles writes the files that differ between machines from the start. A
// guest has no resolver before DHCP or somebody configures one; nodes and hosts
// have the real host's.
func (l *Lab) writeOwnFiles(name string, host map[string][]byte) error {
	machine := machineName(name)
	files := map[string][]byte{
		"/etc/hostname": []byte(machine + "\n"),
		"/etc/hosts":    fmt.Appendf(nil, "127.0.0.1\tlocalhost\n127.0.1.1\t%s\n::1\tlocalhost ip6-localhost ip6-loopback\n", machine),
	}
	if name == machine {
		files["/etc/resolv.conf"] = host["/etc/resolv.conf"]
	} else {
		files["/etc/resolv.conf"] = fmt.Appendf(nil, "# %s has no resolver yet: DHCP may write one here.\n", machine)
	}
	var errs []error
	for path, text := range files {
		errs = append(errs, renameio.WriteFile(path, text, 0o644))
	}
	// The real host's own files: the machine has none, or its own from the lab.
	for _, dir := range []string{"/var/lib/viaduct", "/var/lib/dhcp"} {
		if _, err := os.Stat(dir); err == nil {
			errs = append(errs, os.RemoveAll(dir), os.MkdirAll(dir, 0o755)) // in the layer only
		}
	}
	return errors.Join(errs...)
}

// readHostFiles reads the files that a machine inherits; files that cannot be read
// are empty.
func readHostFiles() map[string][]byte {
	out := map[string][]byte{}
	for _, path := range []string{"/etc/resolv.conf"} {
		out[path], _ = os.ReadFile(path)
	}
	return out
}

// ownDirs are directories of the host that a machine has at other places. They are
// held open while those are covered.
type ownDirs struct {
	files   []*os.File
	targets []string
	frr     string // the path space, if the machine runs FRR
}

// openOwn opens the directories that the lab keeps for a machine: its FRR, its Open
// vSwitch, its files of ifupdown2 and its agent's data.
func (l *Lab) openOwn(name string) (*ownDirs, error) {
	o := &ownDirs{}
	own := [][2]string{{l.Dir, l.Dir}, {filepath.Join(netnsConfDir, l.ns(name), "network"), "/etc/network"}}
	if l.Spec != nil && l.Spec.system(name) != nil {
		o.frr = l.FRRPathspace(name)
		if l.isNode(name) { // the agent is started later
			if err := os.MkdirAll(l.nodeData(name), 0o700); err != nil {
				return nil, err
			}
		}
		own = append(own,
			[2]string{filepath.Join(frrConfDir, o.frr), filepath.Join(frrConfDir, o.frr)},
			[2]string{filepath.Join(frrRunDir, o.frr), filepath.Join("/run/frr", o.frr)},
			[2]string{l.ovsDir(name), "/run/openvswitch"},
			[2]string{l.nodeData(name), "/var/lib/viaduct/agent"},
			// Where the agent has them, and where programs look for them.
			[2]string{l.namespaceDir(name), l.namespaceDir(name)},
			[2]string{l.namespaceDir(name), "/run/netns"},
		)
	}
	for _, d := range own {
		err := o.add(d[0], d[1])
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			o.close()
			return nil, err
		}
	}
	return o, nil
}

func (o *ownDirs) add(from, to string) error {
	f, err := os.Open(from)
	if err == nil {
		o.files, o.targets = append(o.files, f), append(o.targets, to)
	}
	return err
}

func (o *ownDirs) close() {
	for _, f := range o.files {
		_ = f.Close()
	}
}

// mount mounts the directories.
func (o *ownDirs) mount() error {
	for i, f := range o.files {
		to := o.targets[i]
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), to, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("mount %s: %w", to, err)
		}
	}
	if slices.Contains(o.targets, filepath.Join("/run/frr", o.frr)) {
		return linkFRR(o.frr)
	}
	return nil
}

// frrDaemons are the daemons with sockets that vtysh uses.
var frrDaemons = []string{
	"zebra", "mgmtd", "bgpd", "bfdd", "isisd", "ospfd", "ospf6d", "fabricd", "staticd", "watchfrr", "pathd", "ripd", "ripngd", "ldpd", "pimd", "pim6d", "vrrpd", "pbrd", "eigrpd", "babeld", "nhrpd",
}

// linkFRR allows vtysh without an option to find the daemons of the machine's path
// space, also those that start later, and its files.
func linkFRR(space string) error {
	var errs []error
	for _, d := range frrDaemons {
		errs = append(errs, os.Symlink(filepath.Join(space, d+".vty"), filepath.Join("/run/frr", d+".vty")))
	}
	for _, file := range []string{"vtysh.conf", "frr.conf", "daemons"} {
		path := filepath.Join(frrConfDir, file)
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		errs = append(errs, os.Symlink(filepath.Join(space, file), path))
	}
	return errors.Join(errs...)
}

// removeView ends a machine's view. Running commands keep theirs until they end.
func (l *Lab) removeView(name string) error {
	var errs []error
	if err := os.Remove(l.holderFile(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	for _, dir := range []string{"etc", "var", "run"} {
		errs = append(errs, os.RemoveAll(filepath.Join(l.viewsDir(), name+"."+dir)))
	}
	return errors.Join(errs...)
}

// removeViews ends the views of all machines.
func (l *Lab) removeViews() error {
	dir := l.viewsDir()
	if mounted, err := isMountPoint(dir); err != nil || !mounted {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	}
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", dir, err)
	}
	return nil
}

// isMountPoint reports whether a file system is mounted on a directory.
func isMountPoint(dir string) (bool, error) {
	var here, above unix.Stat_t
	if err := unix.Stat(dir, &here); err != nil {
		return false, &fs.PathError{Op: "stat", Path: dir, Err: err}
	}
	if err := unix.Stat(filepath.Dir(dir), &above); err != nil {
		return false, &fs.PathError{Op: "stat", Path: filepath.Dir(dir), Err: err}
	}
	return here.Dev != above.Dev, nil
}
