package manifest

import (
	"fmt"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/message"
)

// Position is a place in a file; Line and Column count from 1, columns in
// characters.
type Position struct {
	File   string
	Line   int
	Column int
}

// String is file:line:column, the format that editors and terminals recognize.
func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Error is an error in a manifest.
type Error struct {
	Pos Position
	// Message describes the error and the correct form.
	Message string
	message.Details
	// Line is the text of the line with the error.
	Line string
}

func newError(p Position, line string, m message.Message) *Error {
	return &Error{Pos: p, Message: m.Text, Details: m.Details, Line: line}
}

// Error is the position and the message on one line.
func (e *Error) Error() string { return e.Pos.String() + ": " + e.Message }

// Errors are the errors of one Load, in the order of the input.
type Errors []*Error

// Error shows every error with its line and a caret below the position.
func (es Errors) Error() string {
	var b strings.Builder
	for i, e := range es {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i == maxErrors {
			fmt.Fprintf(&b, "... and %d more", len(es)-maxErrors)
			break
		}
		b.WriteString(e.Error())
		b.WriteString(excerpt(e.Line, e.Pos.Column))
	}
	return b.String()
}

// maxExcerpt bounds the shown part of a line, in characters.
const maxExcerpt = 100

// excerpt is the line with a caret below the column, each on a line of its own; of a
// long line it is the part around the column.
func excerpt(line string, column int) string {
	runes := []rune(strings.TrimRight(line, "\r\n"))
	if strings.TrimSpace(string(runes)) == "" {
		return ""
	}
	at := min(max(column-1, 0), len(runes))
	start := 0
	if len(runes) > maxExcerpt {
		start = max(0, min(at-maxExcerpt/2, len(runes)-maxExcerpt))
		runes = runes[start : start+maxExcerpt]
		at -= start
	}
	var text, caret strings.Builder
	for i, r := range runes {
		if r != '\t' && (r < ' ' || r == 0x7f) {
			r = '?' // a control character must not reach the terminal
		}
		text.WriteRune(r)
		if i < at {
			if r != '\t' {
				r = ' '
			}
			caret.WriteRune(r)
		}
	}
	return "\n  " + text.String() + "\n  " + caret.String() + "^"
}

// source is one input: its name, and its lines for excerpts.
type source struct {
	name  string
	lines []string
}

func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}
