package backup

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// filled is a store with records of all sizes.
func filled(t *testing.T) store.Store {
	t.Helper()
	st := mem.New()
	put := func(key string, value []byte) {
		if _, err := st.Txn(t.Context(), nil, []store.Op{store.Put(key, value)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 350 {
		put(fmt.Sprintf("key/%03d", i), bytes.Repeat([]byte{byte(i), 0, '\n'}, i))
	}
	put("large", bytes.Repeat([]byte("x"), 3<<20))
	put("empty", nil)
	put("question/node1/1", []byte("passing"))
	return st
}

func all(t *testing.T, st store.Store) map[string]string {
	t.Helper()
	records, _, err := st.List(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	for _, r := range records {
		out[r.Key] = string(r.Value)
	}
	return out
}

func written(t *testing.T, st store.Store) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(t.Context(), st, "1.2.3", time.Unix(1000, 0), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	st := filled(t)
	file := written(t, st)
	to := mem.New()
	info, err := Restore(t.Context(), to, bytes.NewReader(file))
	if err != nil || info.Keys != 352 || info.Version != "1.2.3" || info.Format != Format {
		t.Fatalf("%+v, %v", info, err)
	}
	want := all(t, st)
	delete(want, "question/node1/1")
	if d := cmp.Diff(want, all(t, to)); d != "" {
		t.Error(d)
	}
	if err := Unfinished(t.Context(), to); err != nil {
		t.Error(err)
	}
}

// A file that is cut off, changed in any part, or no backup is refused before anything is
// written.
func TestDamagedFiles(t *testing.T) {
	st := filled(t)
	file := written(t, st)
	plain := func() []byte {
		z, err := gzip.NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}()
	packed := func(b []byte) []byte {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		_, _ = z.Write(b)
		_ = z.Close()
		return out.Bytes()
	}
	lines := bytes.SplitAfter(plain, []byte("\n"))
	damaged := map[string][]byte{
		"empty": nil, "text": []byte("hello"), "cut": file[:len(file)-20], "cut at a line": packed(bytes.Join(lines[:len(lines)-2], nil)),
		"without a record": packed(bytes.Join(slices.Concat(lines[:5], lines[6:]), nil)), "records swapped": packed(bytes.Join(slices.Concat(lines[:5], lines[6:7], lines[5:6], lines[7:]), nil)),
		"another key": packed(bytes.Replace(plain, []byte("key/100"), []byte("key/999"), 1)), "more behind": packed(append(slices.Clone(plain), []byte("{\"key\":\"x\"}\n")...)),
		"newer": packed(bytes.Replace(plain, []byte(`"format":1`), []byte(`"format":2`), 1)), "other kind": packed(bytes.Replace(plain, []byte(kind), []byte("something"), 1)),
	}
	flipped := slices.Clone(file)
	flipped[len(flipped)/2] ^= 1
	damaged["a bit"] = flipped
	for name, b := range damaged {
		to := mem.New()
		_, err := Restore(t.Context(), to, bytes.NewReader(b))
		if err == nil || name != "newer" && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "newer" && !strings.Contains(err.Error(), "format 2") {
			t.Errorf("%s: %v", name, err)
		}
		if left := all(t, to); len(left) > 0 {
			t.Errorf("%s: %d keys were written", name, len(left))
		}
	}
}

func TestRestoreOnlyIntoEmpty(t *testing.T) {
	file := written(t, filled(t))
	to := mem.New()
	if _, err := to.Txn(t.Context(), nil, []store.Op{store.Put("config/running", []byte("x"))}); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), to, bytes.NewReader(file)); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("%v", err)
	}
	if d := cmp.Diff(map[string]string{"config/running": "x"}, all(t, to)); d != "" {
		t.Error(d)
	}
}

// cutting is a store that fails after some transactions.
type cutting struct {
	store.Store
	left int
}

var errCut = errors.New("killed")

func (c *cutting) Txn(ctx context.Context, conds []store.Cond, ops []store.Op) (int64, error) {
	if c.left--; c.left < 0 {
		return 0, errCut
	}
	return c.Store.Txn(ctx, conds, ops)
}

// A restore that is cut short after any of its transactions is known as such, and can be
// done again.
func TestRestoreCutShort(t *testing.T) {
	st := filled(t)
	file := written(t, st)
	want := all(t, st)
	delete(want, "question/node1/1")
	for after := 1; ; after++ {
		to := mem.New()
		_, err := Restore(t.Context(), &cutting{to, after}, bytes.NewReader(file))
		if err == nil {
			if after < 5 {
				t.Errorf("only %d transactions", after)
			}
			return
		}
		if !errors.Is(err, errCut) || Unfinished(t.Context(), to) == nil {
			t.Fatalf("after %d: %v", after, err)
		}
		if _, err := Restore(t.Context(), to, bytes.NewReader(file)); err != nil {
			t.Fatalf("after %d, again: %v", after, err)
		}
		if d := cmp.Diff(want, all(t, to)); d != "" {
			t.Errorf("after %d: %s", after, d)
		}
	}
}
