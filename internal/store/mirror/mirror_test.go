package mirror_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
	"github.com/viaduct-sdn/viaduct/internal/store/mirror"
)

func text(r store.Record) (string, error) {
	if len(r.Value) == 0 {
		return "", errors.New("empty")
	}
	return string(r.Value), nil
}

func write(t *testing.T, st store.Store, ops ...store.Op) {
	t.Helper()
	if _, err := st.Txn(t.Context(), nil, ops); err != nil {
		t.Fatal(err)
	}
}

func TestMirrorFollowsTheStore(t *testing.T) {
	st := mem.New()
	write(t, st, store.Put("p/a", []byte("1")), store.Put("p/damaged", nil), store.Put("other", []byte("x")))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	m, err := mirror.Open(ctx, st, "p/", slog.New(slog.DiscardHandler), text)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a"}, m.Names()); d != "" {
		t.Error(d)
	}
	go m.Run(ctx)
	write(t, st, store.Put("p/b", []byte("2")), store.Delete("p/a"), store.Put("p/damaged", []byte("3")))
	for {
		all, changed := m.All()
		if len(all) == 2 && all["b"].Value == "2" && all["damaged"].Value == "3" {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("the mirror holds %v", all)
		}
	}
	write(t, st, store.Put("p/c", []byte("4")))
	if err := m.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	if e, ok := m.Get("c"); !ok || e.Value != "4" {
		t.Errorf("after a sync: %+v", e)
	}
}

// TestSyncDecodesNews reads everything anew, and decodes what changed only.
func TestSyncDecodesNews(t *testing.T) {
	st := mem.New()
	write(t, st, store.Put("p/a", []byte("1")), store.Put("p/b", []byte("1")))
	decoded := 0
	m, err := mirror.Open(t.Context(), st, "p/", slog.New(slog.DiscardHandler), func(r store.Record) (string, error) {
		decoded++
		return text(r)
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, st, store.Put("p/b", []byte("2")), store.Put("p/c", []byte("1")))
	if err := m.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	b, _ := m.Get("b")
	if d := cmp.Diff([]string{"a", "b", "c"}, m.Names()); d != "" || b.Value != "2" || decoded != 4 {
		t.Errorf("b is %q, %d decoded: %s", b.Value, decoded, d)
	}
}
