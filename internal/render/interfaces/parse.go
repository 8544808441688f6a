// Package interfaces reads the files of Debian's ifupdown2, /etc/network/interfaces and
// its includes (interfaces(5), ifupdown-addons-interfaces(5)), as far as a node's facts
// need: the interfaces, their addresses, and the ports of bridges.
//
// It is at the entrance of the one-way flow, for programs that render a node's files
// without the node, and below the driver of ifupdown2. It is pure.
package interfaces

import (
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// OpenVSwitch is the kind of a bridge of Open vSwitch (model.Interface).
const OpenVSwitch = "openvswitch"

// File is the content of an interfaces file.
type File struct {
	// Stanzas are the iface stanzas in order. An interface may have several.
	Stanzas []Stanza
	// Sources are the lines that name other files, which are not followed.
	Sources []Source
}

// Stanza is one iface stanza.
type Stanza struct {
	Name string
	// Family is inet, inet6, or empty where the stanza omits it, as ifupdown2 allows;
	// Method is static, manual, dhcp and so on, or empty.
	Family, Method string
	Options        []Option
}

// Option is one line of a stanza. Its name is written with hyphens:
// bridge_ports and bridge-ports are the same.
type Option struct{ Name, Value string }

// Source is a source or source-directory line.
type Source struct {
	// Line counts from 1.
	Line    int
	Pattern string
}

// Parse reads an interfaces file. An error names the line.
func Parse(text string) (*File, error) {
	f := &File{}
	var stanza *Stanza // that the next option belongs to; nil outside stanzas that are read
	inside := false
	for number, line := range logicalLines(text) {
		keyword, value, _ := strings.Cut(line, " ")
		value = strings.TrimSpace(value)
		switch {
		case keyword == "iface":
			words := strings.Fields(value)
			if len(words) == 0 {
				return nil, fmt.Errorf("line %d: iface without a name", number)
			}
			words = append(words, "", "")
			f.Stanzas = append(f.Stanzas, Stanza{Name: words[0], Family: words[1], Method: words[2]})
			stanza, inside = &f.Stanzas[len(f.Stanzas)-1], true
		case keyword == "source" || keyword == "source-directory":
			f.Sources = append(f.Sources, Source{Line: number, Pattern: value})
			stanza, inside = nil, false
		case keyword == "mapping" || keyword == "vlan":
			stanza, inside = nil, true // its options are not read
		case ends(keyword):
			stanza, inside = nil, false
		case !inside:
			return nil, fmt.Errorf("line %d: %q stands in no stanza", number, keyword)
		case stanza != nil:
			stanza.Options = append(stanza.Options, Option{Name: strings.ReplaceAll(keyword, "_", "-"), Value: value})
		}
	}
	return f, nil
}

// ends reports whether a keyword ends a stanza and has no lines of its own.
func ends(keyword string) bool {
	switch keyword {
	case "auto", "no-auto-down", "no-scripts", "rename":
		return true
	}
	return strings.HasPrefix(keyword, "allow-")
}

// logicalLines yields the lines with content, with their numbers: white space is
// normalized, and a line that ends in a backslash continues in the next.
func logicalLines(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		number, start, joined := 0, 0, ""
		for line := range strings.Lines(text) {
			number++
			if joined == "" {
				start = number
			}
			line = strings.TrimRight(line, "\r\n")
			if rest, more := strings.CutSuffix(line, `\`); more && !strings.HasPrefix(strings.TrimSpace(line), "#") {
				joined += rest + " "
				continue
			}
			words := strings.Fields(joined + line)
			joined = ""
			if len(words) > 0 && !strings.HasPrefix(words[0], "#") && !yield(start, strings.Join(words, " ")) {
				return
			}
		}
		if words := strings.Fields(joined); len(words) > 0 {
			yield(start, strings.Join(words, " "))
		}
	}
}

// Interfaces returns the interfaces, sorted, with the address that Proxmox uses: the last
// address line of the inet stanzas, of any family. inet6 stanzas do not count there.
// Bridges have their kind, and the ports of a bridge are included even without their own
// stanza.
func (f *File) Interfaces() []model.Interface {
	byName := map[string]*model.Interface{}
	var order []string
	for _, s := range f.Stanzas {
		i := byName[s.Name]
		if i == nil {
			i = &model.Interface{Name: s.Name}
			byName[s.Name] = i
			order = append(order, s.Name)
		}
		if mtu, err := strconv.Atoi(s.option("mtu")); err == nil && mtu > 0 {
			i.MTU = mtu
		}
		s.nature(i)
		text := s.option("address")
		if text == "" || s.Family == "inet6" {
			continue
		}
		i.Addresses = nil
		if p, ok := addressOf(text, s.option("netmask")); ok {
			i.Addresses = []netip.Prefix{p}
		}
	}
	for _, s := range f.Stanzas {
		for _, port := range strings.Fields(s.option("bridge-ports") + " " + s.option("ovs-ports")) {
			if !PlainName(port) || port == "none" {
				continue
			}
			if byName[port] == nil {
				byName[port] = &model.Interface{Name: port}
				order = append(order, port)
			}
			if i := byName[port]; i.Master == "" {
				i.Master = s.Name
			}
		}
	}
	slices.Sort(order)
	out := make([]model.Interface, len(order))
	for n, name := range order {
		out[n] = *byName[name]
	}
	return out
}

// nature reads what makes an interface a bridge or a port of one.
func (s *Stanza) nature(i *model.Interface) {
	switch {
	case s.option("ovs-type") == "OVSBridge":
		i.Kind = OpenVSwitch
	case s.option("ovs-type") == "OVSIntPort":
		i.Kind = "internal"
	case s.has("bridge-ports"):
		i.Kind = "bridge"
	case s.has("bond-slaves"):
		i.Kind = "bond"
	}
	if s.has("bridge-vlan-aware") { // of any value, as Proxmox reads it
		i.VLANFiltering = true
	}
	if bridge := s.option("ovs-bridge"); bridge != "" {
		i.Master = bridge
	}
}

func (s *Stanza) has(name string) bool {
	return slices.ContainsFunc(s.Options, func(o Option) bool { return o.Name == name })
}

// option is the value of the last line of that name.
func (s *Stanza) option(name string) string {
	for i := len(s.Options) - 1; i >= 0; i-- {
		if s.Options[i].Name == name {
			return s.Options[i].Value
		}
	}
	return ""
}

// addressOf parses "10.0.0.1/24", or "10.0.0.1" with a netmask such as 24 or
// 255.255.255.0; without one it is a single address.
func addressOf(text, netmask string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p, true
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	length := a.BitLen()
	if n, err := strconv.Atoi(netmask); err == nil {
		length = n
	} else if m, err := netip.ParseAddr(netmask); err == nil && m.BitLen() == a.BitLen() {
		length = 0
		for _, b := range m.AsSlice() {
			length += bits.OnesCount8(b)
		}
	}
	p := netip.PrefixFrom(a, length)
	return p, p.IsValid()
}

// PlainName reports whether a name of an interface means the same to the
// kernel, to ifupdown2 and to the shell that runs its command lines.
func PlainName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("._:@+-", c)
	})
}
