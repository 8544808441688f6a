package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"golang.org/x/sys/unix"
)

// process is a running process of the lab.
type process struct {
	pid int
	// data is the value of its argument --data, --config of a DNS server, or --pidfile,
	// --pid-file or -p of a daemon that is not the product, below the lab's directory: it identifies
	// the lab's processes, so no list of process numbers has to survive a kill.
	data string
	// sameProcess reports whether the number still belongs to the process; nil means that
	// it cannot be reused.
	sameProcess func(pid int) bool
}

// processes finds the lab's running processes.
func (l *Lab) processes() ([]process, error) {
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var out []process
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		args, err := os.ReadFile(filepath.Join("/proc", d.Name(), "cmdline"))
		if err != nil || len(args) == 0 { // ended in the meantime, or a kernel thread
			continue
		}
		fields := strings.Split(string(bytes.TrimRight(args, "\x00")), "\x00")
		if data := ownData(fields); strings.HasPrefix(data, l.Dir+"/") {
			out = append(out, process{pid: pid, data: data})
		}
	}
	return out, nil
}

// ownData returns the argument of a process that names its own directory or file.
func ownData(args []string) string {
	for i, a := range args {
		for _, option := range []string{"--pidfile=", "--pid-file="} {
			if file, ok := strings.CutPrefix(a, option); ok {
				return file
			}
		}
		if (a == "--data" || a == "--config" || a == "-p") && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// namespaceProcesses finds the running processes in a namespace of the lab, whatever
// started them: background processes of lab exec end with their machine.
func (l *Lab) namespaceProcesses(name string) ([]process, error) {
	var ns unix.Stat_t
	if err := unix.Stat(filepath.Join(string(netns.SystemDir), l.ns(name)), &ns); err != nil {
		if errors.Is(err, unix.ENOENT) {
			return nil, nil
		}
		return nil, fmt.Errorf("namespace %s: %w", l.ns(name), err)
	}
	lives := func(pid int) bool {
		var st unix.Stat_t
		err := unix.Stat(fmt.Sprintf("/proc/%d/ns/net", pid), &st)
		return err == nil && st.Dev == ns.Dev && st.Ino == ns.Ino
	}
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var out []process
	for _, d := range dirs {
		if pid, err := strconv.Atoi(d.Name()); err == nil && pid != os.Getpid() && lives(pid) {
			out = append(out, process{pid: pid, sameProcess: lives})
		}
	}
	return out, nil
}

// evict ends the processes in a namespace of the lab.
func (l *Lab) evict(name string) error {
	ps, err := l.namespaceProcesses(name)
	if err != nil {
		return err
	}
	return stop(ps, 2*time.Second)
}

// running returns the process with that data directory, or 0.
func (l *Lab) running(data string) (pid int, err error) {
	ps, err := l.processes()
	for _, p := range ps {
		if p.data == data {
			return p.pid, nil
		}
	}
	return 0, err
}

// start runs the product in the background, in a namespace ("" for the present
// one), and appends its output to a log file.
func (l *Lab) start(name, namespace string, files []*os.File, args ...string) (*exec.Cmd, error) {
	return l.spawn(name, namespace, files, os.Environ(), append([]string{l.Binary}, args...))
}

// spawn is like start, for any program.
func (l *Lab) spawn(name, namespace string, files []*os.File, env, argv []string) (*exec.Cmd, error) {
	logs := filepath.Join(l.Dir, "logs")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return nil, err
	}
	out, err := os.OpenFile(filepath.Join(logs, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	if namespace != "" {
		argv = append(inNamespace(l.ns(namespace)), argv...)
	}
	if len(files) > 0 {
		// Sockets are passed as systemd does (sd_listen_fds(3)); the receiver needs
		// its own process number in the environment, which only the shell knows in
		// time.
		argv = append([]string{"sh", "-c", `export LISTEN_PID=$$; exec "$0" "$@"`}, argv...)
		env = append(env, "LISTEN_FDS="+strconv.Itoa(len(files)))
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.ExtraFiles = files
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // outlives the command that made the lab
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", name, err)
	}
	return cmd, nil
}

// inNamespace returns the prefix of a command that runs it in a network namespace, with the
// files that ip-netns(8) gives it. Unlike there, the network namespaces that the command
// itself makes and names are visible outside, and outlive it: the mount on their directory
// stays shared.
func inNamespace(name string) []string {
	const script = `mount --make-slave / && mount --make-rslave /sys && { umount -l /sys || :; } && mount -t sysfs sysfs /sys || exit
for f in "$0"/*; do
	if [ -e "$f" ]; then mount --bind "$f" "/etc/${f##*/}" || exit; fi
done
exec "$@"`
	return []string{
		"nsenter", "--net=" + filepath.Join("/run/netns", name), "--",
		"unshare", "--mount", "--propagation", "unchanged", "--", "sh", "-c", script, filepath.Join(netnsConfDir, name),
	}
}

// stopAll ends the lab's processes: first with a request, then by force. Each is
// addressed by a handle on the process itself, so a reused number is never hit.
func (l *Lab) stopAll() error {
	ps, err := l.processes()
	if err != nil {
		return err
	}
	return stop(ps, 5*time.Second)
}

func stop(ps []process, grace time.Duration) error {
	var fds []int
	defer func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}()
	for _, p := range ps {
		fd, err := unix.PidfdOpen(p.pid, 0)
		if errors.Is(err, unix.ESRCH) {
			continue
		}
		if err != nil {
			return fmt.Errorf("process %d: %w", p.pid, err)
		}
		if p.sameProcess != nil && !p.sameProcess(p.pid) {
			unix.Close(fd)
			continue
		}
		fds = append(fds, fd)
		if err := unix.PidfdSendSignal(fd, unix.SIGTERM, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("process %d: %w", p.pid, err)
		}
	}
	deadline := time.Now().Add(grace)
	for _, fd := range fds {
		if ended(fd, time.Until(deadline)) {
			continue
		}
		if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("end a process for certain: %w", err)
		}
		ended(fd, 5*time.Second)
	}
	return nil
}

// ended waits until the process of a pidfd has ended.
func ended(fd int, wait time.Duration) bool {
	deadline := time.Now().Add(wait)
	for {
		ms := max(0, int(time.Until(deadline).Milliseconds()))
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, ms)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		return n > 0
	}
}

// lastLog returns the end of a process's log, for error messages.
func (l *Lab) lastLog(name string) string {
	b, err := os.ReadFile(filepath.Join(l.Dir, "logs", name+".log"))
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	const keep = 2000
	if len(b) > keep {
		b = b[len(b)-keep:]
	}
	return strings.TrimSpace(string(b))
}
