package frr

import (
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// LocalBlock is a block of a file, with its position.
type LocalBlock struct {
	desired.FRRBlock
	// Number counts the file's lines from 1; it is the head's. Numbers are those
	// of Lines.
	Number  int
	Numbers []int
}

// Parse reads a configuration as an operator writes it: contexts with their lines,
// indented or not, and single lines. It validates nothing; FRR does that. It drops only
// comments, lines that start with ! or #, and the file's own frame: "frr version", "frr
// defaults" and "end". Lines below a head get FRR's indentation. Every block belongs to
// LocalOwner.
func Parse(text string) []LocalBlock {
	p := &parser{}
	number := 0
	for line := range strings.Lines(text) {
		number++
		p.line(number, strings.TrimRight(line, " \t\r\n"))
	}
	p.close()
	return p.out
}

type parser struct {
	out  []LocalBlock
	open *LocalBlock
	// flat is set once a line of the open context was at the margin, ended once a comment
	// was, which ends the context unless it continues after it.
	flat, ended bool
	// family is set inside an address family, deep inside other nested contexts with their
	// own end ("vni 100").
	family, deep bool
}

func (p *parser) line(number int, line string) {
	text := strings.TrimSpace(line)
	margin := text == line
	if p.ended && margin && text != "" && !p.closes(text, margin) {
		p.close()
	}
	switch {
	case text == "":
	case text[0] == '!' || text[0] == '#':
		p.ended = p.ended || p.open != nil && margin && !p.flat
	case margin && frame(text):
		p.close()
	case p.open == nil && isExit(text): // of nothing
	case p.open != nil && p.closes(text, margin):
		p.close()
	case margin && opens(text):
		p.close()
		p.open = &LocalBlock{FRRBlock: desired.FRRBlock{Head: text, Owner: LocalOwner}, Number: number}
	case p.open == nil || margin && !p.flat && !isExit(text) && len(p.open.Lines) > 0:
		p.close()
		p.out = append(p.out, LocalBlock{FRRBlock: desired.FRRBlock{Head: text, Owner: LocalOwner}, Number: number})
	case p.nested():
		p.flat = p.flat || margin
		p.add(number, " "+strings.TrimPrefix(line, " "))
	default:
		p.flat = p.flat || margin
		p.inside(number, text)
	}
}

// closes reports whether a line ends the open context.
func (p *parser) closes(text string, margin bool) bool {
	if p.open == nil || p.family || !isExit(text) {
		return false
	}
	return (text == "exit" || text == End(p.open.Head)) && (margin || !p.nested())
}

// nested reports whether the open context may contain others that are unknown here, such
// as the peers of "bfd". Its lines are kept unchanged.
func (p *parser) nested() bool { return endOfKnown(p.open.Head) == "" }

func (p *parser) add(number int, line string) {
	p.ended = false
	p.open.Lines = append(p.open.Lines, line)
	p.open.Numbers = append(p.open.Numbers, number)
}

// inside adds a line to the open context at its depth.
func (p *parser) inside(number int, text string) {
	depth := 1
	switch {
	case strings.HasPrefix(text, "address-family "):
		p.family, p.deep = true, false
	case text == "exit-address-family" || text == "exit" && p.family && !p.deep:
		text = "exit-address-family"
		p.family, p.deep = false, false
	case p.family && opensVNI(text):
		depth, p.deep = 2, true
	case p.deep && (text == "exit-vni" || text == "exit"):
		text, depth, p.deep = "exit-vni", 2, false
	case p.deep:
		depth = 3
	case p.family:
		depth = 2
	}
	p.add(number, strings.Repeat(" ", depth)+text)
}

func (p *parser) close() {
	if p.open == nil {
		return
	}
	if p.family { // left open; a block closes what it opens
		if p.deep {
			p.inside(p.open.Number, "exit-vni")
		}
		p.inside(p.open.Number, "exit-address-family")
	}
	p.out = append(p.out, *p.open)
	p.open, p.flat, p.ended, p.family, p.deep = nil, false, false, false, false
}

func isExit(text string) bool {
	return text == "exit" || strings.HasPrefix(text, "exit-")
}

// frame reports whether a line is about the file, not about FRR.
func frame(text string) bool {
	return text == "end" || strings.HasPrefix(text, "frr version ") || strings.HasPrefix(text, "frr defaults ")
}

// contexts are the first words of the commands with nested commands.
var contexts = []string{
	"router ", "vrf ", "interface ", "route-map ", "line vty", "key chain ", "bfd", "segment-routing",
	"pseudowire ", "l2vpn ", "mpls ldp", "nexthop-group ", "pbr-map ", "rpki",
}

func opens(text string) bool {
	for _, c := range contexts {
		if text == c || strings.HasSuffix(c, " ") && strings.HasPrefix(text, c) {
			return true
		}
	}
	return false
}

// opensVNI reports whether a line opens the settings of one VNI: nothing follows its
// number.
func opensVNI(text string) bool {
	number, ok := strings.CutPrefix(text, "vni ")
	return ok && number != "" && strings.Trim(number, "0123456789") == ""
}
