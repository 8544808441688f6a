package api

import (
	"errors"
	"fmt"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// A picture is computed again when anything that it was computed from is another one, and only
// then; those that were used last are kept.
func TestPictures(t *testing.T) {
	var p pictures
	computed := 0
	get := func(caller string, in pictureInput) *api.Topology {
		t.Helper()
		got, err := p.get(pictureKey{caller: caller}, in, func() (*api.Topology, error) {
			computed++
			return &api.Topology{Version: fmt.Sprint(computed)}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	expect := func(what string, want int) {
		t.Helper()
		if computed != want {
			t.Errorf("%s: computed %d times, want %d", what, computed, want)
		}
	}
	in := pictureInput{running: &model.Config{}, pending: &model.Config{}, live: &model.Config{}, status: "1", access: make(chan struct{}), positions: make(chan struct{}), facts: []*model.Facts{{Node: "n1"}}}
	first := get("ana", in)
	if get("ana", in) != first {
		t.Error("the same picture is another one")
	}
	expect("the same input", 1)
	want := 1
	for what, change := range map[string]func(*pictureInput){
		"running": func(i *pictureInput) { i.running = &model.Config{} }, "pending": func(i *pictureInput) { i.pending = &model.Config{} },
		"live": func(i *pictureInput) { i.live = &model.Config{} }, "status": func(i *pictureInput) { i.status += "x" },
		"access": func(i *pictureInput) { i.access = make(chan struct{}) }, "positions": func(i *pictureInput) { i.positions = make(chan struct{}) },
		"facts": func(i *pictureInput) { i.facts = []*model.Facts{{Node: "n1"}} }, "another node": func(i *pictureInput) { i.facts = append(i.facts, nil) },
	} {
		change(&in)
		want++
		get("ana", in)
		expect(what, want)
	}
	get("ben", in)
	expect("somebody else", want+1)
	for i := range maxPictures - 1 {
		get(fmt.Sprint("user", i), in)
	}
	want += maxPictures
	get("ben", in)
	expect("one that was used lately", want)
	get("ana", in)
	expect("one that was not", want+1)
	if len(p.kept) != maxPictures {
		t.Errorf("%d are kept", len(p.kept))
	}
	if _, err := p.get(pictureKey{caller: "eva"}, in, func() (*api.Topology, error) { return nil, errors.New("no such object") }); err == nil || len(p.kept) != maxPictures {
		t.Errorf("an error is kept: %v, %d", err, len(p.kept))
	}
}
