package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/line"
	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// manifestFlags select manifests and their owner set.
type manifestFlags struct {
	files      []string
	set        string
	prune      bool
	allowEmpty bool
	takeOver   bool
}

func (f *manifestFlags) register(cmd *cobra.Command) {
	filesFlag(cmd, &f.files)
	cmd.Flags().StringVar(&f.set, "set", "", "owner set of the manifests' objects (default with --prune: derived from the path given to -f)")
	cmd.Flags().BoolVar(&f.prune, "prune", false, "delete objects of the owner set that the manifests no longer declare")
	cmd.Flags().BoolVar(&f.allowEmpty, "allow-empty", false, "with --prune: allow manifests without objects, which deletes the whole set")
	cmd.Flags().BoolVar(&f.takeOver, "take-over", false, "move objects of other owner sets into this one")
}

// pruneHelp is the section on owner sets in help texts.
const pruneHelp = `With --prune, objects that were applied from the same owner set and are no longer
declared are deleted. Objects of other sets and objects created by hand or through an
API are never pruned. The name of the set is given by --set or derived from the path
given to -f; name it if the same manifests are applied from different directories.
Objects carry it as their property "set". With --prune, manifests without objects are
refused unless --allow-empty is given, because a wrong path must not delete a network.`

// owned are manifests with the deletions that pruning adds.
type owned struct {
	*manifest.Set
	// name is the owner set; empty for none.
	name string
	// pruned are the objects to delete, in an order in which that is possible.
	pruned []api.Edit
}

// edits are all edits, deletions last.
func (o *owned) edits() []api.Edit {
	if o == nil {
		return nil
	}
	return append(o.Edits(), o.pruned...)
}

// manifests returns the set of manifests, nil if there are none.
func (o *owned) manifests() *manifest.Set {
	if o == nil {
		return nil
	}
	return o.Set
}

// prunes reports whether an object is to be deleted.
func (o *owned) prunes(k model.Kind, id string) bool {
	return slices.ContainsFunc(o.pruned, func(e api.Edit) bool { return e.Kind == k && e.ID == id })
}

// check refuses incompatible flags, and returns the name of the set.
func (f *manifestFlags) check(cmd *cobra.Command) (name string, err error) {
	for flag, set := range map[string]bool{"--prune": f.prune, "--set": f.set != "", "--take-over": f.takeOver} {
		if set && len(f.files) == 0 {
			return "", usagef(cmd, "%s needs manifests: name them with -f", flag)
		}
	}
	switch {
	case f.allowEmpty && !f.prune:
		return "", usagef(cmd, "--allow-empty needs --prune")
	case f.set != "" && !model.ValidSet(f.set):
		return "", usagef(cmd, "--set %q is not the name of an owner set: use 1 to 63 letters, digits, dots, hyphens and underscores, a letter or digit first", f.set)
	case f.set != "":
		return f.set, nil
	case !f.prune:
		if f.takeOver {
			return "", usagef(cmd, "--take-over needs an owner set: give --set or --prune")
		}
		return "", nil
	case len(f.files) != 1 || f.files[0] == manifest.Stdin:
		return "", usagef(cmd, "--prune needs the name of the owner set, which is derived from a single path only: give --set NAME")
	}
	return derivedSet(f.files[0])
}

// noSetName matches what cannot be in the name of an owner set.
var noSetName = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// derivedSet derives the name of an owner set from a path: its last part for people, and
// a hash of all of it, so that folders of the same name in different places are
// different sets.
func derivedSet(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	sum := sha256.Sum256([]byte(abs))
	word := strings.Trim(noSetName.ReplaceAllString(filepath.Base(abs), "-"), "-_")
	return strings.TrimPrefix(word[:min(len(word), 40)]+"-"+hex.EncodeToString(sum[:4]), "-"), nil
}

// loadOwned reads manifests and finds the objects that pruning deletes; nil without -f.
func (a *app) loadOwned(cmd *cobra.Command, f *manifestFlags) (*owned, *client.Client, error) {
	name, err := f.check(cmd)
	if err != nil {
		return nil, nil, err
	}
	set, err := a.loadAllowing(f)
	if err != nil {
		return nil, nil, err
	}
	c, err := a.client()
	if err != nil || set == nil {
		return nil, c, err
	}
	o := &owned{Set: set, name: name}
	if name == "" {
		return o, c, nil
	}
	return o, c, o.assignOwner(cmd.Context(), c, f)
}

// loadAllowing is load, but with --allow-empty accepts manifests that declare nothing.
func (a *app) loadAllowing(f *manifestFlags) (*manifest.Set, error) {
	set, err := a.load(f.files)
	switch {
	case !errors.Is(err, manifest.ErrNothing) || !f.prune:
		return set, err
	case !f.allowEmpty:
		return nil, fmt.Errorf("%w; with --prune that would delete every object of the set: give --allow-empty if that is intended", err)
	}
	return manifest.Load(nil, nil)
}

// assignOwner puts the manifests' objects into the owner set, and finds those of the set
// that the manifests no longer declare.
func (o *owned) assignOwner(ctx context.Context, c *client.Client, f *manifestFlags) error {
	for _, obj := range o.Objects {
		if in := model.SetOf(obj); in != "" && in != o.name {
			return &exitError{ExitUsage, fmt.Errorf("%s %s says that it belongs to the owner set %s, and is applied as one of %s: leave its property set out, or give --set %s",
				obj.ObjectKind(), obj.ObjectID(), in, o.name, in)}
		}
		model.SetSet(obj, o.name)
	}
	if err := loadZones(ctx, c, o.Set); err != nil {
		return err
	}
	var others []string
	for _, kind := range slices.Backward(model.Kinds()) {
		objs, err := c.List(ctx, kind, "pending")
		if err != nil {
			return err
		}
		for _, obj := range objs {
			in, declared := model.SetOf(obj), o.Find(kind, obj.ObjectID()) != nil
			switch {
			case declared && in != "" && in != o.name:
				others = append(others, fmt.Sprintf("%s %s of %s", kind, obj.ObjectID(), in))
			case !declared && in == o.name && f.prune:
				o.pruned = append(o.pruned, api.Edit{Kind: kind, ID: obj.ObjectID()})
			}
		}
	}
	if len(others) > 0 && !f.takeOver {
		return &exitError{ExitConflict, fmt.Errorf("objects that the manifests declare belong to other owner sets: %s; nothing was changed: name that set with --set if it is the same, or give --take-over to take them into %s",
			line.Few(others, 10), o.name)}
	}
	return nil
}
