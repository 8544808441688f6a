package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// TicketLife is how long a ticket is valid, and the CSRF token made with it.
const TicketLife = 2 * time.Hour

// skew is the maximum difference between the clocks of servers that share a store.
const skew = 5 * time.Minute

// keySize is the size of the secret that tickets are signed with, in bytes.
const keySize = 32

// keys sign tickets and CSRF tokens. All servers of a cluster have the same.
type keys struct{ ticket, csrf []byte }

func newSecret() ([]byte, error) {
	b := make([]byte, keySize)
	_, err := rand.Read(b)
	return b, err
}

// deriveKeys makes a key for each purpose, so that nothing signed for one is valid for the
// other.
func deriveKeys(secret []byte) keys {
	return keys{ticket: mac(secret, "viaduct ticket"), csrf: mac(secret, "viaduct csrf")}
}

// mac authenticates texts, which must not contain a NUL.
func mac(key []byte, texts ...string) []byte {
	h := hmac.New(sha256.New, key)
	for _, t := range texts {
		h.Write([]byte(t))
		h.Write([]byte{0})
	}
	return h.Sum(nil)
}

// ticket is a parsed ticket: PVE:user@realm:HEXTIME::signature, the form that Proxmox VE's
// clients expect.
type ticket struct {
	user      string
	stamp     string
	signature []byte
}

// signTicket makes a ticket. The epoch is the user's: a ticket ends when that changes, for
// example with the password.
func (k keys) signTicket(user, epoch string, now time.Time) string {
	t := ticket{user: user, stamp: stamp(now)}
	return t.text() + "::" + base64.StdEncoding.EncodeToString(mac(k.ticket, t.text(), epoch))
}

func (t ticket) text() string { return "PVE:" + t.user + ":" + t.stamp }

// parseTicket reads a ticket without verifying it.
func parseTicket(s string) (ticket, bool) {
	const longest = 256
	parts := strings.Split(s, ":")
	if len(s) > longest || len(parts) != 5 || parts[0] != "PVE" || parts[3] != "" {
		return ticket{}, false
	}
	if _, _, err := ParseUser(parts[1]); err != nil {
		return ticket{}, false
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(parts[4])
	return ticket{parts[1], parts[2], signature}, err == nil
}

func (k keys) verifyTicket(t ticket, epoch string, now time.Time) bool {
	return hmac.Equal(t.signature, mac(k.ticket, t.text(), epoch)) && current(t.stamp, now)
}

// signCSRF makes the token that a browser's writes have to carry in addition to the
// ticket: HEXTIME:signature.
func (k keys) signCSRF(user string, now time.Time) string {
	s := stamp(now)
	return s + ":" + base64.StdEncoding.EncodeToString(mac(k.csrf, s, user))
}

func (k keys) verifyCSRF(token, user string, now time.Time) bool {
	s, signature, ok := strings.Cut(token, ":")
	if !ok || len(signature) > base64.StdEncoding.EncodedLen(sha256.Size) {
		return false
	}
	got, err := base64.StdEncoding.Strict().DecodeString(signature)
	return err == nil && hmac.Equal(got, mac(k.csrf, s, user)) && current(s, now)
}

func stamp(t time.Time) string { return fmt.Sprintf("%08X", t.Unix()) }

// current reports whether a stamp is recent enough, and not in the future.
func current(s string, now time.Time) bool {
	sec, err := strconv.ParseInt(s, 16, 64)
	if err != nil {
		return false
	}
	age := now.Sub(time.Unix(sec, 0))
	return age >= -skew && age < TicketLife
}
