package manifest

import (
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// ParseValue parses the value of a property as written on a command line: `viaduct set
// zone z mtu=1400 peers=192.0.2.1,192.0.2.2`. Lists may also be written as in a
// manifest, "[...]". The result has the type of the model's field: string, int, bool,
// netip.Addr, netip.Prefix or a slice.
func ParseValue(f model.FieldInfo, text string) (any, error) {
	n := &node{text: text, quoted: true}
	if f.Go.Kind() == reflect.Slice && isYAML(text) {
		src := &source{name: f.Name, lines: strings.Split(text, "\n")}
		tree, err := (&document{src: src, first: 1, text: text}).parse()
		if err != nil {
			return nil, Errors{err}
		}
		if tree == nil {
			tree = &node{kind: listNode}
		}
		n = tree
	}
	if f.Type == model.FieldUnknown {
		return nil, fmt.Errorf("%s: cannot be set", f.Name)
	}
	into := reflect.New(goType(f)).Elem()
	r := &reader{doc: &document{src: &source{name: f.Name}, first: 1}}
	r.value(into, f, f.Name, n)
	if len(r.errs) > 0 {
		// A position within one argument is not useful: only the messages are kept.
		msgs := make([]string, len(r.errs))
		for i, e := range r.errs {
			msgs[i] = e.Message
		}
		return nil, fmt.Errorf("%s", strings.Join(msgs, "; "))
	}
	return into.Interface(), nil
}

// isYAML reports whether a list is written as in a manifest, in brackets or as lines
// that begin with "- ", and not with commas.
func isYAML(text string) bool {
	text = strings.TrimSpace(text)
	return strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{") || strings.HasPrefix(text, "- ")
}

// goType is the type that ParseValue returns: the field's own type, but plain text for
// fields with a string type of their own.
func goType(f model.FieldInfo) reflect.Type {
	if f.Type == model.FieldText {
		return reflect.TypeFor[string]()
	}
	return f.Go
}

// parseInt parses a decimal integer. Leading zeros are refused: YAML 1.1 reads 010 as 8,
// which nobody intends.
func parseInt(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || strings.HasPrefix(s, "+") || strings.TrimLeft(s, "-") != "0" && strings.HasPrefix(strings.TrimLeft(s, "-"), "0") {
		return 0, fmt.Errorf("expected a whole number, got %q", clip(s))
	}
	return n, nil
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "1", "on", "yes", "true":
		return true, nil
	case "0", "off", "no", "false":
		return false, nil
	}
	return false, fmt.Errorf("expected true or false, got %q", clip(s))
}

func parseAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err == nil {
		return a, nil
	}
	if p, perr := netip.ParsePrefix(s); perr == nil {
		return a, fmt.Errorf("expected an IP address without a mask: %s, not %s", p.Addr(), p)
	}
	return a, fmt.Errorf("expected an IP address like 192.0.2.1 or 2001:db8::1, got %q", clip(s))
}

func parsePrefix(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err == nil {
		return p, nil
	}
	if a, aerr := netip.ParseAddr(s); aerr == nil {
		return p, fmt.Errorf("expected a network with its mask, like %s/24, got %q", a, s)
	}
	return p, fmt.Errorf("expected a network like 10.0.1.0/24 or fd00:1::/64, got %q", clip(s))
}

// splitList splits a list in one string as the Proxmox API does.
func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(separators, r) })
}

// parseRange parses "A-B", or in the form of the Proxmox API
// "start-address=A,end-address=B".
func parseRange(s string) (model.Range, error) {
	var out model.Range
	if first, last, ok := strings.Cut(s, "-"); ok && !strings.Contains(s, "=") {
		var err error
		if out.Start, err = parseAddr(strings.TrimSpace(first)); err != nil {
			return out, fmt.Errorf("first address: %w", err)
		}
		if out.End, err = parseAddr(strings.TrimSpace(last)); err != nil {
			return out, fmt.Errorf("last address: %w", err)
		}
		return out, nil
	}
	for _, part := range splitList(s) {
		name, value, ok := strings.Cut(part, "=")
		into := map[string]*netip.Addr{"start-address": &out.Start, "end-address": &out.End}[name]
		if !ok || into == nil {
			return out, fmt.Errorf("%s, got %q", rangeForm, clip(s))
		}
		a, err := parseAddr(value)
		if err != nil {
			return out, fmt.Errorf("%s: %w", name, err)
		}
		*into = a
	}
	if !out.Start.IsValid() || !out.End.IsValid() {
		return out, fmt.Errorf("%s, got %q", rangeForm, clip(s))
	}
	return out, nil
}

const rangeForm = "expected a range of addresses, A-B or start-address=A,end-address=B"
