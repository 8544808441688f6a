package schema

import (
	"bytes"
	"encoding/json"
)

// Scalar converts a JSON value of Proxmox's files to text, because its programs write
// numbers, texts and booleans in place of each other: an absent value and null are empty,
// true is 1, false is 0, and numbers are unchanged. ok is false for lists and objects.
func Scalar(raw json.RawMessage) (text string, ok bool) {
	if len(raw) == 0 {
		return "", true
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return "", false
	}
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		if v {
			return "1", true
		}
		return "0", true
	}
	return "", false
}
