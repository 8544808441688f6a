package manifest

import (
	"bytes"
	"fmt"
	"net/netip"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/line"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Marshal writes objects as a manifest: a document each, kind first, then the properties
// that are set, in the order of model.Fields. Load reads equal objects from it.
func Marshal(objs []model.Object) ([]byte, error) {
	var b bytes.Buffer
	for i, o := range objs {
		if i > 0 {
			b.WriteString("---\n")
		}
		fmt.Fprintf(&b, "kind: %s\n", o.ObjectKind())
		if err := writeFields(&b, reflect.ValueOf(o).Elem(), model.Fields(o.ObjectKind()), ""); err != nil {
			return nil, fmt.Errorf("%s %s: %w", o.ObjectKind(), o.ObjectID(), err)
		}
	}
	return b.Bytes(), nil
}

// writeFields writes the properties that are set; every line but the first starts with
// the indent.
func writeFields(b *bytes.Buffer, v reflect.Value, infos []model.FieldInfo, indent string) error {
	first := true
	for _, f := range infos {
		value := v.Field(f.Index)
		if value.IsZero() {
			continue
		}
		if !first {
			b.WriteString(indent)
		}
		first = false
		b.WriteString(f.Name + ":")
		if value.Kind() == reflect.Slice {
			if err := writeList(b, value, f, indent); err != nil {
				return err
			}
			continue
		}
		text, err := scalarText(value)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		b.WriteString(" " + text + "\n")
	}
	if first {
		b.WriteString("{}\n")
	}
	return nil
}

func writeList(b *bytes.Buffer, list reflect.Value, f model.FieldInfo, indent string) error {
	if list.Len() == 0 {
		b.WriteString(" []\n")
		return nil
	}
	b.WriteByte('\n')
	indent += "  "
	for i := range list.Len() {
		b.WriteString(indent + "- ")
		if infos, _ := f.ItemFields(); infos != nil {
			if err := writeFields(b, list.Index(i), infos, indent+"  "); err != nil {
				return err
			}
			continue
		}
		text, err := scalarText(list.Index(i))
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		b.WriteString(text + "\n")
	}
	return nil
}

func scalarText(v reflect.Value) (string, error) {
	switch x := v.Interface().(type) {
	case netip.Addr:
		return quote(x.String()), nil
	case netip.Prefix:
		return quote(x.String()), nil
	}
	// fieldType knows these kinds
	switch v.Kind() {
	case reflect.String:
		return quote(v.String()), nil
	case reflect.Int:
		return strconv.FormatInt(v.Int(), 10), nil
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), nil
	}
	return "", fmt.Errorf("a value of type %s cannot be written", v.Type())
}

// plainForm matches text that YAML reads as a string, number or address without quotes
// in any context.
var plainForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_./ -]*[A-Za-z0-9_./-])?$`)

// quote writes a string as YAML. Double quotes are JSON's, which YAML reads; colons are
// unquoted in addresses only.
func quote(s string) string {
	if plainForm.MatchString(s) {
		switch strings.ToLower(s) {
		case "null", "true", "false", "yes", "no", "on", "off", "y", "n":
		default:
			return s
		}
	}
	if _, err := netip.ParseAddr(s); err == nil && !strings.HasPrefix(s, ":") && !strings.HasSuffix(s, ":") {
		return s
	}
	if p, err := netip.ParsePrefix(s); err == nil && !strings.HasPrefix(p.String(), ":") {
		return s
	}
	return doubleQuote(s)
}

// doubleQuote writes a YAML double-quoted string (YAML 1.2 section 7.3.1).
func doubleQuote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case !line.Is(string(r)) && r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		case !line.Is(string(r)):
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
