package revision

import (
	"fmt"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Objects of every kind that live objects may refer to are those of both configurations, and
// the first one's where both have one. Neither changes.
func TestUnion(t *testing.T) {
	for _, k := range model.Kinds() {
		if !k.Revisioned() {
			continue
		}
		first, second := &model.Config{}, &model.Config{}
		objects := map[string]model.Object{}
		for i, c := range []*model.Config{first, first, second, second} {
			id := []string{"a", "b", "b", "c"}[i]
			o, err := model.Decode(k, fmt.Appendf(nil, `{"id":%q}`, id))
			if err != nil {
				t.Fatal(err)
			}
			c.Set(o)
			if objects[id] == nil {
				objects[id] = o
			}
		}
		got := union(first, second)
		for id, want := range objects {
			if o := got.Get(k, id); o != want {
				t.Errorf("%s %s: %v", k, id, o)
			}
		}
		if got.Len() != 3 || first.Len() != 2 || second.Len() != 2 {
			t.Errorf("%s: %d of %d and %d objects", k, got.Len(), first.Len(), second.Len())
		}
	}
}
