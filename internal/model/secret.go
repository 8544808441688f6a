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

// LackingSecrets names the secrets that an object needs and does not have: those who may
// not read them are shown it like that.
func LackingSecrets(o Object) []string {
	switch o := o.(type) {
	case *IPAM:
		if o.Type != IPAMTypePVE && o.Token == "" {
			return []string{"token"}
		}
	case *NameServer:
		if o.Key == "" {
			return []string{"key"}
		}
	}
	return nil
}

// KeepSecrets returns a copy of an object with the secrets that it lacks and that
// another state of it has, or the object itself.
func KeepSecrets(o, old Object) Object {
	switch o := o.(type) {
	case *IPAM:
		if was, ok := old.(*IPAM); ok && was != nil && o.Token == "" && was.Type == o.Type && was.Token != "" {
			n := *o
			n.Token = was.Token
			return &n
		}
	case *NameServer:
		if was, ok := old.(*NameServer); ok && was != nil && o.Key == "" && was.Type == o.Type && was.Key != "" {
			n := *o
			n.Key = was.Key
			return &n
		}
	}
	return o
}
