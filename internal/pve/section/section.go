// Package section reads and writes the syntax of Proxmox VE's section files, such as
// /etc/pve/sdn/zones.cfg: a type and an ID for each object, then its properties. It knows
// nothing of the objects and is pure.
package section

import (
	"fmt"
	"strings"
)

// Section is one section of a section file: "<type>: <id>" without indentation, then
// indented lines of a property and its value. A property on several lines is an
// array.
type Section struct {
	Type, ID string
	Values   map[string][]string
	// Line is its first line, from 1, and Lines the first line of each property.
	Line  int
	Lines map[string]int
	// Broken is the error of an unreadable line in it, because of which its meaning is
	// uncertain; empty if there is none.
	Broken string
}

// LineFault is an unreadable line of a section file. What depends on it was left out.
type LineFault struct {
	Line          int
	Text, Message string
}

// Parse parses a section file. Types are in lower case. It fails at the first line that
// Read cannot read.
func Parse(text string) ([]Section, error) {
	out, faults := Read(text)
	if len(faults) > 0 {
		f := faults[0]
		return nil, fmt.Errorf("line %d: %q %s", f.Line, f.Text, f.Message)
	}
	return out, nil
}

// byteOrderMark is written by some editors at the beginning of a file.
const byteOrderMark = "\ufeff"

// Read reads the readable parts of a section file, as Proxmox VE does: an empty
// line ends a section, lines that begin with # are ignored everywhere, and of two
// sections with the same name the first counts. In addition, a section with an unreadable
// line is marked as broken, and lines after an unreadable head belong to no section.
func Read(text string) (out []Section, faults []LineFault) {
	r := &reader{seen: map[string]bool{}}
	for line := range strings.Lines(strings.TrimPrefix(text, byteOrderMark)) {
		r.number++
		r.line(strings.TrimRight(line, " \t\r\n"))
	}
	return r.out, r.faults
}

// reader is the state while a file is read.
type reader struct {
	number int
	out    []Section
	faults []LineFault
	seen   map[string]bool
	// open is true if lines of a section may follow, skipping if they are those of a
	// section that was left out.
	open, skipping bool
}

func (r *reader) fault(text, message string) {
	r.faults = append(r.faults, LineFault{Line: r.number, Text: text, Message: message})
}

func (r *reader) line(line string) {
	trimmed := strings.TrimLeft(line, " \t")
	switch {
	case trimmed == "":
		r.open, r.skipping = false, false
	case trimmed[0] == '#':
	case trimmed == line:
		r.head(line)
	case r.open:
		name, value := cutBlank(trimmed)
		s := &r.out[len(r.out)-1]
		s.Values[name] = append(s.Values[name], value)
		if s.Lines[name] == 0 {
			s.Lines[name] = r.number
		}
	case !r.skipping:
		r.fault(trimmed, "stands in no section")
		_, _, r.skipping = splitHead(trimmed) // an indented one
	}
}

// head reads a line without indentation.
func (r *reader) head(line string) {
	kind, id, ok := splitHead(line)
	switch {
	case !ok:
		const form = "does not begin a section: it is written like ospf_fabric: myfab"
		if r.open { // perhaps a property that lost its indentation
			r.out[len(r.out)-1].Broken = line
		}
		r.fault(line, form)
		r.open, r.skipping = false, true
	case r.seen[id]:
		r.fault(line, "is a section that is given twice: the first one counts")
		r.open, r.skipping = false, true
	default:
		r.seen[id] = true
		r.out = append(r.out, Section{Type: strings.ToLower(kind), ID: id, Values: map[string][]string{}, Line: r.number, Lines: map[string]int{}})
		r.open, r.skipping = true, false
	}
}

// splitHead parses a section's first line.
func splitHead(line string) (kind, id string, ok bool) {
	kind, id, ok = strings.Cut(line, ":")
	id = strings.TrimSpace(id)
	return kind, id, ok && kind != "" && id != "" && !strings.ContainsAny(kind+id, " \t")
}

// cutBlank splits at the first blanks.
func cutBlank(text string) (first, rest string) {
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		return text[:i], strings.TrimSpace(text[i:])
	}
	return text, ""
}

// Line is a property of a section, with its value in the file.
type Line struct{ Name, Value string }

// Append appends a section as Proxmox writes it, with an empty line at its end.
func Append(b *strings.Builder, typ, id string, lines []Line) {
	fmt.Fprintf(b, "%s: %s\n", typ, id)
	for _, l := range lines {
		fmt.Fprintf(b, "\t%s %s\n", l.Name, l.Value)
	}
	b.WriteByte('\n')
}
