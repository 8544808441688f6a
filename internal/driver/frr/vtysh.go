package frr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// errMissing gives the remedy for a missing FRR.
var errMissing = msgFRRNotInstalled.Failure()

// run runs a program of FRR and returns its combined output and exit status. An
// error means that it could not be run.
func (d *Driver) run(ctx context.Context, program string, args ...string) (output string, status int, err error) {
	out, err := memFile()
	if err != nil {
		return "", 0, err
	}
	defer out.Close()
	cmd := exec.CommandContext(ctx, program, args...)
	// One file for both: a daemon's message about a line precedes the line's
	// number. With a pipe, a started daemon of FRR 10 would block the caller: it
	// keeps its standard error open.
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	if d.o.Root != "" {
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: d.o.Root}
		cmd.Dir = "/"
	}
	err = d.o.Namespace.Run(cmd.Run)
	if cerr := ctx.Err(); cerr != nil {
		return "", 0, cerr
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return "", 0, fmt.Errorf("run %s: %w", program, err)
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return "", 0, err
	}
	b, err := io.ReadAll(out)
	return string(b), cmd.ProcessState.ExitCode(), err
}

// memFile makes a file that is in no directory.
func memFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("output", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	return os.NewFile(uintptr(fd), "output"), nil
}

// vtysh runs vtysh on the daemons of the path space.
func (d *Driver) vtysh(ctx context.Context, args ...string) (output string, status int, err error) {
	if d.o.Pathspace != "" {
		args = append([]string{"-N", d.o.Pathspace}, args...)
	}
	return d.run(ctx, d.vtyshPath(), args...)
}

// feed runs vtysh on a file with the text, and returns its messages; its exit
// status adds no information. The file may hold passwords.
func (d *Driver) feed(ctx context.Context, text string, args ...string) (output string, err error) {
	if err := d.makeRunDir(); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(d.path(d.runDir()), ".viaduct-*")
	if err != nil {
		return "", err
	}
	inside := filepath.Join(d.runDir(), filepath.Base(f.Name()))
	// vtysh puts a lock next to the file.
	defer func() {
		_ = os.Remove(f.Name())
		_ = os.Remove(f.Name() + ".lock")
	}()
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	output, _, err = d.vtysh(ctx, append(args, "-f", inside)...)
	return output, err
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// messages are vtysh's messages about a file.
type messages struct {
	// lines maps a line's number to the message about it.
	lines map[int]string
	// texts holds the same for lines that are identified by their text.
	texts map[string]string
	// rejected is true if FRR 10's northbound layer, which treats its part of a
	// file as one transaction, accepted nothing of it; it does not report the line.
	rejected bool
}

func newMessages() *messages {
	return &messages{lines: map[int]string{}, texts: map[string]string{}}
}

// merge adds the messages about a part of a script that follows so many lines.
func (c *messages) merge(part *messages, before int) {
	for number, what := range part.lines {
		c.add(before+number, what)
	}
	maps.Copy(c.texts, part.texts)
	c.rejected = c.rejected || part.rejected
}

// parseMessages parses vtysh's output: "line 12: % Unknown command[39]: ...", or a
// daemon's message about a line followed by "line 12: Failure to communicate [13]
// to bgpd, line: ...". FRR 8 reports refusals of a daemon's northbound layer with
// the text of the lines. Other output is a notice.
func parseMessages(output string) *messages {
	c := newMessages()
	reply, reason := "", ""
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\r\n")
		text := strings.TrimSpace(line)
		number, rest, numbered := lineNumber(text)
		switch {
		case text == "":
		case numbered && strings.Contains(rest, "Failure to communicate"):
			if reply == "" {
				reply = "refused"
			}
			c.add(number, reply)
			reply = ""
		case numbered && strings.Contains(rest, "% "):
			what, _, _ := strings.Cut(rest[strings.Index(rest, "% "):], "[")
			c.add(number, strings.TrimPrefix(what, "% "))
			reply = ""
		case strings.HasPrefix(text, "Error description: "):
			reason = strings.TrimPrefix(text, "Error description: ")
		case reason != "" && strings.HasPrefix(text, "- "):
			c.texts[squeeze(text[2:])] = reason
		case strings.HasPrefix(text, "["): // progress of one daemon
		case text == "% Configuration failed.", strings.HasPrefix(text, "Warning: closing connection to mgmtd"):
			c.rejected = true
		case isNotice(text):
		default:
			reply = strings.TrimPrefix(text, "% ")
		}
	}
	return c
}

// add records a message, the first of each line.
func (c *messages) add(number int, what string) {
	if _, known := c.lines[number]; !known {
		c.lines[number] = what
	}
}

// lineNumber cuts "line 12: " from the start of a text.
func lineNumber(text string) (number int, rest string, ok bool) {
	after, ok := strings.CutPrefix(text, "line ")
	if !ok {
		return 0, text, false
	}
	digits, rest, ok := strings.Cut(after, ": ")
	number, err := strconv.Atoi(digits)
	return number, rest, ok && err == nil
}

// of returns the message about the line with the number, from 1, and the text.
func (c *messages) of(number int, text string) string {
	if reply := c.lines[number]; reply != "" {
		return reply
	}
	return c.texts[squeeze(text)]
}

// feedEach runs vtysh for each operation, and returns the messages by operation.
// That is slow, but each is a transaction of its own.
func (d *Driver) feedEach(ctx context.Context, ops []op) (reply map[int]string, err error) {
	reply = map[int]string{}
	for i := range ops {
		// A replacement's removal and addition are handled by another round.
		args := []string{"-c", "configure terminal"}
		for _, line := range commands(slices.Clone(ops[i:i+1]), false, d.device).lines {
			args = append(args, "-c", line)
		}
		output, _, err := d.vtysh(ctx, args...)
		if err != nil {
			return nil, err
		}
		if what := firstMessage(output); what != "" {
			reply[i] = what
		}
	}
	return reply, nil
}

// commitFailed is the reason of FRR 10.7's mgmtd for accepting nothing: "commit failed
// session-id 1007 on Unknown-FD-13 ...: 0: reason: 'Failed to create cfgdata: vni 1000 is
// already mapped to another vrf'".
var commitFailed = regexp.MustCompile(`^commit failed .* reason: '(?:Failed to create cfgdata: )?(.*)'$`)

// isNotice reports whether FRR 10.7's mgmtd reports that it had nothing to do.
func isNotice(text string) bool {
	return text == "% Configuration applied with notes:" || text == "No changes found to be committed!"
}

// firstMessage returns vtysh's first message about commands, empty if there is
// none.
func firstMessage(output string) string {
	if strings.Contains(output, "closing connection to mgmtd") {
		return "its daemon mgmtd ended over this; was it already configured elsewhere?"
	}
	for line := range strings.Lines(output) {
		text := strings.TrimSpace(line)
		if m := commitFailed.FindStringSubmatch(text); m != nil {
			return m[1]
		}
		if text != "" && text != "% Configuration failed." && !strings.HasPrefix(text, "Error type: ") && !isNotice(text) {
			return strings.TrimPrefix(strings.TrimPrefix(text, "% "), "Error description: ")
		}
	}
	return ""
}
