package pveapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// encode writes a result as Proxmox does: truth is 1 or 0, a list of none is [],
// and names are sorted. Results are made of maps with text keys, slices and plain
// values; a Paged is its Data.
func encode(data any) ([]byte, error) {
	if p, ok := data.(Paged); ok {
		data = p.Data
	}
	var b bytes.Buffer
	err := write(&b, reflect.ValueOf(data))
	return b.Bytes(), err
}

func write(b *bytes.Buffer, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Invalid:
		b.WriteString("null")
	case reflect.Interface, reflect.Pointer:
		return write(b, v.Elem())
	case reflect.Bool:
		if v.Bool() {
			b.WriteByte('1')
		} else {
			b.WriteByte('0')
		}
	case reflect.Slice, reflect.Array:
		b.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := write(b, v.Index(i)); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case reflect.Map:
		return writeMap(b, v)
	case reflect.Struct, reflect.Func, reflect.Chan:
		return fmt.Errorf("a result holds a %s, which has no form in the API", v.Type())
	default:
		text, err := json.Marshal(v.Interface())
		b.Write(text)
		return err
	}
	return nil
}

func writeMap(b *bytes.Buffer, v reflect.Value) error {
	names := v.MapKeys()
	slices.SortFunc(names, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		text, err := json.Marshal(name.String())
		if err != nil {
			return err
		}
		b.Write(text)
		b.WriteByte(':')
		if err := write(b, v.MapIndex(name)); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}
