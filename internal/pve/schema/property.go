package schema

import (
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Form is the form of a property's values.
type Form string

// The forms. Lists are one text with items separated by commas, semicolons or
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
	// Field is the property of the model's object; empty means the same name.
	Field string
	// Types has for each type of the object whether it has the property: 'r' for
	// required, 'o' for optional. Nil means that every type has it, with Need.
	Types map[string]byte
	// Need is 'r' for a property that every request to create must have.
	Need byte
	// Min and Max limit integers; Max is 0 for no limit.
	Min, Max int64
	// MaxLength limits texts, in characters; 0 for no limit.
	MaxLength int
	// Enum are the only valid values.
	Enum []string
	// Check refuses a value of the right form: it returns Proxmox's error. For a list or
	// an array it gets each item.
	Check func(item string) string
	// Unordered lists have the same meaning in any order, and are written sorted.
	Unordered bool
	// Names is true if the items of an array are names, which may be separated by commas
	// in one value like those of a list.
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
	// ID is the property that holds the object's name.
	ID string
	// Noun is Proxmox's term for an object in texts: "zone".
	Noun string
	// Types are the values of the property type; nil if the kind has no types.
	Types []string
	// Properties are all properties except the ID and the type.
	Properties []Property
}

// Property returns a property, or nil.
func (k *Kind) Property(name string) *Property {
	i := slices.IndexFunc(k.Properties, func(p Property) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &k.Properties[i]
}

// Takes returns whether objects of a type have the property: 'r' for required, 'o' for
// optional, or 0 for no.
func (p *Property) Takes(typ string) byte {
	if p.Types == nil {
		if p.Need != 0 {
			return p.Need
		}
		return 'o'
	}
	return p.Types[typ]
}
