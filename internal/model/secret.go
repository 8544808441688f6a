package model

import "log/slog"

// Secret is a text that must not be printed. Only its JSON form has it.
type Secret string

// hidden stands for a secret wherever one is printed.
const hidden = "(secret)"

// String is not the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString is not the secret.
func (s Secret) GoString() string { return s.String() }

// LogValue is not the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
