package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// completionTimeout bounds how long the shell has to wait.
const completionTimeout = 2 * time.Second

type completer = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective)

// completeObject completes a kind (or one of the extra words) and an ID.
func (a *app) completeObject(extra ...string) completer {
	return func(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
		switch len(given) {
		case 0:
			return append(kindNames(), extra...), cobra.ShellCompDirectiveNoFileComp
		case 1:
			kind := given[0]
			if slices.Contains(extra, kind) {
				kind = string(model.KindGuest)
			}
			return a.ids(cmd.Context(), kind), cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeObjects completes a kind and any number of IDs.
func (a *app) completeObjects(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(given) == 0 {
		return kindNames(), cobra.ShellCompDirectiveNoFileComp
	}
	ids := slices.DeleteFunc(a.ids(cmd.Context(), given[0]), func(id string) bool { return slices.Contains(given[1:], id) })
	return ids, cobra.ShellCompDirectiveNoFileComp
}

func kindNames() []string {
	var out []string
	for _, k := range model.Kinds() {
		out = append(out, string(k))
	}
	return out
}

// completeProperties completes a kind, an ID, properties and their values.
func (a *app) completeProperties(cmd *cobra.Command, given []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(given) < 2 {
		return a.completeObject()(cmd, given, typed)
	}
	kind, ok := model.ParseKind(given[0])
	if !ok {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	name, _, hasValue := strings.Cut(typed, "=")
	var out []string
	for _, f := range model.Fields(kind) {
		switch {
		case f.Name == "id":
		case !hasValue:
			out = append(out, f.Name+"=\t"+f.Text())
		case f.Name == name:
			for _, v := range a.values(cmd.Context(), f) {
				out = append(out, name+"="+v)
			}
		}
	}
	if hasValue {
		return out, cobra.ShellCompDirectiveNoFileComp
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// values proposes values of a property.
func (a *app) values(ctx context.Context, f model.FieldInfo) []string {
	switch {
	case f.Type == model.FieldBool:
		return []string{"true", "false"}
	case len(f.Values) > 0:
		return f.Values
	case f.Ref != "":
		return a.ids(ctx, string(f.Ref))
	}
	return nil
}

func (a *app) completeMembers(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(given) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.memberNames(cmd.Context()), cobra.ShellCompDirectiveNoFileComp
}

// ids lists the IDs of a kind, none if the server does not answer in time.
func (a *app) ids(ctx context.Context, name string) []string {
	kind, ok := model.ParseKind(name)
	if !ok {
		return nil
	}
	if kind == model.KindNode {
		return a.memberNames(ctx)
	}
	var out []string
	a.ask(ctx, func(ctx context.Context, c *client.Client) error {
		objs, err := c.List(ctx, kind, "pending")
		for _, o := range objs {
			out = append(out, o.ObjectID())
		}
		return err
	})
	return out
}

func (a *app) memberNames(ctx context.Context) []string {
	var out []string
	a.ask(ctx, func(ctx context.Context, c *client.Client) error {
		members, err := c.Members(ctx)
		for _, m := range members {
			out = append(out, m.Name)
		}
		return err
	})
	return out
}

// ask asks the server for completions. Errors are dropped: shell completion cannot show
// them.
func (a *app) ask(ctx context.Context, f func(context.Context, *client.Client) error) {
	if ctx == nil {
		ctx = context.Background()
	}
	c, err := a.connect() // notices cannot be shown either
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	_ = f(ctx, c)
}
