package schema

import (
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Form is the form of a property's values.
type Form string

// The forms. Lists are one text whose items stand apart by commas, semicolons or
// blanks; arrays are several values.
const (
	Text    Form = "string"
	Integer Form = "integer"
	Boolean Form = "boolean"
	List    Form = "list"
	Array   Form = "array"
)

// Property describes one property of a kind of object.
type Property struct {
	Name string
	Form Form
	// Field is the property of the model's object; empty means it has the same
	// name.
	Field string
	// Types says by the type of the object whether it takes the property: 'r' for
	// required, 'o' for optional. Nil means every type takes it, as Need says.
	Types map[string]byte
	// Need is 'r' for a property that every request to create must have.
	Need byte
	// Min and Max bound integers; Max is 0 for none.
	Min, Max int64
	// MaxLength bounds texts, in characters; 0 for none.
	MaxLength int
	// Enum are the only values.
	Enum []string
	// Check refuses a value of the right form: it returns what is wrong, as
	// Proxmox says it. Of a list or an array it gets each item.
	Check func(item string) string
	// Unordered lists say the same in any order, and are written sorted.
	Unordered bool
	// Names says that the items of an array are names, which may stand apart by commas
	// in one value as those of a list.
	Names bool
	// Doc describes the property.
	Doc string
}

// field is the model's name of the property.
func (p *Property) field() string {
	if p.Field != "" {
		return p.Field
	}
	return p.Name
}

// Kind describes a kind of object.
type Kind struct {
	Model model.Kind
	// ID is the property that is the object's name.
	ID string
	// Noun is what Proxmox calls an object in texts: "zone".
	Noun string
	// Types are the values of the property type; a kind with none has no types.
	Types []string
	// Properties are all but the ID and the type.
	Properties []Property
}

// Property finds a property, or returns nil.
func (k *Kind) Property(name string) *Property {
	i := slices.IndexFunc(k.Properties, func(p Property) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &k.Properties[i]
}

// Takes tells how objects of a type take the property: 'r', 'o', or 0 for not at
// all.
func (p *Property) Takes(typ string) byte {
	if p.Types == nil {
		if p.Need != 0 {
			return p.Need
		}
		return 'o'
	}
	return p.Types[typ]
}
