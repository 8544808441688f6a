package pveapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

// rows is a list with objects that are created one at a time, while they are written:
// a long list needs much more memory than its text.
type rows func(yield func(schema.Object) bool)

// encode writes a result as Proxmox does: booleans are 1 or 0, an empty list is [],
// and names are sorted. Results consist of maps with text keys, slices and plain
// values; a Paged is encoded as its Data.
func encode(data any) ([]byte, error) {
	if p, ok := data.(Paged); ok {
		data = p.Data
	}
	var b bytes.Buffer
	err := write(&b, data)
	return b.Bytes(), err
}

// write writes a value. The types in long lists have cases of their own; all others
// are handled by reflection.
func write(b *bytes.Buffer, v any) error {
	switch v := v.(type) {
	case string:
		writeText(b, v)
	case int64:
		b.Write(strconv.AppendInt(b.AvailableBuffer(), v, 10))
	case int:
		b.Write(strconv.AppendInt(b.AvailableBuffer(), int64(v), 10))
	case schema.Object:
		return writeObject(b, v)
	case []schema.Object:
		return writeRows(b, slices.Values(v))
	case rows:
		return writeRows(b, iter.Seq[schema.Object](v))
	default:
		return reflected(b, reflect.ValueOf(v))
	}
	return nil
}

func writeRows(b *bytes.Buffer, list iter.Seq[schema.Object]) error {
	b.WriteByte('[')
	first := true
	for o := range list {
		if !first {
			b.WriteByte(',')
		}
		first = false
		if err := writeObject(b, o); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	return nil
}

func writeObject(b *bytes.Buffer, o schema.Object) error {
	b.WriteByte('{')
	for i, name := range slices.Sorted(maps.Keys(o)) {
		if i > 0 {
			b.WriteByte(',')
		}
		writeText(b, name)
		b.WriteByte(':')
		if err := write(b, o[name]); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

// writeText writes a text; most texts need no escapes.
func writeText(b *bytes.Buffer, text string) {
	if strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' || r > '~' || r == '"' || r == '\\' || r == '<' || r == '>' || r == '&'
	}) {
		quoted, err := json.Marshal(text)
		if err != nil { // a text: cannot happen
			panic(err)
		}
		b.Write(quoted)
		return
	}
	b.WriteByte('"')
	b.WriteString(text)
	b.WriteByte('"')
}

func reflected(b *bytes.Buffer, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Invalid:
		b.WriteString("null")
	case reflect.Pointer:
		if v.IsNil() {
			b.WriteString("null")
			return nil
		}
		return write(b, v.Elem().Interface())
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
			if err := write(b, v.Index(i).Interface()); err != nil {
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
		writeText(b, name.String())
		b.WriteByte(':')
		if err := write(b, v.MapIndex(name).Interface()); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}
