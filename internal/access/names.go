package access

import (
	"fmt"
	"net/mail"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/viaduct-sdn/viaduct/internal/line"
)

// RootUser always exists, can do everything, and can neither be deleted nor
// disabled.
const RootUser = "root@pam"

// Limits of what is stored, in bytes.
const (
	maxUser    = 64
	maxName    = 64 // of groups, roles and tokens
	maxText    = 1024
	maxPath    = 512
	maxTokenID = maxUser + 1 + maxName
)

// Identity is the authenticated sender of a request.
type Identity struct {
	// User is "name@realm".
	User string
	// Token is the name of the API token in use, without the user's; empty for the user in
	// person.
	Token string
}

// String is the author in history and audit: "root@pam", "root@pam!ci".
func (i Identity) String() string {
	if i.Token == "" {
		return i.User
	}
	return i.User + "!" + i.Token
}

// ParseUser checks that s is "name@realm", and splits it.
func ParseUser(s string) (name, realm string, err error) {
	if len(s) > maxUser {
		return "", "", invalid("", "user", s, fmt.Sprintf("must have at most %d bytes", maxUser))
	}
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return "", "", invalid("", "user", s, "must be name@pam or name@pve")
	}
	name, realm = s[:at], s[at+1:]
	if realm != "pam" && realm != "pve" {
		return "", "", invalid("user "+strconv.Quote(s), "realm", realm, "must be pam or pve, as in name@pve")
	}
	if name == "" {
		return "", "", invalid("", "user", s, "must have a name before @"+realm)
	}
	if !utf8.ValidString(name) || strings.ContainsFunc(name, notInUser) {
		return "", "", invalid("", "user", s, `must be without spaces, control characters, and any of : / ! , ;`)
	}
	return name, realm, nil
}

// notInUser matches what would be ambiguous in a ticket, a token or a list.
func notInUser(r rune) bool {
	return !unicode.IsPrint(r) || r == ' ' || strings.ContainsRune(":/!,;", r)
}

// ParseTokenID checks that s is "name@realm!token", and splits it.
func ParseTokenID(s string) (user, name string, err error) {
	user, name, ok := strings.Cut(s, "!")
	if !ok {
		return "", "", invalid("", "token", s, "must be user@realm!token")
	}
	if _, _, err := ParseUser(user); err != nil {
		return "", "", err
	}
	if len(name) < 2 || !isName(name, maxName) || !isLetter(name[0]) {
		return "", "", invalid("token of "+user, "name", name,
			fmt.Sprintf("must be two or more letters, digits, dots, hyphens and underscores, the first a letter, and at most %d", maxName))
	}
	return user, name, nil
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// isName reports whether s is a valid name of a group or role.
func isName(s string, longest int) bool {
	if s == "" || len(s) > longest {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// ParsePath checks the path of a permission and returns its stored form: with a leading
// slash, and without empty parts.
func ParsePath(s string) (string, error) {
	if canonical(s) {
		return s, nil
	}
	if len(s) > maxPath {
		return "", invalid("", "path", s, fmt.Sprintf("must have at most %d bytes", maxPath))
	}
	var b strings.Builder
	for part := range strings.SplitSeq(s, "/") {
		if part != "" {
			b.WriteString("/" + part)
		}
	}
	if b.Len() == 0 {
		b.WriteByte('/')
	}
	path := b.String()
	if s == "" || !canonical(path) {
		return "", invalid("", "path", s, "must be like /sdn/zones/ZONE, of letters, digits and . - _ : @ between slashes")
	}
	return path, nil
}

// canonical reports whether a path is valid and in canonical form.
func canonical(s string) bool {
	if s == "/" {
		return true
	}
	if len(s) < 2 || len(s) > maxPath || s[0] != '/' {
		return false
	}
	part := 1 // start of the part
	for i := 1; i <= len(s); i++ {
		if i == len(s) || s[i] == '/' {
			if p := s[part:i]; p == "" || p == "." || p == ".." {
				return false
			}
			part = i + 1
			continue
		}
		if c := s[i]; !isLetter(c) && (c < '0' || c > ':') && c != '.' && c != '-' && c != '_' && c != '@' {
			return false
		}
	}
	return true
}

// checkText checks a line of user input.
func checkText(object, field, s string) error {
	if len(s) > maxText {
		return invalid(object, field, s, fmt.Sprintf("must have at most %d bytes", maxText))
	}
	if !line.Is(s) {
		return invalid(object, field, s, "must be one line of printable characters; remove line breaks and other control characters")
	}
	return nil
}

func checkEmail(object, s string) error {
	if s == "" {
		return nil
	}
	if a, err := mail.ParseAddress(s); len(s) > 254 || err != nil || a.Address != s {
		return invalid(object, "email", s, "must be name@domain, at most 254 bytes")
	}
	return nil
}

func checkExpire(object string, expire int64) error {
	if expire < 0 {
		return invalid(object, "expire", fmt.Sprint(expire), "must be a time in seconds since 1970, or 0 for never")
	}
	return nil
}
