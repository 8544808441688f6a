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
		Use:   "set KIND ID[,ID]... PROPERTY=VALUE... [PROPERTY-]...",
		Short: "Change properties of objects",
		Long: `Changes properties of an object, or of several with commas between their IDs: of all or
of none. PROPERTY- removes one. Lists are separated by commas;
values are accepted in the form that get, describe and diff print.
An item of a list of structures is addressed by the list and the key of the item: nics.net0.mac, interfaces.eth1.ip, redistribute.connected.metric,
dhcp-range.10.0.0.10.end-address, entries.10.action (route-map: order,
prefix-list: seq, ip-set: cidr), rules.0.action (by place, from 0). The list's name
may be omitted. Setting a property of a missing item adds the item; nics.net0- removes
the whole item.

` + liveHelp + `

  viaduct set zone overlay mtu=1400
  viaduct set zone overlay peers=192.168.0.1,192.168.0.2 mtu-
  viaduct set vnet blue,green isolate-ports=true
  viaduct set subnet 10.0.1.0/24 dhcp-range=10.0.1.10-10.0.1.99
  viaduct set guest 100 net0.mac=BC:24:11:00:00:01
  viaduct set firewall blue rules.0.action=DROP rules.1-`,
		Args:              args(3, -1, "a kind, an id, and properties"),
		ValidArgsFunction: a.completeProperties,
		RunE: func(cmd *cobra.Command, given []string) error {
			kind, err := parseKind(given[0])
			if err != nil {
				return err
			}
			list, err := parseAssignments(cmd, kind, given[2:])
			if err != nil {
				return err
			}
			if _, err := patchOf(kind, nil, topLevel(list)); err != nil {
				return err // before a request to the server
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			ids := strings.Split(given[1], ",")
			for i := range ids {
				if ids[i], err = resolveID(cmd.Context(), c, kind, ids[i]); err != nil {
					return err
				}
			}
			var res *api.EditResult
			if len(ids) == 1 {
				res, err = set(cmd.Context(), c, kind, ids[0], list)
			} else {
				res, err = setMany(cmd.Context(), c, kind, ids, list)
			}
			if err != nil {
				return explain(err, nil)
			}
			return a.edited(kind.Revisioned(), res)
		},
	}
}

func (a *app) createCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "create KIND ID [PROPERTY=VALUE]...",
		Short: "Add an object",
		Long: `Adds an object, which must not exist yet. A subnet's ID is its network. Properties
are written as for viaduct set.

` + liveHelp + `

  viaduct create zone local type=simple
  viaduct create vnet green zone=local
  viaduct create subnet 172.16.0.0/24 vnet=green gateway=172.16.0.1 snat=true
  viaduct create guest 100 node=node1 net0.vnet=green net0.ips=172.16.0.10`,
		Args:              args(2, -1, "a kind, an id, and properties"),
		ValidArgsFunction: a.completeProperties,
		RunE: func(cmd *cobra.Command, given []string) error {
			kind, err := parseKind(given[0])
			if err != nil {
				return err
			}
			list, err := parseAssignments(cmd, kind, given[2:])
			if err != nil {
				return err
			}
			for _, as := range list {
				if as.Remove {
					return usagef(cmd, "%s: a new object has nothing to remove", as.Name)
				}
			}
			patch, err := patchOf(kind, nil, list)
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			o, err := newObject(cmd.Context(), c, kind, given[1], patch)
			if err != nil {
				return err
			}
			return a.add(cmd.Context(), c, o, given[1])
		},
	}
}

// add stores an object that must not exist yet, and prints what was edited. The user calls
// it by name.
func (a *app) add(ctx context.Context, c *client.Client, o model.Object, name string) error {
	res, err := c.Put(ctx, o, client.IfAbsent)
	if api.IsType(err, api.TypeConflict) {
		return &exitError{ExitConflict, fmt.Errorf("%s %s exists already (%w); viaduct set changes it", o.ObjectKind(), name, err)}
	}
	if err != nil {
		return explain(err, nil)
	}
	return a.edited(o.ObjectKind().Revisioned(), res)
}

// parseAssignments reads "property=value" and "property-".
func parseAssignments(cmd *cobra.Command, kind model.Kind, given []string) ([]manifest.Assignment, error) {
	out := make([]manifest.Assignment, len(given))
	for i, arg := range given {
		var err error
		if out[i], err = manifest.ParseAssignment(kind, arg); err != nil {
			return nil, usagef(cmd, "%v", err)
		}
	}
	return out, nil
}

