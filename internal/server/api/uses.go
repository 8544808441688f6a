package api

import (
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// NewUses are the paths of what an object newly refers to, on each of which one of the
// privileges is needed. Whatever it referred to before takes nothing, so that those who
// look after an object need no more than whoever set it up. Old is nil for a new one.
func NewUses(old, new model.Object) (paths []string, anyOf []access.Privilege) {
	paths = model.Uses(new)
	if old != nil {
		before := model.Uses(old)
		paths = slices.DeleteFunc(paths, func(p string) bool { return slices.Contains(before, p) })
	}
	return paths, privileges(model.UsePrivileges())
}

// useRights are what it takes that an object refers to what it newly does.
func useRights(old, new model.Object) []right {
	paths, anyOf := NewUses(old, new)
	return convert(paths, func(path string) right { return right{path, anyOf} })
}
