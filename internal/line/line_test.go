package line_test

import (
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/line"
)

func TestLine(t *testing.T) {
	for text, escaped := range map[string]string{
		"":                        "",
		"web & db, 100 % (große)": "web & db, 100 % (große)",
		"ネットワーク 网络 شبکه":          "ネットワーク 网络 شبکه",
		"می\u200cخواهم 👩\u200d💻":  "می\u200cخواهم 👩\u200d💻",
		"a\u00a0b":                "a\u00a0b",
		"a\nvnet: forged":         `a\nvnet: forged`,
		"a\r\tb\x00\x7f":          `a\r\tb\x00\x7f`,
		"\x1b[31mred":             `\x1b[31mred`,
		"next\u0085line":          `next\u0085line`,
		"a\u2028b\u2029c":         `a\u2028b\u2029c`,
		"\u202egpj.exe\u2066":     `\u202egpj.exe\u2066`,
		"mark\u200e\ufeff":        `mark\u200e\ufeff`,
		"broken\xff\ufffd":        `broken\xff` + "\ufffd",
	} {
		if got := line.Escape(text); got != escaped {
			t.Errorf("Escape(%q) = %q, want %q", text, got, escaped)
		}
		if got := line.Is(text); got != (text == escaped) {
			t.Errorf("Is(%q) = %t", text, got)
		}
	}
}
