package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/google/renameio/v2"
)

// The directory of iproute2's files of a namespace that replace those in /etc
// (ip-netns(8)), and ifupdown2's own configuration.
const (
	netnsConfDir  = "/etc/netns"
	ifupdown2Conf = "/etc/network/ifupdown2"
)

// stateDir is the setting for the folder of ifupdown2's state.
var stateDir = regexp.MustCompile(`(?m)^state_dir=.*$`)

// buildIfupdown2 writes ifupdown2's files for the nodes that use it, unless they
// exist. Commands on the node see them in /etc/network. Only the lock of ifupdown2
// is shared by all.
func (l *Lab) buildIfupdown2() error {
	for _, n := range l.Spec.Nodes {
		dir := filepath.Join(netnsConfDir, l.ns(n.Name), "network")
		if _, err := os.Stat(filepath.Join(dir, "interfaces")); err == nil || !n.Ifupdown2 {
			continue
		}
		if err := l.writeIfupdown2(n, dir); err != nil {
			return fmt.Errorf("prepare ifupdown2 of %s: %w", n.Name, err)
		}
	}
	return nil
}

func (l *Lab) writeIfupdown2(n NodeSpec, dir string) error {
	conf, err := os.ReadFile(filepath.Join(ifupdown2Conf, "ifupdown2.conf"))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("install it (apt install ifupdown2): %w", err)
	}
	if err != nil {
		return err
	}
	conf = stateDir.ReplaceAll(conf, []byte("state_dir="+filepath.Join(l.nodeData(n.Name), "ifupdown2")))
	addons, err := os.ReadFile(filepath.Join(ifupdown2Conf, "addons.conf"))
	if err != nil {
		return err
	}
	for _, sub := range []string{"interfaces.d", "ifupdown2/policy.d"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	// The operator's file comes last: it marks the work as done.
	return errors.Join(
		renameio.WriteFile(filepath.Join(dir, "ifupdown2/ifupdown2.conf"), conf, 0o644),
		renameio.WriteFile(filepath.Join(dir, "ifupdown2/addons.conf"), addons, 0o644),
		renameio.WriteFile(filepath.Join(dir, "interfaces"), []byte(interfacesFile(n)), 0o644),
	)
}

// interfacesFile returns the file of the node's operator.
func interfacesFile(n NodeSpec) string {
	var b strings.Builder
	b.WriteString("auto lo\niface lo inet loopback\n")
	for _, br := range n.Bridges {
		if br.OVS {
			continue
		}
		ports := strings.Join(br.Ports, " ")
		if ports == "" {
			ports = "none"
		}
		fmt.Fprintf(&b, "\nauto %s\niface %s inet manual\n\tbridge-ports %s\n\tbridge-stp off\n\tbridge-fd 0\n", br.Name, br.Name, ports)
		if br.VLANAware {
			b.WriteString("\tbridge-vlan-aware yes\n\tbridge-vids 2-4094\n")
		}
	}
	b.WriteString("\nsource /etc/network/interfaces.d/*\n")
	return b.String()
}

// removeIfupdown2 removes the files of all nodes.
func (l *Lab) removeIfupdown2() error {
	dirs, err := filepath.Glob(filepath.Join(netnsConfDir, l.nsPrefix()+"*"))
	errs := []error{err}
	for _, dir := range dirs {
		errs = append(errs, os.RemoveAll(dir))
	}
	_ = os.Remove(netnsConfDir) // only if it is empty
	return errors.Join(errs...)
}
