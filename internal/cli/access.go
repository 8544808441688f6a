package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// accessCommands are the commands for access control.
func (a *app) accessCommands() []*cobra.Command {
	return []*cobra.Command{a.userCommand(), a.groupCommand(), a.roleCommand(), a.tokenCommand(), a.aclCommand(), a.adminCommand(), a.auditCommand()}
}

// accessGroup is a command that only has sub-commands.
func accessGroup(name, short, long string, cmds ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short, Long: long}
	cmd.AddCommand(cmds...)
	return cmd
}

// listing describes how a list is shown.
type listing[T any] struct {
	empty  string
	header []string
	row    func(T) []string
	name   func(T) string // as -o name prints it
}

func (l listing[T]) write(a *app, output string, list []T) error {
	switch output {
	case formatJSON, formatYAML:
		return writeData(a.Stdout, output, list)
	case formatName:
		for _, v := range list {
			if err := a.write(l.name(v) + "\n"); err != nil {
				return err
			}
		}
		return nil
	}
	if len(list) == 0 {
		return a.write(l.empty + "\n")
	}
	rows := make([][]string, len(list))
	for i, v := range list {
		rows[i] = l.row(v)
	}
	return a.write(table(l.header, rows))
}

// listCommand completes a command that lists what get returns.
func listCommand[T any](a *app, cmd *cobra.Command, l listing[T], get func(ctx context.Context, c *client.Client, given []string) ([]T, error)) *cobra.Command {
	var output string
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		list, err := get(cmd.Context(), c, given)
		if err != nil {
			return err
		}
		return l.write(a, output, list)
	}
	outputFlag(cmd, &output, formatTable, formatJSON, formatYAML, formatName)
	return cmd
}

// showCommand completes a command that shows the object that get returns for its name;
// text is its form for people.
func showCommand[T any](a *app, cmd *cobra.Command, get func(c *client.Client, ctx context.Context, id string) (*T, string, error),
	text func(ctx context.Context, c *client.Client, v *T) (string, error),
) *cobra.Command {
	var output string
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		v, _, err := get(c, cmd.Context(), given[0])
		if err != nil {
			return err
		}
		if output != formatTable {
			return writeData(a.Stdout, output, v)
		}
		shown, err := text(cmd.Context(), c, v)
		if err != nil {
			return err
		}
		return a.write(shown)
	}
	outputFlag(cmd, &output, formatTable, formatJSON, formatYAML)
	return cmd
}

// details formats the properties of one object, without empty ones.
func details(pairs ...string) string {
	wide := 0
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			wide = max(wide, len(pairs[i]))
		}
	}
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fmt.Fprintf(&b, "%-*s  %s\n", wide, pairs[i], printed(pairs[i+1]))
		}
	}
	return b.String()
}

// deletion is a command that deletes one object by its name.
func (a *app) deletion(kind, long string, complete completer, del func(context.Context, *client.Client, string) error) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:               "delete " + strings.ToUpper(kind),
		Short:             "Delete a " + kind,
		Long:              long,
		Args:              args(1, 1, "the name of a "+kind),
		ValidArgsFunction: complete,
		RunE: func(cmd *cobra.Command, given []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if err := a.confirm(cmd.Context(), yes, fmt.Sprintf("Delete %s %s?", kind, given[0])); err != nil {
				return err
			}
			if err := del(cmd.Context(), c, given[0]); err != nil {
				return err
			}
			return a.write(fmt.Sprintf("%s %s is deleted\n", kind, given[0]))
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask for confirmation")
	return cmd
}

const expireHelp = "expiry: a date (2027-01-31), a time (RFC 3339), a duration (12h, 90d), or never"

// parseExpire reads the expiry of a user or token, in seconds since 1970.
func parseExpire(cmd *cobra.Command, s string, now time.Time) (int64, error) {
	if s == "" || s == "never" {
		return 0, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil && t.Unix() > 0 {
			return t.Unix(), nil
		}
	}
	d, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(n) * 24 * time.Hour
		if n > 100*365 {
			err = errors.New("too long")
		}
	}
	if err != nil || d <= 0 {
		return 0, usagef(cmd, "invalid --expire %s; %s", s, expireHelp)
	}
	return now.Add(d).Unix(), nil
}

// expiry is the expiry of a user or token as tables show it.
func (a *app) expiry(at int64) string {
	if at == 0 {
		return "never"
	}
	t := time.Unix(at, 0).UTC()
	if left := t.Sub(a.Now()); left > 0 {
		return "in " + short(left)
	}
	return "expired " + t.Format(time.DateOnly)
}

// completeAt completes the argument at a position with names from the server.
func (a *app) completeAt(place int, names func(context.Context, *client.Client) []string) completer {
	return func(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
		var out []string
		if len(given) == place {
			a.ask(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				out = names(ctx, c)
				return nil
			})
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFlag completes the value of a flag.
func (a *app) completeFlag(cmd *cobra.Command, flag string, names func(context.Context, *client.Client) []string) {
	complete := a.completeAt(0, names)
	_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return complete(cmd, nil, typed)
	})
}

// namesOf turns a list into names. The list is empty if the server failed: shell
// completion cannot show errors.
func namesOf[T any](list []T, _ error, name func(T) string) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = name(v)
	}
	return out
}
