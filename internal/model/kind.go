package model

import "slices"

// Kind names a kind of object, in the singular, as in the "kind" field of a manifest.
type Kind string

// Object is one declared object: a pointer to the struct type in the file of its kind.
type Object interface {
	// ObjectKind is the kind of the object.
	ObjectKind() Kind
	// ObjectID identifies the object among those of its kind.
	ObjectID() string
}

// Descriptor holds everything specific to a kind. Generic code over kinds and objects is
// driven by the descriptors: see table in kinds.go.
type Descriptor struct {
	Kind Kind
	// Plural is the name of the kind in API paths and tables; empty means Kind with an s.
	Plural string
	// Live is true if objects of the kind take effect at once and are not part of a
	// revision: the node of a guest, for example, is a fact that must not wait for an
	// apply, nor apply other people's pending edits.
	Live bool
	// Doc describes an object of the kind in one sentence.
	Doc string
	// TypeProperty is the property that selects which others apply; empty if all do.
	TypeProperty string
	// Example is a manifest of one object. The examples of all kinds form one valid
	// configuration.
	Example string
	// Properties describe all properties except the owner set, which every kind has.
	Properties []Property
	// Permissions are all required to read or write an object; WriteNote is an addition
	// for the documentation.
	Permissions []Permission
	WriteNote   string
	// Columns are the columns of the table of objects, wide ones last.
	Columns []Column
	// Complete fills in an object's derived properties from the configuration before Put;
	// nil for none. It writes to the object.
	Complete func(c *Config, o Object) error

	// check validates the objects with these sorted IDs, in addition to the checks of
	// their Properties; nil for none. For live kinds checkLive does so for an edit.
	check     func(c *checker, ids []string)
	checkLive func(c *liveChecker, e Edit)

	// refs returns the references of an object, to some kinds, in addition to those of its
	// Properties.
	refs     func(o Object) []Reference
	refKinds []Kind

	// pathPart returns the parts of permission paths that are not plain properties.
	pathPart func(o Object, name string, zoneOf ZoneOf) (part string, ok bool)

	slot slot
	// fields are the properties with their struct fields, followed by the indexes of some
	// of them; -1 for none.
	fields                  []FieldInfo
	typeField, set, written int
	// refersTo are the kinds that objects may refer to.
	refersTo []Kind
}

// Kinds returns every kind in dependency order: an object refers only to objects of kinds
// before its own, except route maps to each other. Zones also name IPAMs and DNS servers,
// which are live and exist regardless of pending edits.
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

// Descriptor returns the descriptor of a kind; nil for an unknown one.
func (k Kind) Descriptor() *Descriptor { return byKind[k] }

// descriptorOf returns the descriptor of an object's kind; nil for a nil object.
func descriptorOf(o Object) *Descriptor {
	if o == nil {
		return nil
	}
	return byKind[o.ObjectKind()]
}

// Plural returns the name of the kind in API paths and in the command line's tables.
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

// Ref returns the reference to an object: "zone/myzone".
func Ref(k Kind, id string) string { return string(k) + "/" + id }

// New returns an empty object of the kind, or nil for an unknown kind.
func New(k Kind) Object {
	if d := byKind[k]; d != nil {
		return d.slot.new()
	}
	return nil
}
