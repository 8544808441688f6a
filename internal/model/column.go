package model

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/line"
)

// Column is a column in the table of a kind's objects.
type Column struct {
	Name string
	// Wide columns are shown in wide tables only, after the others.
	Wide bool
	// Cell returns the text for an object of the kind.
	Cell func(o Object) string
}

// column returns a column for objects of one type.
func column[P Object](name string, cell func(o P) string) Column {
	return Column{Name: name, Cell: func(o Object) string { return cell(o.(P)) }}
}

// wideColumn returns a column that only wide tables show.
func wideColumn[P Object](name string, cell func(o P) string) Column {
	c := column(name, cell)
	c.Wide = true
	return c
}

// maxListedCell is how many list items a cell shows.
const maxListedCell = 4

// fewTexts returns the first items of a list, and how many more there are.
func fewTexts(list []string) string { return line.Few(list, maxListedCell) }

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func prefixText(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return p.String()
}

// stringTexts returns the items of a list as strings.
func stringTexts[T fmt.Stringer](list []T) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s.String()
	}
	return out
}

// numberText returns a number in decimal, or zero for 0.
func numberText(n int, zero string) string {
	if n == 0 {
		return zero
	}
	return strconv.Itoa(n)
}

func yesText(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

// inOutText returns the route maps of sessions: "in A, out B".
func inOutText(in, out string) string {
	var parts []string
	if in != "" {
		parts = append(parts, "in "+in)
	}
	if out != "" {
		parts = append(parts, "out "+out)
	}
	return strings.Join(parts, ", ")
}

// peersText returns the peers of an object, or the fabric that provides them.
func peersText(peers []netip.Addr, fabric string) string {
	if fabric != "" {
		return "fabric " + fabric
	}
	return fewTexts(stringTexts(peers))
}
