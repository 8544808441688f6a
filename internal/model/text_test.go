package model

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// fill sets every text below a value to text, gives every list one item, and returns the names
// of the properties that are texts or lists of texts.
func fill(v reflect.Value, infos []FieldInfo, name, text string) []string {
	var out []string
	for _, f := range infos {
		field, at := v.Field(f.Index), f.Name
		if name != "" {
			at = name + "." + f.Name
		}
		if items, _ := f.ItemFields(); items != nil {
			field.Set(reflect.MakeSlice(f.Go, 1, 1))
			out = append(out, fill(field.Index(0), items, at+"[0]", text)...)
			continue
		}
		switch f.Type {
		case FieldText:
			field.SetString(text)
			out = append(out, at)
		case FieldTexts:
			field.Set(reflect.ValueOf([]string{text}))
			out = append(out, at+"[0]")
		}
	}
	return out
}

// A certificate has several lines, and no others than those.
func TestPEMHasLines(t *testing.T) {
	l := &LoadBalancer{ID: "x", Certificate: exampleCertificate, Key: exampleKey}
	if found := CheckText(l); len(found) > 0 || WithEscapes(l) != Object(l) {
		t.Errorf("%v", found)
	}
	for _, more := range []string{"x\n", "kind: vnet\n", "\x1b[2J\n", "\r\n"} {
		bad := &LoadBalancer{ID: "x", Certificate: exampleCertificate + more}
		if found := CheckText(bad); len(found) != 1 || strings.Contains(WithEscapes(bad).(*LoadBalancer).Certificate, "\n") {
			t.Errorf("%q: %v", more, found)
		}
	}
	if found := CheckText(&LoadBalancer{ID: "x", Alias: exampleCertificate}); len(found) != 1 {
		t.Errorf("an alias of several lines: %v", found)
	}
}

func TestEveryTextIsOneLine(t *testing.T) {
	for _, k := range Kinds() {
		for _, bad := range []string{"a\n\nvnet: forged", "a\rb", "a\x1b[2J", "a\u0085b", "a\u2028b", "a\u2029b", "a\u202eb", "a\u2066b", "a\x00", "a\xff"} {
			o := New(k)
			want := fill(reflect.ValueOf(o).Elem(), Fields(k), "", bad)
			var got []string
			for _, p := range CheckText(o) {
				if p.Severity != Error || p.Lax || p.Kind != k {
					t.Errorf("%s: %+v", k, p)
				}
				if strings.ContainsAny(p.String(), "\n\r\x1b\u2028\u2029\u202e") {
					t.Errorf("%s: the message itself is no line: %q", k, p.String())
				}
				got = append(got, p.Field)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s with %q: refused %v, of %v", k, bad, got, want)
			}
			if clean := WithEscapes(o); len(CheckText(clean)) > 0 || len(CheckText(o)) != len(want) {
				t.Errorf("%s with %q: escaped it is %+v; what it was made of %+v", k, bad, clean, o)
			}
		}
		o := New(k)
		fill(reflect.ValueOf(o).Elem(), Fields(k), "", "größe 网络 می\u200cخواهم")
		if found := CheckText(o); len(found) > 0 || WithEscapes(o) != o {
			t.Errorf("%s: %v", k, found)
		}
	}
	if p := CheckText(&VNet{ID: "v1", Alias: "a\tb"}); len(p) != 1 || !p[0].Lax || p[0].Field != "alias" {
		t.Errorf("a tab, which Proxmox VE has: %+v", p)
	}
	if p := CheckText(&IPAM{ID: "nb", Token: "s3\ncr3t"}); len(p) != 1 || strings.Contains(p[0].String(), "cr3t") {
		t.Errorf("a secret: %+v", p)
	}
}
