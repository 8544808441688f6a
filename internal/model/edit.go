package model

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Edit is one change to a configuration: an object put (added or replaced
// whole), or one deleted.
type Edit struct {
	// Put is the object to add or replace; nil for a deletion.
	Put Object
	// Kind and ID name the object to delete when Put is nil.
	Kind Kind
	ID   string
}

// Target names the object that the edit is about, by its kind and the ID that it has
// so far: Config.Complete may give it another one.
func (e Edit) Target() (Kind, string) {
	if e.Put != nil {
		return e.Put.ObjectKind(), e.Put.ObjectID()
	}
	return e.Kind, e.ID
}

type editJSON struct {
	Kind   Kind            `json:"kind"`
	ID     string          `json:"id"`
	Object json.RawMessage `json:"object,omitempty"`
}

// MarshalJSON writes {"kind","id","object"}; a deletion has no object.
func (e Edit) MarshalJSON() ([]byte, error) {
	var j editJSON
	j.Kind, j.ID = e.Target()
	if e.Put != nil {
		raw, err := json.Marshal(e.Put)
		if err != nil {
			return nil, err
		}
		j.Object = raw
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON writes; unknown fields are refused.
func (e *Edit) UnmarshalJSON(b []byte) error {
	var j editJSON
	if err := strictJSON(b, &j); err != nil {
		return err
	}
	*e = Edit{Kind: j.Kind, ID: j.ID}
	if New(j.Kind) == nil {
		return fmt.Errorf("unknown kind %q", j.Kind)
	}
	if len(j.Object) == 0 || string(j.Object) == "null" {
		return nil
	}
	o, err := Decode(j.Kind, j.Object)
	if err != nil {
		return fmt.Errorf("%s %s: %w", j.Kind, j.ID, err)
	}
	e.Put = o
	return nil
}

// Decode reads an object of the kind from JSON; unknown fields are refused.
func Decode(k Kind, b []byte) (Object, error) {
	o := New(k)
	if o == nil {
		return nil, fmt.Errorf("unknown kind %q", k)
	}
	if err := strictJSON(b, o); err != nil {
		return nil, err
	}
	return o, nil
}

func strictJSON(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("data after the JSON value")
	}
	return nil
}
