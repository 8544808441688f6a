package task

import (
	"fmt"
	"strings"
	"sync"
)

// MaxLog bounds the log of one task, in bytes with its line ends.
const MaxLog = 1 << 20

// reserve is what is left of MaxLog for the last lines, which are always taken.
const reserve = 4 << 10

// cut is the line in place of those that did not fit.
const cut = "the log is longer than a task may have: the rest is left out"

// lines is a log that is being written. It is safe for many goroutines.
type lines struct {
	mu    sync.Mutex
	text  strings.Builder
	full  bool
	dirty bool // there is more than what is stored
}

// printf adds a line, or several if the text has line ends.
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
	if l.text.Len()+len(text)+1 > limit-len(cut)-1 {
		l.full = true
		text = cut
	}
	l.text.WriteString(text)
	l.text.WriteByte('\n')
	l.dirty = true
}

// take returns the log if it is to be stored.
func (l *lines) take() (text string, dirty bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	dirty, l.dirty = l.dirty, false
	return l.text.String(), dirty
}

// again says that what take returned was not stored.
func (l *lines) again() {
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

// page cuts some lines out of a log, and counts all. start counts from 0.
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
