package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) setCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "set KIND ID PROPERTY=VALUE... [PROPERTY-]...",
		Short: "Change properties of an object",
		Long: `Changes properties of an object; PROPERTY- removes one. Lists are written with
commas. The edit is pending until viaduct apply; that of a guest takes effect at
once.

  viaduct set zone overlay mtu=1400
  viaduct set zone overlay peers=192.168.0.1,192.168.0.2 mtu-`,
		Args:              args(3, -1, "a kind, an id, and properties"),
		ValidArgsFunction: a.completeProperties,
		RunE: func(cmd *cobra.Command, given []string) error {
			kind, err := parseKind(given[0])
			if err != nil {
				return err
			}
			patch, err := parsePatch(cmd, kind, given[2:])
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			id, err := resolveID(cmd.Context(), c, kind, given[1])
			if err != nil {
				return err
			}
			res, err := c.Patch(cmd.Context(), kind, id, patch, "")
			if err != nil {
				return explain(err, nil)
			}
			return a.edited(kind, res)
		},
	}
}

func (a *app) createCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "create KIND ID [PROPERTY=VALUE]...",
		Short: "Add an object",
		Long: `Adds an object, which must not exist yet. A subnet's ID is its network. The edit is
pending until viaduct apply; that of a guest takes effect at once.

  viaduct create zone local type=simple
  viaduct create vnet green zone=local
  viaduct create subnet 172.16.0.0/24 vnet=green gateway=172.16.0.1 snat=true`,
		Args:              args(2, -1, "a kind, an id, and properties"),
		ValidArgsFunction: a.completeProperties,
		RunE: func(cmd *cobra.Command, given []string) error {
			kind, err := parseKind(given[0])
			if err != nil {
				return err
			}
			patch, err := parsePatch(cmd, kind, given[2:])
			if err != nil {
				return err
			}
			if len(patch.Unset) > 0 {
				return usagef(cmd, "%s-: a new object has nothing to remove", patch.Unset[0])
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			o, err := newObject(cmd.Context(), c, kind, given[1], patch)
			if err != nil {
				return err
			}
			res, err := c.Put(cmd.Context(), o, client.IfAbsent)
			if api.IsType(err, api.TypeConflict) {
				return &exitError{ExitConflict, fmt.Errorf("%s %s exists already (%w); viaduct set changes it", kind, given[1], err)}
			}
			if err != nil {
				return explain(err, nil)
			}
			return a.edited(kind, res)
		},
	}
}

// parsePatch reads "property=value" and "property-".
func parsePatch(cmd *cobra.Command, kind model.Kind, given []string) (api.Patch, error) {
	p := api.Patch{Set: map[string]json.RawMessage{}}
	fields := model.Fields(kind)
	for _, arg := range given {
		name, value, isSet := strings.Cut(arg, "=")
		if !isSet {
			var unset bool
			if name, unset = strings.CutSuffix(arg, "-"); !unset {
				return p, usagef(cmd, "%q: write property=value, or property- to remove it", arg)
			}
		}
		i := slices.IndexFunc(fields, func(f model.FieldInfo) bool { return f.Name == name && name != "id" })
		if i < 0 {
			return p, unknownProperty(cmd, kind, fields, name)
		}
		if _, dup := p.Set[name]; dup || slices.Contains(p.Unset, name) {
			return p, usagef(cmd, "property %s is given twice", name)
		}
		if !isSet || value == "" {
			p.Unset = append(p.Unset, name)
			continue
		}
		v, err := manifest.ParseValue(fields[i], value)
		if err != nil {
			return p, &exitError{ExitUsage, err}
		}
		raw, err := json.Marshal(v)
		if err != nil {
			return p, fmt.Errorf("%s: %w", name, err)
		}
		p.Set[name] = raw
	}
	return p, nil
}

func unknownProperty(cmd *cobra.Command, kind model.Kind, fields []model.FieldInfo, name string) error {
	if name == "id" {
		return usagef(cmd, "an id cannot be changed: create a new %s and delete the old one", kind)
	}
	var names []string
	for _, f := range fields {
		if f.Name != "id" {
			names = append(names, f.Name)
		}
	}
	if near := model.Nearest(name, names); near != "" {
		return usagef(cmd, "unknown property %q of a %s; did you mean %s?", name, kind, near)
	}
	return usagef(cmd, "unknown property %q of a %s; it has %s", name, kind, strings.Join(names, ", "))
}

// newObject makes an object of its ID and properties.
func newObject(ctx context.Context, c *client.Client, kind model.Kind, id string, p api.Patch) (model.Object, error) {
	var err error
	if p.Set["id"], err = json.Marshal(id); err != nil {
		return nil, err
	}
	b, err := json.Marshal(p.Set)
	if err != nil {
		return nil, err
	}
	o, err := model.Decode(kind, b)
	if err != nil {
		return nil, err
	}
	s, ok := o.(*model.Subnet)
	if !ok || !strings.Contains(id, "/") {
		return o, nil
	}
	// The subnet's path in the API holds its zone: that of its VNet.
	cfg := &model.Config{}
	if s.VNet != "" {
		v, _, err := c.Get(ctx, model.KindVNet, s.VNet, "pending")
		if err != nil && !api.IsType(err, api.TypeNotFound) {
			return nil, err
		}
		if err == nil {
			if err := cfg.Put(v); err != nil {
				return nil, err
			}
		}
	}
	return s, cfg.Put(s)
}

// edited tells what an edit did and what comes next.
func (a *app) edited(kind model.Kind, res *api.EditResult) error {
	s := a.style(a.Stdout)
	v := planView{style: s, now: a.Now()}
	text := v.changes(res.Changes, "")
	if len(res.Changes) == 0 {
		text = "no change: it is so already\n"
	}
	text += v.warnings(res.Warnings)
	if kind.Revisioned() && res.Pending > 0 {
		text += count(res.Pending, "change") + " pending: viaduct plan shows them, viaduct apply makes them run\n"
	}
	return a.write(text)
}
