package nft

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
)

// isDynamic reports whether a table has dynamic sets. Such a table is listed
// without the elements of any set, so all of its sets must be dynamic.
func isDynamic(t desired.Table) bool {
	return slices.ContainsFunc(t.Sets, func(s desired.Set) bool { return s.Dynamic })
}

// withoutElements returns a table without the elements of its dynamic sets.
func withoutElements(t desired.Table) desired.Table {
	if !isDynamic(t) {
		return t
	}
	t.Sets = slices.Clone(t.Sets)
	for i := range t.Sets {
		if t.Sets[i].Dynamic {
			t.Sets[i].Elements = nil
		}
	}
	return t
}

// setElements brings the elements of the dynamic sets of an existing table into the
// wanted state.
func (d *Driver) setElements(t desired.Table, dryRun bool) (driver.Result, error) {
	var result driver.Result
	if !isDynamic(t) {
		return result, nil
	}
	generation, ok := d.generation()
	if !ok {
		return result, errors.New("the kernel does not tell the generation of its nftables rules, so elements of sets cannot be changed")
	}
	remembered := d.seen.elements[tableKey(t)]
	if !d.seen.known || d.seen.generation != generation {
		remembered = nil
	}
	var changes []elementChange
	var errs []error
	now := make(map[string][]string, len(t.Sets))
	for _, s := range t.Sets {
		if !s.Dynamic {
			continue
		}
		last, known := remembered[s.Name]
		c, reported, err := d.elementChange(t, s, last, known)
		if err != nil {
			errs = append(errs, fmt.Errorf("table %s: %w", tableKey(t), err))
			continue
		}
		now[s.Name] = s.Elements
		if reported != nil {
			changes = append(changes, c)
			result.Changes = append(result.Changes, *reported)
		}
	}
	if len(changes) > 0 {
		result.Writes++
	}
	if len(changes) > 0 && !dryRun {
		d.seen.known = d.seen.known && d.seen.generation == generation
		if err := d.changeElements(generation, changes); err != nil {
			d.seen.known = false
			return driver.Result{}, errors.Join(append(errs, fmt.Errorf("table %s: %w", tableKey(t), err))...)
		}
		d.seen.generation = generation + 1
	}
	if !dryRun || len(changes) == 0 {
		d.remember(tableKey(t), now)
	}
	return result, errors.Join(errs...)
}

// remember records the elements of a table's dynamic sets.
func (d *Driver) remember(key string, elements map[string][]string) {
	if d.seen.elements == nil {
		d.seen.elements = map[string]map[string][]string{}
	}
	d.seen.elements[key] = elements
}

// elementChange computes the change of a set: against the remembered elements, or
// against the kernel's. reported is nil if nothing changes.
func (d *Driver) elementChange(t desired.Table, s desired.Set, last []string, known bool) (c elementChange, reported *diff.Change, err error) {
	c = elementChange{family: t.Family, table: t.Name, set: s.Name}
	name := tableKey(t) + " set " + s.Name
	if known {
		added, removed := difference(last, s.Elements, strings.Compare)
		if len(added)+len(removed) == 0 {
			return c, nil, nil
		}
		if c.added, err = encode(s, added); err != nil {
			return c, nil, err
		}
		if c.removed, err = encode(s, removed); err != nil {
			return c, nil, err
		}
		return c, changeOfElements(name, len(added), strings.Join(few(added), ", "), len(removed), strings.Join(few(removed), ", ")), nil
	}
	want, err := encode(s, s.Elements)
	if err != nil {
		return c, nil, err
	}
	have, err := d.dumpElements(t.Family, t.Name, s.Name)
	if err != nil {
		return c, nil, err
	}
	c.added, c.removed = difference(have, sortSegments(want), compareSegments)
	if len(c.added)+len(c.removed) == 0 {
		return c, nil, nil
	}
	return c, changeOfElements(name, len(c.added), fmt.Sprint(few(c.added)), len(c.removed), fmt.Sprint(few(c.removed))), nil
}

// changeOfElements describes how many elements a set gains and loses, with a few of
// them.
func changeOfElements(name string, added int, some string, removed int, others string) *diff.Change {
	return &diff.Change{Action: diff.Update, Type: desired.TypeRule, Name: name, Fields: []diff.Field{
		{Name: "elements", Old: fmt.Sprintf("%d that go: %s", removed, others), New: fmt.Sprintf("%d that come: %s", added, some)},
	}}
}

// few returns the first elements of a list.
func few[T any](list []T) []T { return list[:min(len(list), 3)] }

// renderRules writes the transaction that replaces the rules of a table and keeps
// its sets with their elements: they may be many. It is possible if the
// declarations of sets and base chains are unchanged.
func renderRules(from, to desired.Table) (text string, ok bool) {
	if !isDynamic(to) || !reflect.DeepEqual(from.Sets, to.Sets) || !reflect.DeepEqual(baseChains(from), baseChains(to)) {
		return "", false
	}
	s := &script{owners: map[int]string{}}
	key := tableKey(to)
	s.add("", "flush table %s", key)
	for _, c := range from.Chains {
		if !slices.ContainsFunc(to.Chains, func(now desired.Chain) bool { return now.Name == c.Name }) {
			s.add("", "delete chain %s %s", key, c.Name)
		}
	}
	s.add("", "table %s {", key)
	for _, c := range to.Chains {
		renderChain(s, c)
	}
	s.add("", "}")
	return s.b.String(), true
}

// baseChains returns the chains with a hook, without their rules.
func baseChains(t desired.Table) []desired.Chain {
	var out []desired.Chain
	for _, c := range t.Chains {
		if c.Hook != "" {
			c.Rules = nil
			out = append(out, c)
		}
	}
	return out
}
