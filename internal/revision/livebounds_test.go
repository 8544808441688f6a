package revision

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// Objects that take effect at once are bounded in number and size, whoever writes them;
// what is there can be changed and deleted.
func TestLiveObjectsAreBounded(t *testing.T) {
	s, err := Open(t.Context(), mem.New(), Options{Live: Live{Objects: 10, Bytes: 20_000}})
	if err != nil {
		t.Fatal(err)
	}
	put := func(id int, name string) error {
		_, err := s.Edit(t.Context(), "bob@pve", []model.Edit{{Put: &model.Guest{ID: strconv.Itoa(id), Name: name}}}, EditOptions{})
		return err
	}
	n := 0
	for ; n < 20; n++ {
		if err = put(100+n, "x"); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrLiveFull) || n < 5 || n > 10 || !strings.Contains(err.Error(), "delete") {
		t.Fatalf("after %d: %v", n, err)
	}
	if err := put(100, "y"); err != nil {
		t.Errorf("a change: %v", err)
	}
	if _, err := s.Edit(t.Context(), "bob@pve", []model.Edit{{Kind: model.KindGuest, ID: "101"}}, EditOptions{}); err != nil {
		t.Errorf("a deletion: %v", err)
	}
	if err := put(101, "x"); err != nil {
		t.Errorf("in its place: %v", err)
	}
	if _, err := s.Edit(t.Context(), "bob@pve", []model.Edit{{Kind: model.KindGuest, ID: "101"}}, EditOptions{}); err != nil {
		t.Fatal(err)
	}
	random := make([]byte, 40_000) // which nothing makes smaller
	_, _ = rand.Read(random)
	large := &model.IPAM{ID: "large", Type: model.IPAMTypeNetBox, URL: "https://192.0.2.1/" + hex.EncodeToString(random), Token: "t"}
	if _, err := s.Edit(t.Context(), "bob@pve", []model.Edit{{Put: large}}, EditOptions{}); !errors.Is(err, ErrLiveFull) {
		t.Errorf("a large one: %v", err)
	}
}
