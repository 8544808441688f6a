package frr

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// LocalOwner is the owner of the content of an operator's own file.
const LocalOwner = "frr.conf.local"

// separator is the line between the parts of a file, a comment to FRR.
const separator = "!"

// item is one top-level part of a file: a context, or a single line.
type item struct {
	head, owner string
	lines       []Owned[string]
	// end closes a context; a single line has none.
	end string
	// gap is a second separator before the item; joined omits the only one.
	gap, joined bool
	// raw are verbatim lines instead of all of the above.
	raw []string
}

func (i *item) add(owner, format string, args ...any) {
	i.lines = append(i.lines, Own(owner, fmt.Sprintf(format, args...)))
}

func (i *item) when(ok bool, owner, format string, args ...any) {
	if ok {
		i.add(owner, format, args...)
	}
}

func (i *item) flag(f Owned[bool], text string) { i.when(f.Value, f.Owner, "%s", text) }

func (i *item) custom(lines []string) {
	for _, l := range lines {
		i.add(LocalOwner, "%s", l)
	}
}

// family adds an address family. Its frame belongs to no object: every owner's block gets
// its own.
func (i *item) family(name string, lines func(*item)) {
	i.add("", " "+separator)
	i.add("", " address-family %s", name)
	lines(i)
	i.add("", " exit-address-family")
}

// Frame surrounds a configuration in a file.
type Frame struct {
	// Version is the release of FRR that the file is written for: "10.4.1".
	Version string
	// Hostname is the node's name.
	Hostname string
}

// Text is the whole file.
func (c *Config) Text(f Frame) string {
	return "frr version " + f.Version + "\nfrr defaults datacenter\nhostname " + f.Hostname +
		"\nlog syslog informational\nservice integrated-vtysh-config\n" + c.Body() + "!\nline vty\n!\n"
}

// Body is the file without its frame.
func (c *Config) Body() string {
	var b strings.Builder
	line := func(text string) { b.WriteString(text + "\n") }
	for _, i := range c.items() {
		if i.raw != nil {
			for _, l := range i.raw {
				line(l)
			}
			continue
		}
		if i.gap {
			line(separator)
		}
		if !i.joined {
			line(separator)
		}
		line(i.head)
		for _, l := range i.lines {
			line(l.Value)
		}
		if i.end != "" {
			line(i.end)
		}
	}
	return b.String()
}

// Blocks is the configuration as the driver accepts it. A context with lines of several
// objects is one block for each of them, in the order of their first lines; the content of
// an operator's own file comes last.
func (c *Config) Blocks() []desired.FRRBlock {
	var out []desired.FRRBlock
	for _, i := range c.items() {
		if i.raw == nil {
			out = append(out, i.blocks()...)
			continue
		}
		for _, b := range Parse(strings.Join(i.raw, "\n")) {
			out = append(out, b.FRRBlock)
		}
	}
	return out
}

// Format writes blocks as text that FRR reads, each with its end.
func Format(blocks []desired.FRRBlock) string {
	var b strings.Builder
	for _, k := range blocks {
		b.WriteString(k.Head + "\n")
		for _, l := range k.Lines {
			b.WriteString(l + "\n")
		}
		if end := End(k.Head); end != "" {
			b.WriteString(end + "\n")
		}
	}
	return b.String()
}

// End is the line that closes the context of a head; empty if the head is a
// single line.
func End(head string) string {
	if end := endOfKnown(head); end != "" || !opens(head) {
		return end
	}
	return "exit"
}

// endOfKnown is End for the contexts that Viaduct writes; only operators use others.
func endOfKnown(head string) string {
	switch word, rest, _ := strings.Cut(head, " "); {
	case word == "vrf":
		return "exit-vrf"
	case rest != "" && (word == "router" || word == "route-map" || word == "interface"):
		return "exit"
	}
	return ""
}

func (i *item) blocks() []desired.FRRBlock {
	owners := []string{i.owner}
	local := false
	for _, l := range i.lines {
		local = local || l.Owner == LocalOwner
		if l.Owner != "" && l.Owner != LocalOwner && !slices.Contains(owners, l.Owner) {
			owners = append(owners, l.Owner)
		}
	}
	if local && i.owner != LocalOwner {
		owners = append(owners, LocalOwner)
	}
	var out []desired.FRRBlock
	for _, owner := range owners {
		b := desired.FRRBlock{Head: i.head, Owner: owner, Lines: i.linesOf(owner)}
		if len(b.Lines) > 0 || owner == i.owner {
			out = append(out, b)
		}
	}
	return out
}

// linesOf are the lines of one owner, in frames of their address families.
func (i *item) linesOf(owner string) []string {
	var out []string
	family := "" // the open frame, not yet written
	for _, l := range i.lines {
		text := strings.TrimSpace(l.Value)
		framed := l.Owner == "" && i.owner != ""
		switch {
		case text == separator:
		case framed && strings.HasPrefix(text, "address-family "):
			family = l.Value
		case framed && text == "exit-address-family":
			if family == "" { // it has been written
				out = append(out, l.Value)
			}
			family = ""
		case l.Owner == owner:
			if family != "" {
				out = append(out, family)
				family = ""
			}
			out = append(out, l.Value)
		}
	}
	return out
}

// Daemons are those that the configuration needs in addition to zebra and staticd, sorted.
func (c *Config) Daemons() []string {
	need := map[string]bool{
		"bgpd":    len(c.Routers) > 0,
		"isisd":   len(c.ISIS) > 0,
		"fabricd": len(c.OpenFabric) > 0,
		"ospfd":   c.OSPF != nil,
	}
	for _, r := range c.Routers {
		for _, g := range r.Groups {
			need["bfdd"] = need["bfdd"] || g.BFD
		}
	}
	var out []string
	for _, d := range slices.Sorted(maps.Keys(need)) {
		if need[d] {
			out = append(out, d)
		}
	}
	return out
}
