package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"
	"github.com/vishvananda/netlink"
)

// systems calls f for every node and host.
func (s *Spec) systems(f func(name string, sys *SystemSpec) error) error {
	for i := range s.Nodes {
		if err := f(s.Nodes[i].Name, &s.Nodes[i].SystemSpec); err != nil {
			return err
		}
	}
	for i := range s.Hosts {
		if err := f(s.Hosts[i].Name, &s.Hosts[i].SystemSpec); err != nil {
			return err
		}
	}
	return nil
}

// system finds a node or host.
func (s *Spec) system(name string) (found *SystemSpec) {
	_ = s.systems(func(n string, sys *SystemSpec) error {
		if n == name {
			found = sys
		}
		return nil
	})
	return found
}

// buildSystems applies the operators' configuration of the machines. It may be
// called again and completes missing parts.
func (l *Lab) buildSystems(ctx context.Context) error {
	return l.Spec.systems(func(name string, sys *SystemSpec) error {
		if err := l.addLoopbacks(name, sys); err != nil {
			return err
		}
		if err := l.prepareFRR(name, sys.FRR); err != nil {
			return err
		}
		// Its commands see the machine's own files, such as its FRR.
		if err := l.setUp(ctx, name, sys); err != nil || sys.FRR == nil {
			return err
		}
		l.progress("starting FRR of %s", name)
		return l.startFRR(ctx, name, sys.FRR)
	})
}

func (l *Lab) addLoopbacks(name string, sys *SystemSpec) error {
	if len(sys.Loopback) == 0 {
		return nil
	}
	return l.in(name, func(h *netlink.Handle) error {
		lo, err := h.LinkByName("lo")
		if err != nil {
			return err
		}
		for _, p := range sys.Loopback {
			if err := addAddress(h, lo, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// setUp runs a machine's own commands, once: a file marks that it is done.
func (l *Lab) setUp(ctx context.Context, name string, sys *SystemSpec) error {
	if len(sys.Setup) == 0 {
		return nil
	}
	done := filepath.Join(l.Dir, "setup", name)
	if _, err := os.Stat(done); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	enter, err := l.enter(name, "/")
	if err != nil {
		return err
	}
	for _, line := range sys.Setup {
		argv := append(slices.Clone(enter), "sh", "-ec", line)
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %s: %w: %s", name, line, err, out)
		}
	}
	if err := os.MkdirAll(filepath.Dir(done), 0o755); err != nil {
		return err
	}
	return renameio.WriteFile(done, nil, 0o644)
}
