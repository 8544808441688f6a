// Package line checks whether texts are one line of printable characters, and converts any
// text into one.
package line

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Is reports whether a text is one line of printable characters: letters, marks, digits,
// punctuation, symbols and blanks of any script. Control characters, line and paragraph
// separators and characters that change the direction of writing are not printable: a text
// with those could pass for other lines, or for another text, wherever it is shown.
func Is(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return !printable(r) })
}

// printable reports whether a line may contain a character. The two joiners are invisible,
// but several scripts cannot be spelled without them.
func printable(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	return unicode.IsGraphic(r) || r == nonJoiner || r == joiner
}

// Escape returns a text as one line of printable characters: other characters are escaped
// as in Go's quoted strings.
func Escape(s string) string {
	if Is(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, s[i]) // a byte that is no character
		case printable(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
}
