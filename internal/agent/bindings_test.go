package agent

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// Whatever news come, the list is what they come to, sorted, and one that was given out
// stays as it was.
func TestBindingsList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, want := newBindings(), map[string]string{}
		mac := rapid.Map(rapid.IntRange(0, 200), func(i int) string { return fmt.Sprintf("BC:24:11:00:00:%02X", i) })
		for step := range rapid.IntRange(1, 8).Draw(t, "steps") {
			news := &protocol.Bindings{All: rapid.IntRange(0, 5).Draw(t, "all") == 0}
			if news.All {
				clear(want)
			}
			used := map[string]bool{}
			for _, m := range rapid.SliceOfNDistinct(mac, 0, 150, rapid.ID).Draw(t, "put") {
				one := &model.Binding{Zone: "z", MAC: m, Name: fmt.Sprint(step)}
				news.Put = append(news.Put, one)
				want[one.ID()], used[one.ID()] = one.Name, true
			}
			for _, m := range rapid.SliceOfDistinct(mac, rapid.ID).Draw(t, "gone") {
				if id := (&model.Binding{Zone: "z", MAC: m}).ID(); !used[id] && !news.All {
					news.Gone = append(news.Gone, id)
					delete(want, id)
				}
			}
			before := b.list()
			kept := slices.Clone(before)
			b.apply(news)
			if !slices.Equal(before, kept) {
				t.Fatal("a list that was given out was changed")
			}
			got := b.list()
			if !slices.IsSortedFunc(got, func(a, b *model.Binding) int {
				if a.ID() < b.ID() {
					return -1
				}
				return 1
			}) || len(got) != len(want) {
				t.Fatalf("%d of %d, sorted or not", len(got), len(want))
			}
			for _, one := range got {
				if want[one.ID()] != one.Name {
					t.Fatalf("%s is of step %s, not %s", one.ID(), one.Name, want[one.ID()])
				}
			}
		}
	})
}
