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
		Use:   "delete KIND ID | -f FILE|FOLDER|-",
		Short: "Delete objects",
		Long: `Deletes an object, or with -f all objects that the manifests declare and that
exist. An object that others refer to cannot be deleted without them. The edit is
pending until viaduct apply; that of a guest takes effect at once.`,
		Args: func(cmd *cobra.Command, given []string) error {
			if len(files) > 0 {
				return args(0, 0, "")(cmd, given)
			}
			return args(2, 2, "a kind and an id, or manifests with -f")(cmd, given)
		},
		ValidArgsFunction: a.completeObject(),
		RunE: func(cmd *cobra.Command, given []string) error {
			set, err := a.load(files)
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if set != nil {
				return a.deleteAll(cmd.Context(), c, set)
			}
			kind, err := parseKind(given[0])
			if err != nil {
				return err
			}
			id, err := resolveID(cmd.Context(), c, kind, given[1])
			if err != nil {
				return err
			}
			res, err := c.Delete(cmd.Context(), kind, id, "")
			if err != nil {
				return explain(err, nil)
			}
			return a.edited(kind, res)
		},
	}
	filesFlag(cmd, &files)
	return cmd
}

// deleteAll deletes what manifests declare, in one edit.
func (a *app) deleteAll(ctx context.Context, c *client.Client, set *manifest.Set) error {
	if err := knowZones(ctx, c, set); err != nil {
		return err
	}
	var edits []api.Edit
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
	return a.edited(model.KindZone, res)
}

// knowZones tells a set of manifests which zone each VNet of the cluster is in.
func knowZones(ctx context.Context, c *client.Client, set *manifest.Set) error {
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
