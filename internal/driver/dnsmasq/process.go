package dnsmasq

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/linux/sockets"
	"github.com/viaduct-sdn/viaduct/internal/render/dnsmasq"
)

// stopTimeout bounds the wait for a process that was signalled to end, and
// startTimeout that for one that starts.
const (
	stopTimeout  = 5 * time.Second
	startTimeout = 20 * time.Second
)

// process is a running dnsmasq. start distinguishes it from a later process with
// its number.
type process struct {
	pid   int
	start string
}

func (p process) String() string { return strconv.Itoa(p.pid) + "@" + p.start }

// note is the record of the process of an instance.
type note struct {
	Process string `json:"process"`
	// Digest identifies the configuration that it was started with.
	Digest string `json:"digest"`
}

// note reads the note on an instance's process; without one it is empty.
func (d *Driver) note(i instance) (n note) {
	b, err := os.ReadFile(d.run(i, ".json"))
	if err != nil || json.Unmarshal(b, &n) != nil {
		return note{}
	}
	return n
}

// noted returns the process that the note on an instance names, if it still runs.
func (d *Driver) noted(i instance) (process, bool) {
	text, start, _ := strings.Cut(d.note(i).Process, "@")
	pid, err := strconv.Atoi(text)
	if err != nil {
		return process{}, false
	}
	p, runs := processWith(pid, d.confArg(i))
	return p, runs && p.start == start
}

// confArg returns the argument that identifies the process of an instance.
func (d *Driver) confArg(i instance) string { return confOption + d.run(i, ".conf") }

const confOption = "--conf-file="

// process finds the running dnsmasq of an instance by its PID file.
func (d *Driver) process(i instance) (process, bool) {
	b, err := os.ReadFile(d.run(i, ".pid"))
	if err != nil {
		return process{}, false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return process{}, false
	}
	return processWith(pid, d.confArg(i))
}

// find is like process, and searches all processes if that file is missing.
func (p *pass) find(i instance) (process, bool) {
	if proc, runs := p.d.process(i); runs {
		return proc, true
	}
	arg := p.d.confArg(i)
	if p.all == nil {
		p.all = map[string]int{}
		dirs, _ := os.ReadDir("/proc")
		for _, dir := range dirs {
			if pid, err := strconv.Atoi(dir.Name()); err == nil {
				args, _ := os.ReadFile(filepath.Join("/proc", dir.Name(), "cmdline"))
				for word := range strings.SplitSeq(string(args), "\x00") {
					if strings.HasPrefix(word, confOption) {
						p.all[word] = pid
					}
				}
			}
		}
	}
	return processWith(p.all[arg], arg)
}

// processWith reports whether a process is a dnsmasq with an argument. The number
// may belong to another process by now.
func processWith(pid int, arg string) (process, bool) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	args, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil || !slices.Contains(strings.Split(string(args), "\x00"), arg) {
		return process{}, false
	}
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return process{}, false
	}
	// pid (comm) state ppid ...; the start time is field 22 (proc(5)).
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open || string(stat[open+1:end]) != "dnsmasq" {
		return process{}, false
	}
	f := strings.Fields(string(stat[end+1:]))
	if len(f) < 20 || f[0] == "Z" || f[1] == "0" {
		return process{}, false
	}
	return process{pid: pid, start: f[19]}, true
}

// start starts the dnsmasq of a network and records its configuration. It returns
// when dnsmasq serves, or has reported why it does not.
func (d *Driver) start(ctx context.Context, program string, st *state, digest string) error {
	i := st.instance
	if err := os.MkdirAll(filepath.Dir(d.leases(i)), 0o755); err != nil {
		return err
	}
	if err := write(d.run(i, ".conf"), dnsmasq.Main(d.folder(i.zone), names(st.want, st.files.foreign)...)); err != nil {
		return err
	}
	argv := []string{program, d.confArg(i), "--pid-file=" + d.run(i, ".pid")}
	if _, err := user.Lookup("dnsmasq"); d.o.User != "" || err == nil {
		argv = append(argv, "--user="+cmp.Or(d.o.User, "dnsmasq"))
	}
	if d.systemdRun != "" {
		// In a scope of its own it does not end with the agent's service. systemd
		// chooses its name: that of the previous scope may not be free yet.
		argv = append([]string{d.systemdRun, "--quiet", "--collect", "--scope", "--description=DHCP server of vnet " + i.link}, argv...)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, time.Second
	if err := d.o.Namespace.Run(cmd.Run); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		if port := portInUse(out.String()); port != 0 {
			return &sockets.TakenError{Server: "the DHCP server (dnsmasq)", Port: port, Holders: sockets.UDP(d.o.Namespace, port, d.isOwnServer)}
		}
		return msgDnsmasqStartFailed.Failure(i.link, err, strings.TrimSpace(out.String()))
	}
	proc, runs := d.process(i)
	if !runs {
		return msgDnsmasqEnded.Failure(i.link)
	}
	b, err := json.Marshal(note{Process: proc.String(), Digest: digest})
	if err != nil {
		return err
	}
	return write(d.run(i, ".json"), string(b)+"\n")
}

// The ports of DHCP servers (RFC 2131, RFC 8415).
const (
	portDHCP4 = 67
	portDHCP6 = 547
)

// portInUse finds the port that another process uses in dnsmasq's last output; 0 if
// it ended for another reason.
func portInUse(output string) int {
	switch {
	case !strings.Contains(output, "already in use"):
		return 0
	case strings.Contains(output, "DHCPv6"):
		return portDHCP6
	case strings.Contains(output, "DHCP"):
		return portDHCP4
	}
	return 0
}

// isOwnServer reports whether a process is one of the driver's own servers, which
// share their port.
func (d *Driver) isOwnServer(pid int) bool {
	args, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	return strings.Contains(string(args), "\x00"+confOption+filepath.Join(d.o.Root, runDir, "dnsmasq."))
}

// signal sends a signal to a process, and to no later one with its number.
func signal(p process, sig unix.Signal) error {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	return unix.PidfdSendSignal(fd, sig, nil, 0)
}

// stop ends a process, and returns when it has ended.
func stop(p process) error {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("end dnsmasq (process %d): %w", p.pid, err)
	}
	defer func() { _ = unix.Close(fd) }()
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		if err := unix.PidfdSendSignal(fd, sig, nil, 0); errors.Is(err, unix.ESRCH) {
			return nil
		} else if err != nil {
			return fmt.Errorf("end dnsmasq (process %d): %w", p.pid, err)
		}
		if ended(fd, stopTimeout) {
			return nil
		}
	}
	return fmt.Errorf("dnsmasq (process %d) does not end", p.pid)
}

// ended waits until a process has ended, and reports whether it has.
func ended(fd int, timeout time.Duration) bool {
	deadline := time.Now().Add(timeout)
	for {
		left := time.Until(deadline)
		if left <= 0 {
			return false
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
		if n > 0 && err == nil {
			return true
		}
	}
}
