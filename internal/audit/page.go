package audit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// page is the value of one key: entries of one server that came within a moment, so that
// many writers cost the store few writes.
type page struct {
	// id is that of the newest entry: all entries of older pages are older than it, though
	// perhaps not than others of the page, as servers write concurrently.
	id string
	// lines are the entries, oldest first: a line of JSON for each.
	lines []byte
}

func (p *page) len() int { return bytes.Count(p.lines, []byte{'\n'}) + 1 }

// zeros pads the times of all centuries to the same length.
const zeros = "00000000000000000000"

// entryID sorts by time, and distinguishes concurrent entries of several servers.
func entryID(t time.Time, server string) string {
	ns := strconv.FormatInt(t.UnixNano(), 10)
	return zeros[min(len(ns), len(zeros)):] + ns + "-" + server
}

// paged puts entries, which are sorted, on as few pages as possible.
func paged(entries []Entry) []page {
	var out []page
	for n := range entries {
		e := &entries[n]
		line, err := json.Marshal(e)
		if err != nil { // plain values only: cannot happen
			panic(err)
		}
		last := len(out) - 1
		if last < 0 || len(out[last].lines)+1+len(line) > pageBytes {
			room := min((len(line)+1)*(len(entries)-n), pageBytes) // the others are about as long
			out = append(out, page{id: e.ID, lines: append(make([]byte, 0, max(room, len(line))), line...)})
			continue
		}
		out[last].id = e.ID
		out[last].lines = append(append(out[last].lines, '\n'), line...)
	}
	return out
}

// pages returns all stored pages, oldest first.
func (l *Log) pages(ctx context.Context, s series) ([]page, error) {
	records, _, err := l.store.List(ctx, s.prefix, "")
	if err != nil {
		return nil, err
	}
	out := make([]page, len(records))
	for i, r := range records {
		out[i] = page{id: strings.TrimPrefix(r.Key, s.prefix), lines: r.Value}
	}
	return out, nil
}

// entries returns those of a page, oldest first.
func (l *Log) entries(p page) []Entry {
	_, server, _ := strings.Cut(p.id, "-")
	var out []Entry
	for line := range bytes.SplitSeq(p.lines, []byte{'\n'}) {
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			l.log.Error("a stored audit entry is left out", "page", p.id, "error", err)
			continue
		}
		e.ID = entryID(e.Time, server)
		out = append(out, e)
	}
	return out
}

// backward iterates over the entries of pages, newest first. It reads no more pages than
// necessary.
func (l *Log) backward(pages []page) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		var read []Entry // oldest first
		for i, p := range slices.Backward(pages) {
			read = append(read, l.entries(p)...)
			slices.SortFunc(read, func(a, b Entry) int { return cmp.Compare(a.ID, b.ID) })
			for len(read) > 0 && (i == 0 || read[len(read)-1].ID > pages[i-1].id) {
				if !yield(read[len(read)-1]) {
					return
				}
				read = read[:len(read)-1]
			}
		}
	}
}

// newest returns the entries of a series that are kept, newest first.
func (l *Log) newest(ctx context.Context, s series) (iter.Seq[Entry], error) {
	pages, err := l.pages(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("reading the audit entries: %w", err)
	}
	return func(yield func(Entry) bool) {
		seen := 0
		for e := range l.backward(pages) {
			if seen++; seen > s.most || !yield(e) {
				return
			}
		}
	}, nil
}

// merged iterates over the entries of both, newest first.
func merged(a, b iter.Seq[Entry]) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		nextA, stopA := iter.Pull(a)
		defer stopA()
		nextB, stopB := iter.Pull(b)
		defer stopB()
		x, okX := nextA()
		y, okY := nextB()
		for okX || okY {
			if okX && (!okY || x.ID > y.ID) {
				if !yield(x) {
					return
				}
				x, okX = nextA()
				continue
			}
			if !yield(y) {
				return
			}
			y, okY = nextB()
		}
	}
}
