package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/argon2"
)

// Limits of a password, in bytes.
const (
	MinPassword = 8
	MaxPassword = 64
)

// cost is the cost of a hash: passes, memory in KiB, and lanes.
type cost struct {
	passes, memory uint32
	lanes          uint8
}

// recommended is the second of the two choices that RFC 9106, section 4,
// recommends: 64 MiB.
var recommended = cost{passes: 3, memory: 64 << 10, lanes: 4}

const (
	saltSize = 16 // bytes
	hashSize = 32 // bytes
)

// phc is a hashed password, in the PHC string format:
// $argon2id$v=19$m=65536,t=3,p=4$<salt>$<hash>.
type phc struct {
	cost
	salt, hash []byte
}

// newPHC hashes a password with a new salt.
func newPHC(password string, c cost) (phc, error) {
	p := phc{cost: c, salt: make([]byte, saltSize)}
	if _, err := rand.Read(p.salt); err != nil {
		return phc{}, err
	}
	p.hash = p.derive(password, hashSize)
	return p, nil
}

func (p phc) derive(password string, size uint32) []byte {
	return argon2.IDKey([]byte(password), p.salt, p.passes, p.memory, p.lanes, size)
}

// matches needs the same time for a wrong password as for the right one.
func (p phc) matches(password string) bool {
	return subtle.ConstantTimeCompare(p.derive(password, uint32(len(p.hash))), p.hash) == 1
}

func (p phc) String() string {
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.passes, p.lanes,
		enc.EncodeToString(p.salt), enc.EncodeToString(p.hash))
}

// parsePHC reads a hashed password. It rejects parameters that no version of the server
// ever wrote: they could exhaust the memory.
func parsePHC(s string) (phc, error) {
	var p phc
	damaged := fmt.Errorf("hashed password is %w: it is not an argon2id hash in the PHC string format", ErrInvalid)
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, damaged
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.lanes); n != 3 || err != nil {
		return phc{}, damaged
	}
	const mostMemory, mostPasses, mostLanes = 256 << 10, 16, 16
	if p.memory < 8 || p.memory > mostMemory || p.passes < 1 || p.passes > mostPasses || p.lanes < 1 || p.lanes > mostLanes {
		return phc{}, damaged
	}
	enc := base64.RawStdEncoding.Strict()
	var err error
	if p.salt, err = enc.DecodeString(parts[4]); err != nil {
		return phc{}, damaged
	}
	if p.hash, err = enc.DecodeString(parts[5]); err != nil {
		return phc{}, damaged
	}
	if len(p.salt) < 8 || len(p.salt) > 64 || len(p.hash) < 16 || len(p.hash) > 64 || p.String() != s {
		return phc{}, damaged
	}
	return p, nil
}

func checkPassword(user, password string) error {
	if len(password) < MinPassword || len(password) > MaxPassword {
		return fmt.Errorf("user %s: a password of %d bytes is %w: it must have at least %d and at most %d",
			user, len(password), ErrInvalid, MinPassword, MaxPassword)
	}
	return nil
}

// Hashing is bounded: each needs memory and a processor.
const (
	maxHashing = 2
	maxWaiting = 512
	// maxWaitingEach is how many of those that wait may come from one network.
	maxWaitingEach = 128
)

// hasher hashes passwords, a few at a time.
type hasher struct {
	cost  cost
	decoy phc // compared with when the user has no password
	slots chan struct{}

	mu      sync.Mutex
	waiting int
	queued  map[string]int // by network
}

func newHasher(c cost) *hasher {
	h := &hasher{cost: c, slots: make(chan struct{}, maxHashing), queued: make(map[string]int)}
	// No password leads to this hash, and computing with it needs the same time.
	h.decoy = phc{cost: c, salt: make([]byte, saltSize), hash: make([]byte, hashSize)}
	return h
}

// acquire waits for a slot, which the caller gives back with release. With too many
// waiting, in total or from the same network, it fails at once.
func (h *hasher) acquire(ctx context.Context, from string) error {
	where := network(from)
	if !h.enqueue(where, 1) {
		return &ThrottledError{Wait: time.Second}
	}
	defer h.enqueue(where, -1)
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// enqueue counts one more that waits, or with -1 one less; it returns false beyond the
// limits.
func (h *hasher) enqueue(where string, n int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n > 0 && (h.waiting >= maxWaiting || h.queued[where] >= maxWaitingEach) {
		return false
	}
	h.waiting += n
	if h.queued[where] += n; h.queued[where] == 0 {
		delete(h.queued, where)
	}
	return true
}

func (h *hasher) release() { <-h.slots }
