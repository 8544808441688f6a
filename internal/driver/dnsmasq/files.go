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
	"github.com/viaduct-sdn/viaduct/internal/dnsmasq"
	"github.com/viaduct-sdn/viaduct/internal/driver"
)

// look finds out how the server of a zone stands.
func (d *Driver) look(s *desired.DHCPServer, links map[string]int) (*state, error) {
	st := &state{zone: s.Zone}
	var err error
	if st.have, st.foreign, err = d.files(s.Zone); err != nil {
		return nil, err
	}
	st.want = dnsmasq.Config(s, dnsmasq.Paths{Folder: d.folder(s.Zone), Leases: d.leases(s.Zone)})
	for name := range st.want { // one without our mark in their place is not what is wanted
		if text, there := st.foreign[name]; there {
			st.have[name] = text
			delete(st.foreign, name)
		}
	}
	if text, there := st.have[dnsmasq.DefaultFile]; there && !marked(text) && d.note(s.Zone) == (note{}) {
		return nil, &driver.Conflict{Thing: "the DHCP server of folder " + d.folder(s.Zone)}
	}
	hosts, err := os.ReadFile(filepath.Join(d.folder(s.Zone), dnsmasq.HostsFile))
	if gone(err) != nil {
		return nil, err
	}
	st.hosts = string(hosts)
	st.had, st.text = dnsmasq.ParseHosts(st.hosts), dnsmasq.Hosts(s.Hosts)
	st.digest = digest(st, s, links)
	st.process, st.runs = d.process(s.Zone)
	st.current = st.runs && d.note(s.Zone) == note{Process: st.process.String(), Digest: st.digest}
	return st, nil
}

// marked reports whether a file is ours.
func marked(text string) bool { return strings.HasPrefix(text, dnsmasq.Marker+"\n") }

// files reads the files of configuration in the folder of a zone: those that are
// ours, and the operator's.
func (d *Driver) files(zone string) (ours, foreign map[string]string, err error) {
	ours, foreign = map[string]string{}, map[string]string{}
	entries, err := os.ReadDir(d.folder(zone))
	if gone(err) != nil {
		return nil, nil, fmt.Errorf("look into the folder of zone %s: %w", zone, err)
	}
	for _, e := range entries {
		// dnsmasq reads every other file of the folder that ends so.
		name := e.Name()
		if !strings.HasSuffix(name, ".conf") || e.IsDir() || strings.HasPrefix(name, ".") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(d.folder(zone), name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read the configuration of zone %s: %w", zone, err)
		}
		if marked(string(b)) && (name == dnsmasq.DefaultFile || dnsmasq.IsNetworkFile(name)) {
			ours[name] = string(b)
		} else {
			foreign[name] = string(b)
		}
	}
	return ours, foreign, nil
}

// digest identifies what a process is started with. A link that was made anew is
// another one to it.
func digest(st *state, s *desired.DHCPServer, links map[string]int) string {
	h := sha256.New()
	for _, files := range []map[string]string{st.want, st.foreign} {
		for _, name := range names(files) {
			fmt.Fprintf(h, "%q %q\n", name, files[name])
		}
	}
	for _, n := range s.Networks {
		fmt.Fprintf(h, "%q %d\n", n.Link, links[n.Link])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// test has dnsmasq read the configuration that is wanted, with the operator's own.
func (d *Driver) test(ctx context.Context, program string, st *state) error {
	dir := d.run(st.zone, ".test")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, files := range []map[string]string{st.foreign, st.want} {
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				return err
			}
		}
	}
	var out []byte
	err := d.o.Namespace.Run(func() (err error) { // it looks for links
		out, err = exec.CommandContext(ctx, program, "--test", "--conf-file=/dev/null", "--conf-dir="+dir+",*.conf").CombinedOutput()
		return err
	})
	if err == nil {
		return nil
	}
	stands := "dnsmasq does not run, and guests get no addresses"
	if st.runs {
		stands = "it goes on with what it had"
	}
	said := strings.ReplaceAll(strings.TrimSpace(string(out)), dir, d.folder(st.zone))
	return fmt.Errorf("dnsmasq refuses the configuration of zone %s, so %s: %s; correct the file that it names (%w)", st.zone, stands, said, err)
}

// swap puts the files of ours into the folder of a zone and removes those that are
// no longer wanted.
func (d *Driver) swap(st *state, want map[string]string) error {
	folder := d.folder(st.zone)
	if err := os.MkdirAll(filepath.Join(folder, dnsmasq.AddedFolder), 0o755); err != nil {
		return err
	}
	for _, name := range names(want) {
		if old, there := st.have[name]; there && old == want[name] {
			continue
		}
		if err := write(filepath.Join(folder, name), want[name]); err != nil {
			return err
		}
	}
	for name := range st.have {
		if _, wanted := want[name]; wanted {
			continue
		}
		if err := gone(os.Remove(filepath.Join(folder, name))); err != nil {
			return err
		}
	}
	return nil
}

// write replaces a file, whole or not at all. dnsmasq reads it as a user of its own.
func write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return renameio.WriteFile(path, []byte(text), 0o644, renameio.WithTempDir(filepath.Dir(path)), renameio.IgnoreUmask())
}

// clearAdded removes the small files of NICs.
func (d *Driver) clearAdded(zone string) error {
	dir := filepath.Join(d.folder(zone), dnsmasq.AddedFolder)
	entries, err := os.ReadDir(dir)
	if gone(err) != nil {
		return err
	}
	for _, e := range entries {
		if err := gone(os.Remove(filepath.Join(dir, e.Name()))); err != nil {
			return err
		}
	}
	return nil
}

// stale finds the leases that stand in the way of what NICs have now, and the text
// of the file of leases without them.
func (d *Driver) stale(s *desired.DHCPServer, st *state) (addresses []string, rest string, err error) {
	if knows, ok := d.told[s.Zone]; ok && knows.process == st.process && knows.text == st.text {
		return nil, "", nil // no NIC has another address than before
	}
	b, err := os.ReadFile(d.leases(s.Zone))
	if gone(err) != nil {
		return nil, "", fmt.Errorf("read the leases of zone %s: %w", s.Zone, err)
	}
	found, rest := dnsmasq.Stale(string(b), st.had, s.Hosts)
	for _, ip := range found {
		addresses = append(addresses, ip.String())
	}
	return addresses, rest, nil
}
