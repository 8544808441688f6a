package api

import (
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// NewUses are the paths of an object's new references; one of the privileges is needed
// on each. Existing references need none, so that those who maintain an object need no
// more rights than those who set it up. Old is nil for a new object.
func NewUses(old, new model.Object) (paths []string, anyOf []access.Privilege) {
	paths = model.Uses(new)
	if old != nil {
		before := model.Uses(old)
		paths = slices.DeleteFunc(paths, func(p string) bool { return slices.Contains(before, p) })
	}
	return paths, privileges(model.UsePrivileges())
}

// useRights are the rights needed for an object's new references.
func useRights(old, new model.Object) []right {
	paths, anyOf := NewUses(old, new)
	return convert(paths, func(path string) right { return right{path, anyOf} })
}
