// Package dnsserver is the driver of a node's DNS server for guests. It writes the
// server's files, and ensures that the server runs and has read them. It is a last
// stage of the one-way flow and runs after the links, because the server listens on
// their addresses.
//
// The server is a process in its own session, which outlives the agent: a starting agent finds
// it by the socket in its directory, which only the server can have opened, and starts one if
// nobody answers. A hanging server is killed by the process ID that the kernel reports for the
// socket's owner, and a server of another release is replaced.
package dnsserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/linux/sockets"
	"github.com/viaduct-sdn/viaduct/internal/render/coredns"
)

// DefaultTimeout is how long a server may need to answer.
const DefaultTimeout = 5 * time.Second

// Options locate the server and define how it is started.
type Options struct {
	// Dir is the directory of the server's files; it is created if it is missing.
	Dir string
	// Command starts the server; the directory is its last argument.
	Command []string
	// Version is the required release of the server.
	Version string
	// Group is the group of the user that the server switches to, which may read
	// its files; 0 if it does not switch.
	Group int
	// Namespace is the network namespace of the server; nil is the process's own.
	Namespace *netns.NS
	// Timeout bounds each exchange with the server; 0 means DefaultTimeout.
	Timeout time.Duration
}

// Driver implements driver.Driver for the DNS server.
type Driver struct{ o Options }

var _ driver.Driver = (*Driver)(nil)

// New returns a driver; it touches nothing.
func New(o Options) *Driver {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	return &Driver{o: o}
}

// Name implements driver.Driver.
func (*Driver) Name() string { return "nameserver" }

// Reconcile implements driver.Driver.
func (d *Driver) Reconcile(ctx context.Context, want *desired.Space, dryRun bool) (driver.Result, error) {
	have, err := d.read()
	if err != nil {
		return driver.Result{}, err
	}
	if len(have) == 0 && want.NameServer == nil {
		return driver.Result{}, nil
	}
	var files map[string][]byte
	if want.NameServer != nil {
		if files, err = coredns.Render(want.NameServer); err != nil {
			return driver.Result{}, err
		}
	}
	var result driver.Result
	if coredns.Hash(have) != coredns.Hash(files) {
		// Unreadable files count as none: everything is rewritten.
		old, _ := coredns.Parse(have)
		result.Changes = diff.NameServer(old, want.NameServer)
	}
	changed := d.differing(have, files)
	result.Writes = len(changed)
	if dryRun {
		if _, _, err := d.send(ctx, coredns.CommandStatus); err != nil && want.NameServer != nil && len(changed) == 0 {
			result.Changes, result.Writes = append(result.Changes, started), 1
		}
		return result, nil
	}
	if want.NameServer == nil {
		if err := d.stop(ctx); err != nil {
			return driver.Result{}, err
		}
		return result, d.write(changed, nil)
	}
	if err := d.prepare(have); err != nil {
		return driver.Result{}, fmt.Errorf("make the DNS server's directory: %w", err)
	}
	if err := d.write(changed, files); err != nil {
		return driver.Result{}, err
	}
	answer, restarted, err := d.run(ctx, coredns.Hash(files), want.NameServer)
	if restarted {
		result.Writes++
	}
	if restarted && len(changed) == 0 {
		result.Changes = append(result.Changes, started)
	}
	if err != nil {
		return result, err
	}
	return result, d.zoneErrors(ctx, answer, want.NameServer)
}

// started is the change for a server that was not running.
var started = diff.Change{Action: diff.Create, Type: desired.TypeProcess, Name: "name server"}

// zoneErrors returns the errors of the zones that are not served everywhere.
func (d *Driver) zoneErrors(ctx context.Context, a coredns.Answer, want *desired.NameServer) error {
	var errs []error
	for _, v := range want.Views {
		text := a.Faults[v.Zone]
		if text == "" {
			continue
		}
		const meaning = "guests of the zone get no answer there until it can"
		var err error = msgDNSServerZoneFailed.Failure(text, meaning)
		if strings.HasSuffix(text, unix.EADDRINUSE.Error()) {
			if taken := d.addressInUse(ctx, v.Listen); taken != nil {
				err = fmt.Errorf("%w; %s", taken, meaning)
			}
		}
		errs = append(errs, &driver.ObjectError{Owner: v.Owner, Err: err})
	}
	return errors.Join(errs...)
}

