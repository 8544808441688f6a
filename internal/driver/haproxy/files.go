package haproxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/google/renameio/v2"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/naming"
	"github.com/viaduct-sdn/viaduct/internal/render/haproxy"
)

// Permissions: HAProxy's group may read its files, and only root writes them.
const (
	dirMode     = 0o750
	fileMode    = 0o640
	processMode = 0o700
)

// prepare makes the directories.
func (d *Driver) prepare() error {
	for _, dir := range []struct {
		path     string
		uid, gid int
		mode     fs.FileMode
	}{
		{d.o.Dir, 0, d.o.GID, dirMode}, {d.path(certificateDir), 0, d.o.GID, dirMode}, {d.path(namespaceDir), 0, d.o.GID, dirMode},
		{d.path(processDir), d.o.UID, d.o.GID, processMode},
	} {
		if err := os.MkdirAll(dir.path, dir.mode); err != nil {
			return err
		}
		fi, err := os.Stat(dir.path)
		if err != nil {
			return err
		}
		if st, ok := fi.Sys().(*syscall.Stat_t); ok && int(st.Uid) == dir.uid && int(st.Gid) == dir.gid && fi.Mode().Perm() == dir.mode {
			continue
		}
		if err := errors.Join(os.Chown(dir.path, dir.uid, dir.gid), os.Chmod(dir.path, dir.mode)); err != nil {
			return err
		}
	}
	return nil
}

// replace writes a file for HAProxy, atomically and with the right group from the start.
func (d *Driver) replace(name, text string) error {
	path := d.path(name)
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithPermissions(fileMode), renameio.IgnoreUmask())
	if err != nil {
		return err
	}
	defer f.Cleanup() //nolint:errcheck // nothing remains to clean up after the rename
	if err := f.Chown(-1, d.o.GID); err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// applied reads the load balancers that the running process serves, as far as this driver or
// an earlier one applied them. Of an unreadable record nothing is known.
func (d *Driver) applied() ([]desired.LoadBalancer, error) {
	b, err := os.ReadFile(d.path(appliedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the record of load balancers: %w", err)
	}
	var out []desired.LoadBalancer
	if json.Unmarshal(b, &out) != nil {
		return nil, nil //nolint:nilerr // everything is compared with nothing then
	}
	return out, nil
}

// record writes what applied reads. It holds private keys.
func (d *Driver) record(all []desired.LoadBalancer) error {
	b, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return renameio.WriteFile(d.path(appliedFile), b, 0o600, renameio.WithTempDir(d.o.Dir))
}

// namespaces returns the names that the namespaces of the load balancers' spaces have in the
// configuration; a space without a namespace is missing.
//
// HAProxy opens namespaces in the directory of ip-netns(8), whatever that of this node, and
// takes the listeners of the process before by the name of their namespace. The names are
// those of symbolic links, relative to that directory, and contain the inode.
func (d *Driver) namespaces(all []desired.LoadBalancer) (map[string]string, error) {
	out := map[string]string{}
	for _, space := range spaces(all) {
		ns, err := d.o.Namespaces.Open(naming.Namespace(space))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		inode, err := ns.Inode()
		if err := errors.Join(err, ns.Close()); err != nil {
			return nil, fmt.Errorf("identify the network namespace of space %s: %w", space, err)
		}
		out[space] = fmt.Sprintf("../..%s/%s-%d", d.path(namespaceDir), space, inode)
	}
	return out, nil
}

// link makes the symbolic links of namespaces.
func (d *Driver) link(namespaces map[string]string) error {
	if err := os.MkdirAll(haproxyNamespaces, 0o755); err != nil { // of which the names are relative
		return err
	}
	for space, name := range namespaces {
		err := os.Symlink(filepath.Join(string(d.o.Namespaces), naming.Namespace(space)), d.path(namespaceDir+"/"+filepath.Base(name)))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// haproxyNamespaces is where HAProxy opens network namespaces.
const haproxyNamespaces = "/var/run/netns"

// writeCertificates writes the certificates of load balancers, each into a file that never
// changes.
func (d *Driver) writeCertificates(all []desired.LoadBalancer) error {
	for i := range all {
		k := all[i].Certificate
		if k == nil {
			continue
		}
		name, text := certificateDir+"/"+haproxy.CertificateFile(k), haproxy.CertificateText(k)
		if have, err := os.ReadFile(d.path(name)); err == nil && string(have) == text {
			continue
		}
		if err := d.replace(name, text); err != nil {
			return fmt.Errorf("write a certificate: %w", err)
		}
	}
	return nil
}

// prune removes the certificates, and the links of namespaces, that are no longer used.
func (d *Driver) prune(all []desired.LoadBalancer, namespaces map[string]string) error {
	used := map[string]bool{}
	for i := range all {
		if k := all[i].Certificate; k != nil {
			used[haproxy.CertificateFile(k)] = true
		}
	}
	for _, name := range namespaces {
		used[filepath.Base(name)] = true
	}
	var errs []error
	for _, dir := range []string{certificateDir, namespaceDir} {
		entries, err := os.ReadDir(d.path(dir))
		errs = append(errs, err)
		for _, e := range entries {
			if !used[e.Name()] && !strings.HasPrefix(e.Name(), ".") {
				errs = append(errs, os.Remove(filepath.Join(d.path(dir), e.Name())))
			}
		}
	}
	return errors.Join(errs...)
}

// removeFiles removes everything but the directory of the process, which is watched.
func (d *Driver) removeFiles() error {
	var errs []error
	for _, name := range []string{appliedFile, stateFile, certificateDir, namespaceDir, currentFile, configFile} {
		errs = append(errs, os.RemoveAll(d.path(name)))
	}
	for generation := range d.known() {
		errs = append(errs, os.RemoveAll(d.socket(generation)), os.RemoveAll(d.pidFile(generation)))
	}
	return errors.Join(errs...)
}
