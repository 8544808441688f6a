package desired

// Entry is a thing in a form that can be compared with another of its type:
// what it is called, and its properties as text.
type Entry struct {
	// Key identifies the thing among those of its type; Name is what it is
	// called in a Change. They differ when the name alone is ambiguous.
	Key, Name string
	// Owner is the object that the thing comes from. Unowned is true if it is
	// not known, as for a thing read from the kernel, and not to be compared.
	Owner   string
	Unowned bool
	// Props are the properties in a fixed order; every entry of a type has the
	// same ones.
	Props []Prop
}

// Prop is one property of an Entry. Value is empty when it is not set.
type Prop struct {
	Name, Value string
	// Zero is the value that is not worth telling of a new thing ("off").
	Zero string
	// Fixed properties cannot change while the thing lives: it is replaced.
	Fixed bool
}
