package access

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
)

// cheap lets tests hash often.
var cheap = cost{passes: 1, memory: 8, lanes: 1}

func TestPasswordHash(t *testing.T) {
	a, err := newPHC("correct horse", cheap)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := newPHC("correct horse", cheap)
	if a.String() == b.String() {
		t.Error("two hashes of one password are equal: no salt")
	}
	read, err := parsePHC(a.String())
	if err != nil || !read.matches("correct horse") || read.matches("correct horsf") || read.matches("") {
		t.Errorf("%s: %v", a, err)
	}
	// As any other implementation of the format writes it.
	want := argon2.IDKey([]byte("pw"), []byte("saltsalt"), 2, 1024, 1, 16)
	p := phc{cost{2, 1024, 1}, []byte("saltsalt"), want}
	if s := p.String(); !strings.HasPrefix(s, "$argon2id$v=19$m=1024,t=2,p=1$c2FsdHNhbHQ$") {
		t.Error(s)
	}
	if !p.matches("pw") {
		t.Error("a hash of the library does not match")
	}
}

func TestDamagedHashes(t *testing.T) {
	good := phc{cheap, make([]byte, 16), make([]byte, 32)}.String()
	if _, err := parsePHC(good); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		"", "$", good + "$", good[1:], strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=8", "m=8000000", 1), strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "t=1", "t=99", 1),
		strings.Replace(good, "p=1", "p=300", 1), strings.Replace(good, "p=1", "p=1,x", 1), strings.Replace(good, "m=8", "m= 8", 1),
		strings.Replace(good, "AAAA", "AA=A", 1), "$argon2id$v=19$m=8,t=1,p=1$$",
	} {
		if _, err := parsePHC(s); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func FuzzPHC(f *testing.F) {
	f.Add(phc{cheap, make([]byte, 16), make([]byte, 32)}.String())
	f.Add(phc{recommended, make([]byte, 8), make([]byte, 16)}.String())
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA")
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := parsePHC(s); err == nil && p.String() != s {
			t.Errorf("%q was read as %q", s, p)
		}
	})
}

// No more than a few hash at once, and no more than so many wait.
func TestHasherIsBounded(t *testing.T) {
	h := newHasher(cheap)
	ctx, cancel := context.WithCancel(t.Context())
	for range maxHashing {
		if err := h.acquire(ctx, "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	errs := make(chan error)
	for range maxWaitingEach + 1 {
		go func() { errs <- h.acquire(ctx, "192.0.2.1") }()
	}
	if err := <-errs; !errors.Is(err, ErrThrottled) {
		t.Errorf("one too many of one address: %v", err)
	}
	for i := range maxWaiting - maxWaitingEach + 1 {
		go func() { errs <- h.acquire(ctx, fmt.Sprintf("198.51.100.%d", i%100)) }()
	}
	if err := <-errs; !errors.Is(err, ErrThrottled) {
		t.Errorf("one too many: %v", err)
	}
	h.release()
	if err := <-errs; err != nil {
		t.Errorf("the next in turn: %v", err)
	}
	cancel()
	for range maxWaiting - 1 {
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("a request that ended: %v", err)
		}
	}
}
