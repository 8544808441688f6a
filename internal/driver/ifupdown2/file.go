package ifupdown2

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/render/interfaces"
)

// The operator's file and Viaduct's.
const (
	mainPath = "/etc/network/interfaces"
	ownPath  = "/etc/network/interfaces.d/viaduct"
)

// marker is the first line of Viaduct's file.
const marker = "# Made by Viaduct, which writes it anew when its configuration changes: do not edit."

// file is the present state of Viaduct's file.
type file struct {
	exists  bool
	text    string
	stanzas []stanza
	// damaged is true if somebody made it unreadable.
	damaged bool
}

// names reports whether the file has a stanza of that name.
func (f *file) names(name string) bool {
	return slices.ContainsFunc(f.stanzas, func(s stanza) bool { return s.name == name })
}

// readFile reads Viaduct's file.
func (d *Driver) readFile() (file, error) {
	b, err := os.ReadFile(filepath.Join(d.o.Root, ownPath))
	if errors.Is(err, fs.ErrNotExist) {
		return file{}, nil
	}
	if err != nil {
		return file{}, fmt.Errorf("read the file for ifupdown2: %w", err)
	}
	f := file{exists: true, text: string(b)}
	if first, _, _ := strings.Cut(f.text, "\n"); first != marker {
		return file{}, fmt.Errorf("the file %s was not made by Viaduct and was left untouched, so links are made without ifupdown2: rename it", ownPath)
	}
	parsed, err := interfaces.Parse(f.text)
	if err != nil {
		// Links that it created are identified by their link group.
		f.damaged = true
		return f, nil //nolint:nilerr // the file is rewritten
	}
	for _, s := range parsed.Stanzas {
		f.stanzas = append(f.stanzas, stanza{name: s.Name, options: s.Options})
	}
	return f, nil
}

// renderFile returns the text of Viaduct's file.
func renderFile(stanzas []stanza) string {
	var b strings.Builder
	b.WriteString(marker + "\n")
	for _, s := range stanzas {
		fmt.Fprintf(&b, "\n# %s\nauto %s\niface %s\n", cmp.Or(s.owner, "reserved"), s.name, s.name)
		for _, o := range s.options {
			fmt.Fprintf(&b, "\t%s %s\n", o.Name, o.Value)
		}
	}
	return b.String()
}

// writeFile replaces Viaduct's file; an empty text removes it.
func (d *Driver) writeFile(text string) error {
	path := filepath.Join(d.o.Root, ownPath)
	if text == "" {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the file for ifupdown2: %w", err)
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the file for ifupdown2: %w", err)
	}
	if err := renameio.WriteFile(path, []byte(text), 0o644, renameio.WithTempDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("write the file for ifupdown2: %w", err)
	}
	return nil
}

// sourced returns an error if the operator's file does not include Viaduct's.
func (d *Driver) sourced() error {
	advice := fmt.Sprintf("add the line `source %s/*` to it; until then links are made without ifupdown2", filepath.Dir(ownPath))
	b, err := os.ReadFile(filepath.Join(d.o.Root, mainPath))
	if err != nil {
		return fmt.Errorf("read %s, which has to read %s: %w: %s", mainPath, ownPath, err, advice)
	}
	parsed, err := interfaces.Parse(string(b))
	if err != nil {
		return fmt.Errorf("%s cannot be understood: %w", mainPath, err)
	}
	for _, s := range parsed.Sources {
		pattern := s.Pattern
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(filepath.Dir(mainPath), pattern)
		}
		for _, path := range []string{ownPath, filepath.Dir(ownPath)} {
			if ok, err := filepath.Match(filepath.Clean(pattern), path); err == nil && ok {
				return nil
			}
		}
	}
	return fmt.Errorf("%s does not read %s: %s", mainPath, ownPath, advice)
}

// keywords are the options that the file may have, in the order of a change's
// fields; fixed are those that cannot change on an existing link.
var keywords = []struct {
	name  string
	fixed bool
}{
	{"link-type", true}, {"veth-peer-name", true},
	{"vxlan-id", true}, {"vxlan-local-tunnelip", true}, {"vxlan-port", true},
	{"vlan-raw-device", true}, {"vlan-id", true}, {"vlan-protocol", true},
	{"bridge-stp", true}, // set on bridges only: a link that becomes one is a different link
	{"vxlan-learning", false}, {"vxlan-remoteip", false},
	{"bridge-ports", false}, {"bridge-fd", false}, {"bridge-ports-condone-regex", false},
	{"bridge-learning", false}, {"bridge-arp-nd-suppress", false},
	{"mtu", false}, {"hwaddress", false}, {"address", false}, {"ipv6-addrgen", false}, {"alias", false},
}

// typeStanza is the type of a Change of the file.
const typeStanza = "ifupdown2"

// entry describes a stanza.
func entry(s stanza) desired.Entry {
	e := desired.Entry{Key: s.name, Name: s.name, Owner: s.owner, Unowned: s.owner == ""}
	known := 0
	for _, k := range keywords {
		var values []string
		for _, o := range s.options {
			if o.Name == k.name {
				values = append(values, o.Value)
			}
		}
		known += len(values)
		e.Props = append(e.Props, desired.Prop{Name: k.name, Value: strings.Join(values, ", "), Fixed: k.fixed})
	}
	odd := ""
	if known < len(s.options) {
		odd = "options that Viaduct did not write"
	}
	e.Props = append(e.Props, desired.Prop{Name: "others", Value: odd})
	return e
}

// compare returns the changes from the present to the wanted stanzas, and the links
// to delete before they are recreated.
func compare(have, want []stanza) (changes []diff.Change, replaced []string) {
	entries := func(list []stanza) []desired.Entry {
		out := make([]desired.Entry, len(list))
		for i, s := range list {
			out[i] = entry(s)
		}
		return out
	}
	changes = diff.Keyed(typeStanza, entries(have), entries(want))
	for _, c := range changes {
		if c.Action == diff.Replace {
			replaced = append(replaced, c.Name)
		}
	}
	return changes, replaced
}
