package model

// Secret is a text that must not be printed. Only its JSON form has it.
type Secret string

// hidden stands for a secret wherever one is printed.
const hidden = "(secret)"

// String is not the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString is not the secret.
func (s Secret) GoString() string { return s.String() }

// WithoutSecrets returns a copy of an object without its secrets, or the object itself
// if it has none.
func WithoutSecrets(o Object) Object {
	switch o := o.(type) {
	case *IPAM:
		if o.Token != "" {
			n := *o
			n.Token = ""
			return &n
		}
	case *NameServer:
		if o.Key != "" {
			n := *o
			n.Key = ""
			return &n
		}
	}
	return o
}
