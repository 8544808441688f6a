package model

import (
	"reflect"
	"regexp"
)

// SetOf returns the owner set of an object: the name of the set of manifests that it was last
// applied from. Applying a set with pruning deletes the objects of the set that its manifests
// no longer declare, and no others. It is empty for objects created in another way.
func SetOf(o Object) string {
	if in := setIn(o); in != nil {
		return *in
	}
	return ""
}

// SetSet sets the owner set of an object, which must be the caller's own copy.
func SetSet(o Object, name string) {
	if in := setIn(o); in != nil {
		*in = name
	}
}

func setIn(o Object) *string {
	if d := descriptorOf(o); d != nil && d.set >= 0 {
		return reflect.ValueOf(o).Elem().Field(d.set).Addr().Interface().(*string)
	}
	return nil
}

// ValidSet reports whether a name is valid for an owner set: 1 to 63 letters, digits, dots,
// hyphens and underscores, a letter or digit first.
func ValidSet(name string) bool { return setNameForm.MatchString(name) }

var setNameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// CheckSet refuses an object if its owner set has an invalid name.
func CheckSet(o Object) Problems {
	name := SetOf(o)
	if name == "" || ValidSet(name) {
		return nil
	}
	return Problems{{Severity: Error, Kind: o.ObjectKind(), ID: o.ObjectID(), Field: "set", Value: name,
		Message: "is not the name of an owner set: use 1 to 63 letters, digits, dots, hyphens and underscores, a letter or digit first"}}
}
