package problem

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// Strict decodes JSON; it refuses unknown fields, anything after the value, and what
// Measure refuses.
func Strict(b []byte, into any) error {
	if err := Measure(b); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		var wrong *json.UnmarshalTypeError
		var syntax *json.SyntaxError
		switch {
		case errors.As(err, &wrong):
			return Invalid("the request's field %q must be %s, not a JSON %s", wrong.Field, wrong.Type, wrong.Value)
		case errors.As(err, &syntax):
			return Invalid("the request is not JSON: %s at byte %d", err, syntax.Offset)
		case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
			return Invalid("the request is not JSON: it ends too early")
		}
		return Invalid("the request is not understood: %s", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Invalid("the request holds something behind the JSON value")
	}
	return nil
}
