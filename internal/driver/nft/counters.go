package nft

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
)

// Counter holds the counts of a rule with a comment, since its creation.
type Counter struct {
	// Table is the rule's table, as nft names it: "bridge viaduct_fw".
	Table string
	// Comment is the rule's comment.
	Comment        string
	Packets, Bytes uint64
}

// counterForm is a rule with a counter and a comment.
var counterForm = regexp.MustCompile(`counter packets (\d+) bytes (\d+)\b.* comment "([^"]*)"$`)

// Counters reads the counters of an owned table in the namespace (nil: the
// process's own), in the order of its rules; none if there is no such table.
func Counters(ctx context.Context, ns *netns.NS, family, name string) ([]Counter, error) {
	d := New(Options{Namespace: ns})
	out, err := d.output(ctx, "", "-t", "list", "tables", family)
	if err != nil {
		return nil, err
	}
	key := family + " " + name
	if !strings.Contains(out+"\n", "table "+key+"\n") {
		return nil, nil
	}
	out, err = d.output(ctx, "", "-t", "list", "table", family, name)
	if r := (*refusal)(nil); errors.As(err, &r) {
		return nil, nil // deleted in between
	}
	return parseCounters(key, out), err
}

// parseCounters finds the counters in a listing.
func parseCounters(table, listing string) []Counter {
	var out []Counter
	for line := range strings.Lines(listing) {
		m := counterForm.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		packets, err1 := strconv.ParseUint(m[1], 10, 64)
		bytes, err2 := strconv.ParseUint(m[2], 10, 64)
		if err1 == nil && err2 == nil {
			out = append(out, Counter{Table: table, Comment: m[3], Packets: packets, Bytes: bytes})
		}
	}
	return out
}