// addressInUse finds the holder of one of the addresses that the server is to listen on; nil if
// none is found.
func (d *Driver) addressInUse(ctx context.Context, listen []desired.NameListener) *sockets.TakenError {
	_, own, _ := d.send(ctx, coredns.CommandStatus)
	skip := func(pid int) bool { return pid == own }
	for _, l := range listen {
		for _, tcp := range []bool{false, true} {
			if holders := sockets.At(d.o.Namespace, tcp, l.Addr, skip); len(holders) > 0 {
				return &sockets.TakenError{Server: fmt.Sprintf("the DNS server of %s (interface %s)", l.Addr.Addr(), l.Link), Port: int(l.Addr.Port()), TCP: tcp, Holders: holders}
			}
		}
	}
	return nil
}

// read returns the present files.
func (d *Driver) read() (map[string][]byte, error) {
	entries, err := os.ReadDir(d.o.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the DNS server's directory: %w", err)
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if e.Name() != coredns.Settings && !coredns.IsNamesFile(e.Name()) {
			continue
		}
		if files[e.Name()], err = os.ReadFile(filepath.Join(d.o.Dir, e.Name())); err != nil {
			return nil, fmt.Errorf("read the DNS server's files: %w", err)
		}
	}
	return files, nil
}

// differing returns the names of the files that differ, in the order of writing:
// files of new zones precede the settings that refer to them, and files of removed
// zones follow.
func (d *Driver) differing(have, want map[string][]byte) []string {
	var first, last []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if old, ok := have[name]; (!ok || !bytes.Equal(old, want[name])) && name != coredns.Settings {
			first = append(first, name)
		}
	}
	if old, ok := have[coredns.Settings]; !ok || !bytes.Equal(old, want[coredns.Settings]) {
		first = append(first, coredns.Settings)
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[name]; !ok && name != coredns.Settings {
			last = append(last, name)
		}
	}
	return append(first, last...)
}

// write brings the named files into the wanted state.
func (d *Driver) write(names []string, want map[string][]byte) error {
	for _, name := range names {
		path := filepath.Join(d.o.Dir, name)
		var err error
		if data, ok := want[name]; ok {
			err = d.replace(path, data)
		} else if err = os.Remove(path); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if err != nil {
			return fmt.Errorf("write the DNS server's files: %w", err)
		}
	}
	return nil
}

// Permissions of the server's files: only its group and root may read guests' names.
const (
	dirMode  = 0o750
	fileMode = 0o640
)

// prepare creates the directory, readable for the server, and makes existing files readable for
// it, which an earlier release may have written for root alone.
func (d *Driver) prepare(have map[string][]byte) error {
	if err := os.MkdirAll(d.o.Dir, dirMode); err != nil {
		return err
	}
	if err := d.setGroup(d.o.Dir, dirMode); err != nil {
		return err
	}
	for name := range have {
		if err := d.setGroup(filepath.Join(d.o.Dir, name), fileMode); err != nil {
			return err
		}
	}
	return nil
}

// setGroup changes a file's group to the server's, if it differs.
func (d *Driver) setGroup(path string, mode fs.FileMode) error {
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && int(st.Gid) == d.o.Group && fi.Mode().Perm() == mode {
		return nil
	}
	return errors.Join(os.Chown(path, -1, d.o.Group), os.Chmod(path, mode))
}

// replace writes a file for the server, atomically and with the right group from the start.
func (d *Driver) replace(path string, data []byte) error {
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(d.o.Dir), renameio.WithPermissions(fileMode))
	if err != nil {
		return err
	}
	defer f.Cleanup() //nolint:errcheck // nothing remains to clean up after the rename
	if err := f.Chown(-1, d.o.Group); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}
