package cli

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/line"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// style writes colours, or none.
type style struct{ on bool }

// style decides whether output to w has colours: on a terminal, unless the
// environment has NO_COLOR (no-color.org) or a flag says otherwise.
func (a *app) style(w io.Writer) style {
	switch a.color {
	case "always":
		return style{true}
	case "never":
		return style{}
	}
	return style{terminal(w) && a.Getenv("NO_COLOR") == "" && a.Getenv("TERM") != "dumb"}
}

func (s style) paint(code, text string) string {
	if !s.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) bold(t string) string   { return s.paint("1", t) }
func (s style) faint(t string) string  { return s.paint("2", t) }
func (s style) red(t string) string    { return s.paint("31", t) }
func (s style) green(t string) string  { return s.paint("32", t) }
func (s style) yellow(t string) string { return s.paint("33", t) }

// change colours a line by its action.
func (s style) change(a diff.Action, text string) string {
	switch a {
	case diff.Create:
		return s.green(text)
	case diff.Delete:
		return s.red(text)
	case diff.Update, diff.Replace:
	}
	return s.yellow(text)
}

func (s style) state(st protocol.State) string {
	switch st {
	case protocol.Converged:
		return s.green(string(st))
	case protocol.Degraded, protocol.Unreachable:
		return s.red(string(st))
	case protocol.Applying, protocol.Warning:
	}
	return s.yellow(string(st))
}

// table formats rows in columns two spaces apart. Cells may be coloured; the last column
// is not padded.
func table(header []string, rows [][]string) string {
	widths := make([]int, len(header))
	all := append([][]string{header}, rows...)
	for _, row := range all {
		for i, cell := range row {
			row[i] = printed(cell)
			widths[i] = max(widths[i], width(row[i]))
		}
	}
	var b strings.Builder
	for _, row := range all {
		var out strings.Builder
		for i, cell := range row {
			out.WriteString(cell)
			if i < len(row)-1 {
				out.WriteString(strings.Repeat(" ", widths[i]-width(cell)+2))
			}
		}
		b.WriteString(strings.TrimRight(out.String(), " ") + "\n")
	}
	return b.String()
}

// paintForm matches text as paint writes it.
var paintForm = regexp.MustCompile(`(?s)^(\x1b\[(?:1|2|31|32|33)m)(.*)(\x1b\[0m)$`)

// printed makes a value safe for a terminal: on one line of printable characters, within
// its colour codes.
func printed(value string) string {
	if line.Is(value) {
		return value
	}
	if m := paintForm.FindStringSubmatch(value); m != nil {
		return m[1] + line.Escape(m[2]) + m[3]
	}
	return line.Escape(value)
}

// width is the display width of a cell: its characters, without colour codes.
func width(s string) int {
	n := 0
	for len(s) > 0 {
		if strings.HasPrefix(s, "\x1b[") {
			if end := strings.IndexByte(s, 'm'); end >= 0 {
				s = s[end+1:]
				continue
			}
		}
		_, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		n++
	}
	return n
}

// count is a number with its noun: "1 node", "3 nodes".
func count(n int, word string) string {
	switch {
	case n == 1:
		return "1 " + word
	case strings.HasSuffix(word, "s"): // address, class
		return fmt.Sprintf("%d %ses", n, word)
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// short is a duration in readable form: two units at most.
func short(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd", int(d.Hours())/24)
}

// ago is how long before now t was; "never" for a zero time.
func ago(now, t time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "never"
	case d < 2*time.Second:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd ago", int(d.Hours())/24)
	}
}
