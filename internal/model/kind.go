package model

import "slices"

// Kind names a kind of object, in the singular, as it is written in the
// "kind" field of a manifest.
type Kind string

// Object is one declared object: a pointer to the type that its kind's file declares.
type Object interface {
	// ObjectKind is the kind of the object.
	ObjectKind() Kind
	// ObjectID identifies the object among those of its kind.
	ObjectID() string
}

// Descriptor says all that is particular to a kind. Whatever lists kinds or looks into
// objects without knowing their type follows from the descriptors: see table in kinds.go.
type Descriptor struct {
	Kind Kind
	// Plural is the name of the kind in API paths and tables; empty means Kind with an s.
	Plural string
	// Live says that objects of the kind take effect at once and are no part of a
	// revision: where a guest runs is a fact that must not wait for an apply, nor carry
	// other people's pending edits along.
	Live bool
	// Doc says in a sentence what an object of the kind is.
	Doc string
	// TypeProperty is the property that decides which others count; empty if all do.
	TypeProperty string
	// Example is a manifest of one object. Those of all kinds fit together.
	Example string
	// Properties are the rows of all properties but the owner set, which every kind has.
	Properties []Property
	// Permissions are what reading and writing an object takes, all of them; WriteNote is
	// what the documentation has to add.
	Permissions []Permission
	WriteNote   string
	// Columns are those of the table of objects, wide ones last.
	Columns []Column
	// Complete fills in what an object to be put leaves to be worked out from the
	// configuration; nil for nothing. It writes to the object.
	Complete func(c *Config, o Object) error

	// check finds what is wrong with the objects of these IDs, which are sorted, beside
	// what their rows say; nil for nothing. Of live kinds checkLive does so for an edit.
	check     func(c *checker, ids []string)
	checkLive func(c *liveChecker, e Edit)

	// refs finds the objects that an object refers to beside those of its rows, which are
	// of some kinds.
	refs     func(o Object) []Reference
	refKinds []Kind

	// pathPart gives the parts of permissions' paths that are not just properties.
	pathPart func(o Object, name string, zoneOf ZoneOf) (part string, ok bool)

	slot slot
	// fields are the properties with the struct fields that hold them, and the places
	// of some of them among these; -1 for none.
	fields                  []FieldInfo
	typeField, set, written int
	// refersTo are the kinds that objects may refer to.
	refersTo []Kind
}

// Kinds returns every kind in dependency order: an object refers only to
// objects of kinds that stand before its own, or route maps to each other. Zones name
// address management and name servers, which are there or not whatever is pending.
func Kinds() []Kind { return kindsWhere(func(*Descriptor) bool { return true }) }

// LiveKinds returns the kinds that take effect at once, in dependency order.
func LiveKinds() []Kind { return kindsWhere(func(d *Descriptor) bool { return d.Live }) }

func kindsWhere(is func(d *Descriptor) bool) []Kind {
	out := make([]Kind, 0, len(table))
	for _, d := range table {
		if is(d) {
			out = append(out, d.Kind)
		}
	}
	return out
}

// Descriptor returns what there is to know of a kind; nil for an unknown one.
func (k Kind) Descriptor() *Descriptor { return byKind[k] }

// descriptorOf is the descriptor of an object's kind; nil for no object.
func descriptorOf(o Object) *Descriptor {
	if o == nil {
		return nil
	}
	return byKind[o.ObjectKind()]
}

// Plural is the name of the kind as it appears in API paths and in the
// command line's tables.
func (k Kind) Plural() string {
	if d := byKind[k]; d != nil && d.Plural != "" {
		return d.Plural
	}
	return string(k) + "s"
}

// Revisioned reports whether objects of the kind are part of a revision.
func (k Kind) Revisioned() bool {
	d := byKind[k]
	return d == nil || !d.Live
}

// ParseKind accepts a kind in the singular or the plural; ok is false for
// anything else.
func ParseKind(s string) (k Kind, ok bool) {
	i := slices.IndexFunc(table, func(d *Descriptor) bool { return s == string(d.Kind) || s == d.Kind.Plural() })
	if i < 0 {
		return "", false
	}
	return table[i].Kind, true
}

// Ref names an object: "zone/myzone".
func Ref(k Kind, id string) string { return string(k) + "/" + id }

// New returns an empty object of the kind, or nil for an unknown kind.
func New(k Kind) Object {
	if d := byKind[k]; d != nil {
		return d.slot.new()
	}
	return nil
}
