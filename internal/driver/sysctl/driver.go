// Package sysctl is the driver of kernel settings below /proc/sys (sysctl(8)).
// It is a last stage of the one-way flow.
//
// # Unwanted settings
//
// A setting that is no longer wanted stays unchanged. A setting of an owned link
// (net.ipv4.conf.LINK...) vanishes with the link. Something else on the node, a
// container engine or a router for instance, may have come to rely on a global one,
// such as net.ipv4.ip_forward; this cannot be detected, and switching it off could
// cut that off. The driver therefore keeps no record.
package sysctl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
)

// root is the directory of the settings.
const root = "/proc/sys"

// Driver implements driver.Driver for sysctls.
type Driver struct{ ns *netns.NS }

var _ driver.Driver = (*Driver)(nil)

// New returns a driver that works in the namespace; nil is the process's own.
func New(ns *netns.NS) *Driver { return &Driver{ns: ns} }

// Name implements driver.Driver.
func (*Driver) Name() string { return "sysctl" }

// Reconcile implements driver.Driver. The thread determines the namespace of the
// settings below /proc/sys/net, so all work is done on one.
func (d *Driver) Reconcile(ctx context.Context, want *desired.Space, dryRun bool) (driver.Result, error) {
	var result driver.Result
	if len(want.Sysctls) == 0 {
		return result, nil
	}
	err := d.ns.Run(func() error {
		var errs []error
		for _, s := range want.Sysctls {
			if err := ctx.Err(); err != nil {
				return errors.Join(append(errs, err)...)
			}
			c, err := set(s, dryRun)
			if err != nil {
				errs = append(errs, &driver.ObjectError{Owner: s.Owner, Err: err})
				continue
			}
			if c != nil {
				result.Changes = append(result.Changes, *c)
				result.Writes++
			}
		}
		return errors.Join(errs...)
	})
	return result, err
}

// set sets one setting and returns the change, or nil if it has the value.
func set(s desired.Sysctl, dryRun bool) (*diff.Change, error) {
	file, err := filePath(s.Key)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, msgSysctlMissing.Failure(s.Key, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read setting %s: %w", s.Key, err)
	}
	// The kernel separates the numbers of one setting by tabs.
	have := strings.Join(strings.Fields(string(b)), " ")
	if have == strings.Join(strings.Fields(s.Value), " ") {
		return nil, nil
	}
	c := &diff.Change{Action: diff.Update, Type: desired.TypeSysctl, Name: s.Key, Owner: s.Owner, Fields: []diff.Field{{Name: "value", Old: have, New: s.Value}}}
	if dryRun {
		return c, nil
	}
	// A setting is written in one call; there is no file to replace.
	if err := os.WriteFile(file, []byte(s.Value+"\n"), 0o644); err != nil {
		return nil, msgSysctlRefused.Failure(s.Key, have, s.Value, err)
	}
	return c, nil
}

// filePath returns the file of a key: dots separate parts, slashes represent dots.
func filePath(key string) (string, error) {
	parts := strings.Split(key, ".")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(p, "/", ".")
	}
	if slices.ContainsFunc(parts, func(p string) bool { return p == "" || p == "." || p == ".." }) {
		return "", fmt.Errorf("%q is not the name of a kernel setting, which is written like net.ipv4.ip_forward", key)
	}
	return path.Join(append([]string{root}, parts...)...), nil
}
