package manifest

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// splitItems reads a list of structures from one string, in the format of diffs and of
// the Proxmox API: "id=net0 vnet=blue, id=net1 vnet=red", "name=eth1,ip=10.0.0.1/31",
// "10.0.1.10-10.0.1.20". Commas, semicolons and white space separate alike; a property
// that the item already has begins the next item; text with separators in it is in
// double quotes.
func splitItems(f model.FieldInfo, n *node) ([]*node, error) {
	words, err := tokenize(n.text)
	if err != nil {
		return nil, err
	}
	infos, owner := f.ItemFields()
	s := itemSplitter{infos: infos, bare: f.Items.Bare, pos: n.pos, ranges: f.Type == model.FieldRanges}
	for _, t := range words {
		if err := s.add(t, owner); err != nil {
			return nil, err
		}
	}
	return s.items, nil
}

// itemSplitter collects tokens into items.
type itemSplitter struct {
	infos  []model.FieldInfo
	bare   string
	ranges bool
	pos    Position
	items  []*node
}

func (s *itemSplitter) add(t word, owner string) error {
	key := strings.ReplaceAll(t.key, "_", "-")
	known := slices.ContainsFunc(s.infos, func(f model.FieldInfo) bool { return f.Name == key })
	last := s.last()
	switch {
	case t.key != "" && known:
		s.property(key, t.value)
	case t.key == "" && s.ranges:
		s.items = append(s.items, &node{kind: scalarNode, pos: s.pos, text: t.value})
	case t.key == "" && s.bare != "":
		s.items = append(s.items, s.mapOf(s.bare, t.value))
	case last == nil:
		return fmt.Errorf("expected the properties of a %s, like %s=VALUE, got %q", owner, s.infos[0].Name, clip(t.text()))
	case s.isList(last.key):
		s.extend(last, t.text())
	case t.key == "":
		last.value.text += "," + t.value // text such as ports: dport=80,443
	default:
		s.property(t.key, t.value) // refused with its name when the item is read
	}
	return nil
}

// property sets a property of the current item, or of a new one if the current has it.
func (s *itemSplitter) property(key, value string) {
	if len(s.items) > 0 {
		item := s.items[len(s.items)-1]
		if item.kind == mapNode && !slices.ContainsFunc(item.entries, func(e entry) bool { return e.key == key }) {
			item.entries = append(item.entries, s.entryOf(key, value))
			return
		}
	}
	s.items = append(s.items, s.mapOf(key, value))
}

func (s *itemSplitter) mapOf(key, value string) *node {
	return &node{kind: mapNode, pos: s.pos, entries: []entry{s.entryOf(key, value)}}
}

func (s *itemSplitter) entryOf(key, value string) entry {
	return entry{key: key, pos: s.pos, value: &node{kind: scalarNode, pos: s.pos, text: value}}
}

// last is the property that was set last, nil if none was.
func (s *itemSplitter) last() *entry {
	if len(s.items) == 0 || len(s.items[len(s.items)-1].entries) == 0 {
		return nil
	}
	entries := s.items[len(s.items)-1].entries
	return &entries[len(entries)-1]
}

func (s *itemSplitter) isList(key string) bool {
	i := slices.IndexFunc(s.infos, func(f model.FieldInfo) bool { return f.Name == key })
	return i >= 0 && s.infos[i].Go.Kind() == reflect.Slice
}

// extend adds a member to a property that is a list.
func (s *itemSplitter) extend(e *entry, text string) {
	if e.value.kind == scalarNode {
		e.value = &node{kind: listNode, pos: s.pos, items: []*node{e.value}}
	}
	e.value.items = append(e.value.items, &node{kind: scalarNode, pos: s.pos, text: text})
}

// word is one word of a list: "key=value", or a value alone.
type word struct{ key, value string }

func (t word) text() string {
	if t.key == "" {
		return t.value
	}
	return t.key + "=" + t.value
}

// tokenize splits words at commas, semicolons and white space outside double quotes, and
// removes the quotes.
func tokenize(s string) ([]word, error) {
	var out []word
	for len(s) > 0 {
		if n := len(s) - len(strings.TrimLeft(s, separators)); n > 0 {
			s = s[n:]
			continue
		}
		var t word
		if end := strings.IndexAny(s, "="+separators+`"`); end > 0 && s[end] == '=' {
			t.key, s = s[:end], s[end+1:]
		}
		if strings.HasPrefix(s, `"`) {
			quoted, err := strconv.QuotedPrefix(s)
			if err != nil {
				return nil, fmt.Errorf("the text that begins with %s has no closing quote", clip(s))
			}
			if t.value, err = strconv.Unquote(quoted); err != nil {
				return nil, fmt.Errorf("%s is not a quoted text: %w", clip(quoted), err)
			}
			s = s[len(quoted):]
		} else {
			end := strings.IndexAny(s, separators)
			if end < 0 {
				end = len(s)
			}
			t.value, s = s[:end], s[end:]
		}
		out = append(out, t)
	}
	return out, nil
}

// separators separate the words of a list in one string.
const separators = ",; \t\r\n\x00"
