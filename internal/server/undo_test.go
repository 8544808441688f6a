package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// The owner of a zone takes back what they changed in it: by the object, and edit by edit
// until somebody else changed the same. Of hidden objects they learn nothing by it.
func TestOwnerUndoes(t *testing.T) {
	c := newCluster(t)
	cl, ctx := c.as(t, owner), t.Context()
	alias := func() string {
		t.Helper()
		o, _, err := c.local.Get(ctx, model.KindVNet, "v1", "pending")
		if err != nil {
			t.Fatal(err)
		}
		return o.(*model.VNet).Alias
	}
	before := alias()
	c.edit(t, cl, &model.VNet{ID: "v1", Zone: "z1", Alias: "one"})
	c.edit(t, cl, &model.VNet{ID: "v1", Zone: "z1", Alias: "two"})
	p := planned(t, cl)
	if len(p.Edits) != 2 || p.Edits[0].Number >= p.Edits[1].Number {
		t.Fatalf("pending edits %+v", p.Edits)
	}
	if _, err := cl.Undo(ctx, api.UndoRequest{Edit: p.Edits[0].Number}); !status(err, http.StatusPreconditionFailed) {
		t.Errorf("an edit was undone although the object was changed since: %v", err)
	}
	if r, err := cl.Undo(ctx, api.UndoRequest{Edit: p.Edits[1].Number}); err != nil || r.Pending != 1 || alias() != "one" {
		t.Errorf("%+v, %v, alias %q", r, err, alias())
	}
	if p := planned(t, cl); len(p.Edits) != 1 {
		t.Errorf("pending edits after the undo: %+v", p.Edits)
	}
	c.edit(t, c.local, &model.VNet{ID: "v1", Zone: "z1", Alias: "ours"}, &model.VNet{ID: "v2", Zone: "z2", Alias: "secret"})
	if _, err := cl.Undo(ctx, api.UndoRequest{}); !status(err, http.StatusPreconditionFailed) || !strings.Contains(err.Error(), "changed again by") {
		t.Errorf("another's change was undone: %v", err)
	}
	for ref, want := range map[string]int{"vnet/v2": http.StatusForbidden, "vnet/none": http.StatusForbidden, "guest/100": http.StatusBadRequest, "vnet": http.StatusBadRequest, "vnet/": http.StatusBadRequest, "x/y": http.StatusBadRequest} {
		_, err := cl.Discard(ctx, api.DiscardRequest{Objects: []string{"vnet/v1", ref}})
		if !status(err, want) || strings.Contains(err.Error(), "z2") {
			t.Errorf("%s: %v", ref, err)
		}
	}
	if r, err := cl.Discard(ctx, api.DiscardRequest{Objects: []string{"vnet/v1"}}); err != nil || len(r.Changes) != 1 || r.Pending != 1 || alias() != before {
		t.Errorf("%+v, %v, alias %q", r, err, alias())
	}
	entries, err := c.local.Audit(ctx, clientAll)
	if err != nil || !slices.ContainsFunc(entries, func(e api.AuditEntry) bool { return e.Operation == "undo" && slices.Contains(e.Objects, "vnet/v1") }) {
		t.Errorf("the undo is not in the audit: %+v, %v", entries, err)
	}
}

// Any two configurations are compared for those who may read both, and for nobody else.
func TestCompare(t *testing.T) {
	c := newCluster(t)
	ctx := t.Context()
	c.edit(t, c.local, &model.VNet{ID: "v1", Zone: "z1", Alias: "pending"})
	running := planned(t, c.local).Base
	for _, sides := range [][2]string{{"running", "pending"}, {fmt.Sprint(running), "pending"}} {
		out, err := c.local.Compare(ctx, sides[0], sides[1])
		if err != nil || len(out.Objects) != 1 || out.Objects[0].Name != "v1" {
			t.Errorf("%v: %+v, %v", sides, out, err)
		}
	}
	if out, err := c.local.Compare(ctx, "0", "running"); err != nil || len(out.Objects) < 4 {
		t.Errorf("%+v, %v", out, err)
	}
	for from, want := range map[string]int{"": http.StatusBadRequest, "-1": http.StatusBadRequest, "x": http.StatusBadRequest, "999": http.StatusNotFound} {
		if _, err := c.local.Compare(ctx, from, "running"); !status(err, want) {
			t.Errorf("from %q: %v", from, err)
		}
	}
	c.user(t, "partly@pve", "/sdn looks", "/sdn/zones/z2 NoAccess")
	for _, user := range []string{owner, "partly@pve"} {
		// The change is one that they may see; the rest of the configurations is not.
		if _, err := c.as(t, user).Compare(ctx, "running", "pending"); !status(err, http.StatusForbidden) || strings.Contains(err.Error(), "z2") {
			t.Errorf("%s: %v", user, err)
		}
	}
}
