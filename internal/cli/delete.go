package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"

	"context"
)

func (a *app) deleteCommand() *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use:   "delete KIND ID... | -f FILE|FOLDER|-",
		Short: "Delete objects",
		Long: `Deletes objects of a kind, or with -f all existing objects that the manifests declare,
in any order. The deletion is one edit: all objects or none. An object that others
refer to cannot be deleted without them.

` + liveHelp + ` Those that
revisioned objects refer to (ipams, dns) can be deleted after the reference is removed
and applied.`,
		Args: func(cmd *cobra.Command, given []string) error {
			if len(files) > 0 {
				return args(0, 0, "")(cmd, given)
			}
			return args(2, -1, "a kind and the ids of objects, or manifests with -f")(cmd, given)
		},
		ValidArgsFunction: a.completeObjects,
		RunE: func(cmd *cobra.Command, given []string) error {
			set, err := a.load(files)
			if err != nil {
				return err
			}
			var kind model.Kind
			if set == nil {
				if kind, err = parseKind(given[0]); err != nil {
					return err
				}
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if set != nil {
				return a.deleteAll(cmd.Context(), c, set)
			}
			return a.deleteIDs(cmd.Context(), c, kind, given[1:])
		},
	}
	filesFlag(cmd, &files)
	return cmd
}

// deleteIDs deletes objects of one kind in one edit.
func (a *app) deleteIDs(ctx context.Context, c *client.Client, kind model.Kind, given []string) error {
	edits := make([]api.Edit, 0, len(given))
	for _, one := range given {
		id, err := resolveID(ctx, c, kind, one)
		if err != nil {
			return err
		}
		e := api.Edit{Kind: kind, ID: id}
		if !slices.Contains(edits, e) {
			edits = append(edits, e)
		}
	}
	if len(edits) == 1 {
		res, err := c.Delete(ctx, kind, edits[0].ID, "")
		if err != nil {
			return explain(err, nil)
		}
		return a.edited(kind.Revisioned(), res)
	}
	res, err := c.Edit(ctx, edits, false)
	if err != nil {
		return explain(err, nil)
	}
	return a.edited(kind.Revisioned(), res)
}

// deleteAll deletes what manifests declare, in one edit.
func (a *app) deleteAll(ctx context.Context, c *client.Client, set *manifest.Set) error {
	if err := loadZones(ctx, c, set); err != nil {
		return err
	}
	var edits []api.Edit
	revisioned := false
	for _, kind := range slices.Backward(model.Kinds()) {
		if !slices.ContainsFunc(set.Objects, func(o model.Object) bool { return o.ObjectKind() == kind }) {
			continue
		}
		objs, err := c.List(ctx, kind, "pending")
		if err != nil {
			return err
		}
		for _, o := range objs {
			if set.Find(kind, o.ObjectID()) != nil {
				edits = append(edits, api.Edit{Kind: kind, ID: o.ObjectID()})
				revisioned = revisioned || kind.Revisioned()
			}
		}
	}
	if len(edits) == 0 {
		return a.write("nothing to delete: none of the objects exists\n")
	}
	res, err := c.Edit(ctx, edits, false)
	if err != nil {
		return explain(err, nil)
	}
	return a.edited(revisioned, res)
}

// loadZones adds the zones of the cluster's VNets to a set of manifests.
func loadZones(ctx context.Context, c *client.Client, set *manifest.Set) error {
	vnets, err := c.List(ctx, model.KindVNet, "pending")
	if err != nil {
		return err
	}
	zones := make(map[string]string, len(vnets))
	for _, o := range vnets {
		v := o.(*model.VNet)
		zones[v.ID] = v.Zone
	}
	set.KnowZones(zones)
	return nil
}
