package dnsmasq

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/render/dnsmasq"
)

// inspect determines the state of the server of a network with an existing link.
func (p *pass) inspect(s *desired.DHCPServer, n *desired.DHCPNetwork) (*state, error) {
	d := p.d
	st := &state{instance: instance{s.Zone, n.Link}, network: n, files: p.files, have: map[string]string{}}
	st.want = map[string]string{
		dnsmasq.DefaultFile:         dnsmasq.Default(s),
		dnsmasq.NetworkFile(n.Link): dnsmasq.Network(n, dnsmasq.Paths{Folder: d.folder(s.Zone), Leases: d.leases(st.instance)}),
	}
	foreign := p.files.foreign
	if text, found := foreign[dnsmasq.DefaultFile]; found && d.note(st.instance) == (note{}) {
		return nil, &driver.Conflict{Thing: "the DHCP server of folder " + d.folder(s.Zone) + " (" + clip(text) + ")"}
	}
	for name := range st.want {
		text, found := p.files.owned[name]
		if other, unmarked := foreign[name]; unmarked { // not as wanted: it lacks the marker
			text, found = other, true
			delete(foreign, name)
		}
		if found {
			st.have[name] = text
		}
	}
	hosts, err := os.ReadFile(d.file(st.instance, dnsmasq.HostsFile(n.Link)))
	if ignoreNotExist(err) != nil {
		return nil, err
	}
	st.hosts, st.text = string(hosts), dnsmasq.Hosts(n.Hosts)
	st.had = dnsmasq.ParseHosts(st.hosts)
	st.digest = digest(st, p.links[n.Link])
	st.process, st.runs = p.find(st.instance)
	st.current = st.runs && d.note(st.instance) == note{Process: st.process.String(), Digest: st.digest}
	return st, nil
}

// clip returns the first line of a file.
func clip(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// marked reports whether Viaduct owns a file.
func marked(text string) bool { return strings.HasPrefix(text, dnsmasq.Marker+"\n") }

// files are the configuration files in the folder of a zone: the owned ones and the
// operator's.
type files struct{ owned, foreign map[string]string }

// files reads the configuration files in the folder of a zone.
func (d *Driver) files(zone string) (*files, error) {
	out := &files{owned: map[string]string{}, foreign: map[string]string{}}
	entries, err := os.ReadDir(d.folder(zone))
	if ignoreNotExist(err) != nil {
		return nil, fmt.Errorf("look into the folder of zone %s: %w", zone, err)
	}
	for _, e := range entries {
		// dnsmasq reads every other file of the folder with this suffix.
		name := e.Name()
		if !strings.HasSuffix(name, ".conf") || e.IsDir() || strings.HasPrefix(name, ".") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(d.folder(zone), name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the configuration of zone %s: %w", zone, err)
		}
		if _, network := dnsmasq.LinkOf(name); marked(string(b)) && (network || name == dnsmasq.DefaultFile) {
			out.owned[name] = string(b)
		} else {
			out.foreign[name] = string(b)
		}
	}
	return out, nil
}

// digest identifies the configuration that a process is started with. A recreated
// link counts as a different one, as it does for dnsmasq.
func digest(st *state, index int) string {
	h := sha256.New()
	for _, files := range []map[string]string{st.want, st.files.foreign} {
		for _, name := range names(files) {
			fmt.Fprintf(h, "%q %q\n", name, files[name])
		}
	}
	fmt.Fprintf(h, "%d\n", index)
	return hex.EncodeToString(h.Sum(nil))
}

// test has dnsmasq check the wanted configuration, together with the operator's
// own.
func (d *Driver) test(ctx context.Context, program string, st *state) error {
	dir := d.run(st.instance, ".test")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, files := range []map[string]string{st.files.foreign, st.want} {
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				return err
			}
		}
	}
	var out []byte
	err := d.o.Namespace.Run(func() (err error) { // it checks that links exist
		out, err = exec.CommandContext(ctx, program, "--test", "--conf-file=/dev/null", "--conf-dir="+dir).CombinedOutput()
		return err
	})
	if err == nil {
		return nil
	}
	consequence := "dnsmasq does not run, and guests get no addresses"
	if st.runs {
		consequence = "it goes on with what it had"
	}
	message := strings.ReplaceAll(strings.TrimSpace(string(out)), dir, d.folder(st.zone))
	return msgDnsmasqConfigRefused.Failure(st.link, consequence, message, err)
}

// swap replaces files of a network by others.
func (d *Driver) swap(st *state, have, want map[string]string) error {
	if err := os.MkdirAll(d.file(st.instance, dnsmasq.AddedFolder(st.link)), 0o755); err != nil {
		return err
	}
	for _, name := range names(want) {
		if old, found := have[name]; found && old == want[name] {
			continue
		}
		if err := write(d.file(st.instance, name), want[name]); err != nil {
			return err
		}
		st.files.owned[name] = want[name] // the next network of the zone need not read it again
	}
	return nil
}

// write replaces a file atomically. dnsmasq reads it as a user of its own.
func write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return renameio.WriteFile(path, []byte(text), 0o644, renameio.WithTempDir(filepath.Dir(path)), renameio.IgnoreUmask())
}

// clearAdded removes the small files of NICs.
func (d *Driver) clearAdded(i instance) error {
	dir := d.file(i, dnsmasq.AddedFolder(i.link))
	entries, err := os.ReadDir(dir)
	if ignoreNotExist(err) != nil {
		return err
	}
	for _, e := range entries {
		if err := ignoreNotExist(os.Remove(filepath.Join(dir, e.Name()))); err != nil {
			return err
		}
	}
	return nil
}

// stale returns the leases that conflict with the present addresses of NICs, and
// the text of the lease file without them.
func (d *Driver) stale(st *state) (addresses []string, rest string, err error) {
	if knows, ok := d.pushed[st.instance]; ok && knows.process == st.process && knows.text == st.text {
		return nil, "", nil // no NIC has a new address
	}
	b, err := os.ReadFile(d.leases(st.instance))
	if ignoreNotExist(err) != nil {
		return nil, "", fmt.Errorf("read the leases of vnet %s: %w", st.link, err)
	}
	found, rest := dnsmasq.Stale(string(b), st.had, st.network.Hosts)
	for _, ip := range found {
		addresses = append(addresses, ip.String())
	}
	return addresses, rest, nil
}