// patchOf returns the changes that assignments make to an object, which is nil if it
// does not exist yet.
func patchOf(kind model.Kind, old model.Object, list []manifest.Assignment) (api.Patch, error) {
	p := api.Patch{Set: map[string]json.RawMessage{}}
	set, unset, err := manifest.Assign(kind, old, list)
	if err != nil {
		return p, &exitError{ExitUsage, err}
	}
	p.Unset = unset
	for name, v := range set {
		if p.Set[name], err = json.Marshal(v); err != nil {
			return p, fmt.Errorf("%s: %w", name, err)
		}
	}
	return p, nil
}

// topLevel are the assignments to properties of the object itself.
func topLevel(list []manifest.Assignment) []manifest.Assignment {
	return slices.DeleteFunc(slices.Clone(list), func(a manifest.Assignment) bool { return a.Item != "" })
}

// setTries is how often properties of a list's items are computed again because somebody
// else changed the object concurrently.
const setTries = 10

// set changes properties of an object. Changes to an item of a list are computed from
// the current list, and stored on condition that it is unchanged.
func set(ctx context.Context, c *client.Client, kind model.Kind, id string, list []manifest.Assignment) (*api.EditResult, error) {
	inLists := slices.ContainsFunc(list, func(a manifest.Assignment) bool { return a.Item != "" })
	for try := 1; ; try++ {
		var (
			old  model.Object
			etag string
			err  error
		)
		if inLists {
			if old, etag, err = c.Get(ctx, kind, id, "pending"); err != nil {
				return nil, err
			}
		}
		patch, err := patchOf(kind, old, list)
		if err != nil {
			return nil, err
		}
		res, err := c.Patch(ctx, kind, id, patch, etag)
		if !inLists || try == setTries || !api.IsType(err, api.TypeConflict) {
			return res, err
		}
	}
}

// setMany changes properties of several objects, of all or of none.
func setMany(ctx context.Context, c *client.Client, kind model.Kind, ids []string, list []manifest.Assignment) (*api.EditResult, error) {
	for _, a := range list {
		if a.Item != "" {
			return nil, &exitError{ExitUsage, fmt.Errorf("%s: items of lists are changed of one object at a time; change the whole list, or name one %s", a.Name, kind)}
		}
	}
	patch, err := patchOf(kind, nil, list)
	if err != nil {
		return nil, err
	}
	return c.PatchMany(ctx, kind, api.PatchMany{IDs: ids, Set: patch.Set, Unset: patch.Unset})
}

// newObject builds an object from its ID and properties.
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
	// The subnet's path in the API contains its zone: that of its VNet.
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

// edited reports the result of an edit and the next step; revisioned is true for an edit
// of objects that need an apply.
func (a *app) edited(revisioned bool, res *api.EditResult) error {
	s := a.style(a.Stdout)
	v := planView{style: s, now: a.Now()}
	text := v.changes(res.Changes, "")
	if len(res.Changes) == 0 {
		text = "no change\n"
	}
	text += v.warnings(res.Warnings)
	live, waiting := 0, 0
	for _, c := range res.Changes {
		if model.Kind(c.Type).Revisioned() {
			waiting++
		} else {
			live++
		}
	}
	switch {
	case live > 0 && waiting > 0:
		text += count(live, "change") + " of " + kindsOf(res.Changes) + " took effect at once\n"
	case live > 0:
		text += "took effect at once; viaduct rollback does not undo it\n"
	}
	if (waiting > 0 || revisioned) && res.Pending > 0 {
		text += count(res.Pending, "change") + " pending: see viaduct plan, then run viaduct apply\n"
	}
	return a.write(text)
}

// kindsOf names the live kinds among changes, without duplicates.
func kindsOf(changes []api.Change) string {
	var out []string
	for _, k := range model.LiveKinds() {
		if slices.ContainsFunc(changes, func(c api.Change) bool { return c.Type == string(k) }) {
			out = append(out, k.Plural())
		}
	}
	return strings.Join(out, ", ")
}

// liveKinds names the kinds whose edits take effect at once.
func liveKinds() string {
	var live []string
	for _, k := range model.LiveKinds() {
		live = append(live, k.Plural())
	}
	return strings.Join(live, ", ")
}

// liveHelp explains in help texts which edits need an apply.
var liveHelp = "Edits are pending until viaduct apply, but those of live kinds take effect at once:\n" + liveKinds() + "."
