package desired

import (
	"strconv"
	"strings"
)

// FRRDaemons is the name under which the daemons that FRR must run are reported.
const FRRDaemons = "daemons"

// FRREntries lists the lines of a configuration, and first the daemons.
func FRREntries(f *FRR) []Entry {
	if f == nil {
		return nil
	}
	var out []Entry
	for _, d := range f.Daemons {
		out = append(out, Entry{Key: FRRDaemons + " " + d, Name: "daemon " + d, Unowned: true})
	}
	seen := map[string]int{}
	add := func(path, owner string) {
		key := path
		if seen[path]++; seen[path] > 1 { // a context in several parts, or a line twice
			key += " #" + strconv.Itoa(seen[path])
		}
		out = append(out, Entry{Key: key, Name: path, Owner: owner})
	}
	for _, b := range f.Blocks {
		if len(b.Lines) == 0 {
			add(b.Head, b.Owner)
		}
		sub := ""
		for _, line := range b.Lines {
			text := strings.TrimSpace(line)
			switch {
			case text == "exit-address-family":
				sub = ""
			case strings.HasPrefix(text, "address-family "):
				sub = " / " + text
				add(b.Head+sub, b.Owner)
			default:
				add(b.Head+sub+" / "+text, b.Owner)
			}
		}
	}
	return out
}
