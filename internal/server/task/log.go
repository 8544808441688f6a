package task

import (
	"fmt"
	"strings"
	"sync"
)

// MaxLog limits the log of one task, in bytes with its newlines.
const MaxLog = 1 << 20

// reserve is the part of MaxLog for the last lines, which are always accepted.
const reserve = 4 << 10

// truncated is the line that replaces those that did not fit.
const truncated = "the log is longer than a task may have: the rest is left out"

// lines is a log that is being written. It is safe for concurrent use.
type lines struct {
	mu    sync.Mutex
	text  strings.Builder
	full  bool
	dirty bool // there is more than what is stored
}

// printf adds a line, or several if the text has newlines.
func (l *lines) printf(format string, args ...any) {
	l.add(MaxLog-reserve, fmt.Sprintf(format, args...))
}

// last adds a line even to a log that is full.
func (l *lines) last(text string) {
	l.mu.Lock()
	l.full = false
	l.mu.Unlock()
	l.add(MaxLog, text)
}

func (l *lines) add(limit int, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full {
		return
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(strings.TrimRight(text, "\n"), "\uFFFD"))
	if l.text.Len()+len(text)+1 > limit-len(truncated)-1 {
		l.full = true
		text = truncated
	}
	l.text.WriteString(text)
	l.text.WriteByte('\n')
	l.dirty = true
}

// unsaved returns the log, and marks it as stored; dirty is false if it did not change.
func (l *lines) unsaved() (text string, dirty bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	dirty, l.dirty = l.dirty, false
	return l.text.String(), dirty
}

// markDirty marks the result of unsaved as not stored after all.
func (l *lines) markDirty() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dirty = true
}

// read returns the log.
func (l *lines) read() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// page returns some lines of a log, and the total. start counts from 0.
func page(text string, start, limit int) (out []string, total int) {
	out = []string{}
	for line := range strings.Lines(text) {
		if total >= start && len(out) < limit {
			out = append(out, strings.TrimSuffix(line, "\n"))
		}
		total++
	}
	return out, total
}
