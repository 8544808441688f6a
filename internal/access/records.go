package access

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Keys of the store. What follows a prefix is the name of the object.
const (
	prefix       = "access/"
	prefixUser   = prefix + "user/"
	prefixGroup  = prefix + "group/"
	prefixRole   = prefix + "role/"
	prefixToken  = prefix + "token/"
	prefixACL    = prefix + "acl" // a path follows, with its slash
	keySecret    = prefix + "secret"
	keyEveryTime = prefix + "changed" // written by every change, which demands it to be unchanged
)

// The values of keys, in JSON. Names are in the keys.
type (
	userDoc struct {
		Enable    bool   `json:"enable"`
		Expire    int64  `json:"expire,omitempty"`
		Comment   string `json:"comment,omitempty"`
		Email     string `json:"email,omitempty"`
		FirstName string `json:"firstname,omitempty"`
		LastName  string `json:"lastname,omitempty"`
		// Password is the hash, in the PHC string format; empty for none.
		Password string `json:"password,omitempty"`
		// Epoch is random and changes with the password: tickets of another epoch are
		// invalid.
		Epoch string `json:"epoch"`
		// Link admits the user once, without the password.
		Link *linkDoc `json:"link,omitempty"`
	}
	linkDoc struct {
		// Hash is the SHA-256 of the secret; Expires is in seconds since 1970.
		Hash    []byte `json:"hash"`
		Expires int64  `json:"expires"`
	}
	groupDoc struct {
		Comment string   `json:"comment,omitempty"`
		Members []string `json:"members,omitempty"` // sorted
	}
	roleDoc struct {
		Privileges []Privilege `json:"privileges"` // sorted
	}
	tokenDoc struct {
		// Hash is the SHA-256 of the secret.
		Hash    []byte `json:"hash"`
		Expire  int64  `json:"expire,omitempty"`
		Comment string `json:"comment,omitempty"`
		Privsep bool   `json:"privsep"`
	}
	// aclDoc are the entries of one path.
	aclDoc    []aclEntryDoc
	secretDoc struct {
		Secret []byte `json:"secret"`
	}
	// changedDoc is the value of keyEveryTime: only its revision matters.
	changedDoc struct{}
)

// aclEntryDoc is one entry of a path, sorted by type, subject and role.
type aclEntryDoc struct {
	Type      SubjectType `json:"type"`
	Subject   string      `json:"subject"`
	Role      string      `json:"role"`
	Propagate bool        `json:"propagate"`
}

// decode reads a record into one of the types above.
func decode(r store.Record) (any, error) {
	var doc any
	switch key := r.Key; {
	case strings.HasPrefix(key, prefixUser):
		doc = &userDoc{}
	case strings.HasPrefix(key, prefixGroup):
		doc = &groupDoc{}
	case strings.HasPrefix(key, prefixRole):
		doc = &roleDoc{}
	case strings.HasPrefix(key, prefixToken):
		doc = &tokenDoc{}
	case strings.HasPrefix(key, prefixACL+"/"):
		doc = &aclDoc{}
	case key == keySecret:
		doc = &secretDoc{}
	case key == keyEveryTime:
		doc = &changedDoc{}
	default:
		return nil, fmt.Errorf("stored value %s is of no kind that this release knows", key)
	}
	if err := json.Unmarshal(r.Value, doc); err != nil {
		return nil, fmt.Errorf("stored value %s is damaged: %w", r.Key, err)
	}
	return doc, nil
}

// put is the write of a document.
func put(key string, doc any) (store.Op, error) {
	b, err := json.Marshal(doc)
	return store.Put(key, b), err
}
