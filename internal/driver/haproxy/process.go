package haproxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/render/haproxy"
)

// pause is the polling interval for a process that starts.
const pause = 5 * time.Millisecond

// startTimeout bounds the start of a process: reading thousands of servers takes a while.
const startTimeout = 30 * time.Second

// process is a running HAProxy of the driver's.
type process struct {
	pid int
	// generation numbers the processes in the order of their starts, from 1. It is in the
	// names of a process's files.
	generation int
}

// socket is the path of the runtime API of a process, pidFile that of its process ID.
func (d *Driver) socket(generation int) string {
	return d.path(fmt.Sprintf("%s/%d.sock", processDir, generation))
}

func (d *Driver) pidFile(generation int) string {
	return d.path(fmt.Sprintf("%s/%d.pid", processDir, generation))
}

// processes finds the driver's processes among all of the machine, in the order of their
// generations.
func (d *Driver) processes() []process {
	var out []process
	dirs, _ := os.ReadDir("/proc")
	for _, dir := range dirs {
		if pid, err := strconv.Atoi(dir.Name()); err == nil {
			if p, ok := d.process(pid); ok {
				out = append(out, p)
			}
		}
	}
	slices.SortFunc(out, func(a, b process) int { return a.generation - b.generation })
	return out
}

// process reports whether a process is one of the driver's: its command line names the file
// with its process ID.
func (d *Driver) process(pid int) (process, bool) {
	args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return process{}, false
	}
	for arg := range strings.SplitSeq(string(args), "\x00") {
		if filepath.Dir(arg) == d.path(processDir) {
			if generation, ok := generationOf(filepath.Base(arg)); ok {
				return process{pid: pid, generation: generation}, true
			}
		}
	}
	return process{}, false
}

// generationOf reads the generation in the name of a file with a process ID.
func generationOf(name string) (int, bool) {
	text, ok := strings.CutSuffix(name, ".pid")
	generation, err := strconv.Atoi(text)
	return generation, ok && err == nil
}

// known are the processes that have a file with their process ID, by generation; one that has
// ended has PID 0.
func (d *Driver) known() map[int]process {
	out := map[int]process{}
	files, _ := os.ReadDir(d.path(processDir))
	for _, f := range files {
		generation, ok := generationOf(f.Name())
		if !ok {
			continue
		}
		p := process{generation: generation}
		text, _ := os.ReadFile(d.pidFile(generation))
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			if found, ok := d.process(pid); ok && found.generation == generation {
				p = found
			}
		}
		out[generation] = p
	}
	return out
}

// current is the generation of the process that serves; 0 if none was started.
func (d *Driver) current() int {
	text, _ := os.ReadFile(d.path(currentFile))
	generation, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return generation
}

// errNone reports that a process does not run.
var errNone = errors.New("HAProxy does not run")

// ask sends a command to the runtime API of a process and returns the answer. It may be called
// at any time.
func (d *Driver) ask(ctx context.Context, generation int, command string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", d.socket(generation))
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) {
		return "", errNone
	}
	if err != nil {
		return "", fmt.Errorf("reach HAProxy: %w", err)
	}
	defer c.Close()
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintln(c, command); err != nil {
		return "", fmt.Errorf("HAProxy does not answer: %w", err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		return "", fmt.Errorf("HAProxy does not answer: %w", err)
	}
	return strings.TrimSpace(string(answer)), nil
}

// info asks a process about itself.
func (d *Driver) info(ctx context.Context, generation int) (haproxy.Info, error) {
	answer, err := d.ask(ctx, generation, "show info")
	if err != nil {
		return haproxy.Info{}, err
	}
	return haproxy.ParseInfo(answer)
}

// present is the process that serves.
type present struct {
	generation int
	info       haproxy.Info
	servers    map[string][]haproxy.Server
	// outdated is true if it must be replaced: its program was, or its state is unreadable.
	outdated bool
}

// running returns the process that serves; nil without one, and for one that does not answer,
// which the next start ends.
func (d *Driver) running(ctx context.Context) (*present, error) {
	generation := d.current()
	info, err := d.info(ctx, generation)
	if err != nil {
		return nil, ctx.Err()
	}
	answer, err := d.ask(ctx, generation, "show servers state")
	if err != nil {
		return nil, ctx.Err()
	}
	now := &present{generation: generation, info: info}
	now.servers, err = haproxy.ParseServers(answer)
	exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", info.PID))
	now.outdated = err != nil || strings.HasSuffix(exe, " (deleted)")
	return now, nil //nolint:nilerr // it is replaced
}

// refusal is what HAProxy prints when it does not start.
type refusal struct{ output string }

func (r *refusal) Error() string { return r.output }

// command is a call of HAProxy, in the host's network namespace.
func (d *Driver) command(ctx context.Context, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, d.o.Program, args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir, cmd.WaitDelay = &out, &out, "/", time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if d.o.UID != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(d.o.UID), Gid: uint32(d.o.GID)}
		cmd.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_BIND_SERVICE}
	}
	err := d.o.Namespace.Run(cmd.Run)
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return nil
	case errors.As(err, &exit) && ctx.Err() == nil:
		return &refusal{alerts(out.String(), d.o.Dir)}
	}
	return fmt.Errorf("run HAProxy: %w", err)
}

// alerts are the errors in HAProxy's output, without the parts that say nothing to an operator:
// "[ALERT]    (812) : config : parsing [/run/x.cfg:12] : unknown keyword".
func alerts(output, dir string) string {
	var out []string
	for line := range strings.Lines(output) {
		level, text, ok := strings.Cut(strings.TrimSpace(line), ") : ")
		if ok && strings.HasPrefix(level, "[ALERT]") && !strings.Contains(text, "Fatal errors found") && !strings.Contains(text, "Error(s) found") {
			out = append(out, strings.ReplaceAll(strings.TrimPrefix(text, "config : "), dir+"/", ""))
		}
	}
	if len(out) == 0 {
		return strings.TrimSpace(output)
	}
	return strings.Join(out, "; ")
}
