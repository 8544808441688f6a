package sysctl

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/test/scratch"
)

func TestSysctls(t *testing.T) {
	ns := scratch.New(t)
	d := New(ns)
	host, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		t.Fatal(err)
	}
	want := &desired.Space{Sysctls: []desired.Sysctl{
		{Key: "net.ipv4.conf.lo.forwarding", Value: "1", Owner: "vnet/a"},
		{Key: "net.ipv4.conf.missing.forwarding", Value: "1", Owner: "vnet/b"},
		{Key: "net.ipv4.ip_local_port_range", Value: "20000 30000", Owner: "vnet/c"},
	}}
	r, err := d.Reconcile(context.Background(), want, true)
	if errs := driver.ObjectErrors(err); len(errs) != 1 || errs[0].Owner != "vnet/b" || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("errors: %v", err)
	}
	if len(r.Changes) == 0 || r.Writes != len(r.Changes) {
		t.Errorf("dry run: %v", r)
	}
	dry := len(r.Changes)
	if r, _ = d.Reconcile(context.Background(), want, false); len(r.Changes) != dry {
		t.Errorf("dry run told %d changes, %d were made", dry, len(r.Changes))
	}
	if r, _ = d.Reconcile(context.Background(), want, false); r.Writes != 0 {
		t.Errorf("second pass: %v", r)
	}
	if err := ns.Run(func() error {
		b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
		if err == nil && !strings.HasPrefix(string(b), "20000") {
			t.Errorf("in the namespace: %s", b)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	if now, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); string(now) != string(host) {
		t.Errorf("the process's own namespace was changed: %s", now)
	}
}

func TestFilePath(t *testing.T) {
	for key, want := range map[string]string{
		"net.ipv4.ip_forward":               "/proc/sys/net/ipv4/ip_forward",
		"net.ipv4.conf.eth0/100.forwarding": "/proc/sys/net/ipv4/conf/eth0.100/forwarding",
		"net.//.x":                          "",
		"net..x":                            "",
		"":                                  "",
	} {
		got, err := filePath(key)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("filePath(%q) = %q, %v; want %q", key, got, err, want)
		}
	}
}
