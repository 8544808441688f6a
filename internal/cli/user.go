package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) userCommand() *cobra.Command {
	return accessGroup("user", "Manage users and their passwords",
		`Users log in to the Proxmox API as name@realm; the realms pam and pve are accepted, and
Viaduct stores the passwords of both. root@pam always exists,
has every privilege, and has no password until one is set. Changes take effect at
once and are in no revision.`,
		a.userAddCommand(), a.userListCommand(), a.userShowCommand(), a.userSetCommand(), a.userPasswdCommand(), a.loginLinkCommand(), a.userPermissionsCommand(),
		a.deletion("user", `Deletes a user with all tokens and permissions.`, a.completeAt(0, userNames),
			func(ctx context.Context, c *client.Client, id string) error { return c.DeleteUser(ctx, id) }))
}

func userNames(ctx context.Context, c *client.Client) []string {
	users, err := c.Users(ctx)
	return namesOf(users, err, func(u api.User) string { return u.ID })
}

// userFlags are the properties of a user.
type userFlags struct {
	user   api.User
	enable bool
	expire string
}

// userProperties are the flags of userFlags.
var userProperties = []string{"enable", "expire", "comment", "email", "first-name", "last-name", "groups"}

func (f *userFlags) register(a *app, cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.BoolVar(&f.enable, "enable", true, "whether the user may log in")
	fs.StringVar(&f.expire, "expire", "never", expireHelp)
	fs.StringVar(&f.user.Comment, "comment", "", "what the user is for")
	fs.StringVar(&f.user.Email, "email", "", "email address")
	fs.StringVar(&f.user.FirstName, "first-name", "", "first name")
	fs.StringVar(&f.user.LastName, "last-name", "", "last name")
	fs.StringSliceVar(&f.user.Groups, "groups", nil, "all groups of the user, separated by commas")
	a.completeFlag(cmd, "groups", groupNames)
}

// apply makes the changes of the given flags.
func (f *userFlags) apply(a *app, cmd *cobra.Command, u *api.User) error {
	given := cmd.Flags().Changed
	if given("enable") {
		u.Disabled = !f.enable
	}
	if given("expire") {
		var err error
		if u.Expire, err = parseExpire(cmd, f.expire, a.Now()); err != nil {
			return err
		}
	}
	for flag, to := range map[string]struct{ to, from *string }{
		"comment": {&u.Comment, &f.user.Comment}, "email": {&u.Email, &f.user.Email},
		"first-name": {&u.FirstName, &f.user.FirstName}, "last-name": {&u.LastName, &f.user.LastName},
	} {
		if given(flag) {
			*to.to = *to.from
		}
	}
	if given("groups") {
		u.Groups = slices.DeleteFunc(f.user.Groups, func(g string) bool { return g == "" })
	}
	return nil
}

func (a *app) userAddCommand() *cobra.Command {
	f := &userFlags{}
	cmd := &cobra.Command{
		Use:   "add USER",
		Short: "Add a user",
		Long: `Adds a user, name@pam or name@pve. Without a password, which viaduct user passwd
sets, the user cannot log in; without permissions, which viaduct acl add grants, the
user can do nothing.`,
		Example: `  viaduct user add bob@pve --email bob@example.org --groups operators`,
		Args:    args(1, 1, "the name of a user"),
		RunE: func(cmd *cobra.Command, given []string) error {
			u := api.User{ID: given[0]}
			if err := f.apply(a, cmd, &u); err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if _, err := c.PutUser(cmd.Context(), u, client.IfAbsent); err != nil {
				return err
			}
			return a.write(fmt.Sprintf("user %s is added; set a password with: viaduct user passwd %s\n", u.ID, u.ID))
		},
	}
	f.register(a, cmd)
	return cmd
}

func (a *app) userSetCommand() *cobra.Command {
	f := &userFlags{}
	cmd := &cobra.Command{
		Use:   "set USER",
		Short: "Change a user",
		Long: `Changes the properties that flags are given for; an empty value removes one. A disabled
or expired user has no access, including tokens and tickets.`,
		Example: `  viaduct user set bob@pve --enable=false
  viaduct user set bob@pve --groups operators,auditors --expire 90d`,
		Args:              args(1, 1, "the name of a user"),
		ValidArgsFunction: a.completeAt(0, userNames),
		RunE: func(cmd *cobra.Command, given []string) error {
			if !slices.ContainsFunc(userProperties, cmd.Flags().Changed) {
				return usagef(cmd, "nothing to change: pass at least one flag")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			u, etag, err := c.User(cmd.Context(), given[0])
			if err != nil {
				return err
			}
			if err := f.apply(a, cmd, u); err != nil {
				return err
			}
			if _, err := c.PutUser(cmd.Context(), *u, etag); err != nil {
				return err
			}
			return a.write(fmt.Sprintf("user %s is changed\n", u.ID))
		},
	}
	f.register(a, cmd)
	return cmd
}

func (a *app) userListCommand() *cobra.Command {
	return listCommand(a, &cobra.Command{Use: "list", Short: "List the users", Args: args(0, 0, "")}, listing[api.User]{
		header: []string{"USER", "ACCESS", "PASSWORD", "EXPIRES", "GROUPS", "COMMENT"},
		row: func(u api.User) []string {
			return []string{u.ID, a.userState(u), passwordText(u), a.expiry(u.Expire), strings.Join(u.Groups, ", "), u.Comment}
		},
		name: func(u api.User) string { return "user/" + u.ID },
	}, func(ctx context.Context, c *client.Client, _ []string) ([]api.User, error) { return c.Users(ctx) })
}

// userState describes whether a user has access.
func (a *app) userState(u api.User) string {
	s := a.style(a.Stdout)
	switch {
	case u.Disabled:
		return s.yellow("disabled")
	case u.Expire != 0 && a.Now().Unix() >= u.Expire:
		return s.yellow("expired")
	}
	return s.green("enabled")
}

func passwordText(u api.User) string {
	if u.Password {
		return "set"
	}
	return "none"
}

func (a *app) userShowCommand() *cobra.Command {
	return showCommand(a, &cobra.Command{
		Use:               "show USER",
		Short:             "Show a user, with tokens and permissions",
		Args:              args(1, 1, "the name of a user"),
		ValidArgsFunction: a.completeAt(0, userNames),
	}, (*client.Client).User, func(ctx context.Context, c *client.Client, u *api.User) (string, error) {
		tokens, err := c.UserTokens(ctx, u.ID)
		if err != nil {
			return "", err
		}
		acl, err := c.ACL(ctx)
		if err != nil {
			return "", err
		}
		return a.describeUser(u, tokens, acl), nil
	})
}

func (a *app) describeUser(u *api.User, tokens []api.UserToken, acl []api.ACLEntry) string {
	var own []string
	for _, t := range tokens {
		own = append(own, t.ID())
	}
	text := details("user", u.ID, "access", a.userState(*u), "password", passwordText(*u), "expires", a.expiry(u.Expire),
		"name", strings.TrimSpace(u.FirstName+" "+u.LastName), "email", u.Email, "comment", u.Comment,
		"groups", strings.Join(u.Groups, ", "), "tokens", strings.Join(own, ", "))
	acl = slices.DeleteFunc(acl, func(e api.ACLEntry) bool {
		return (e.Type != "user" || e.Subject != u.ID) && (e.Type != "group" || !slices.Contains(u.Groups, e.Subject))
	})
	if u.ID == "root@pam" {
		return text + "\nhas every privilege everywhere\n"
	}
	if len(acl) == 0 {
		return text + "\nhas no permissions; give some with: viaduct acl add\n"
	}
	return text + "\n" + aclTable(acl)
}

func (a *app) userPasswdCommand() *cobra.Command {
	var stdin bool
	cmd := &cobra.Command{
		Use:   "passwd USER",
		Short: "Set a user's password",
		Long: `Sets a user's password, 8 to 64 bytes, and ends the user's sessions. It is prompted for
twice on the terminal, or read from the first line of standard input with --stdin. To
change your own password with your own token, the current one is needed first; with
--stdin it is the first line, and the new one the second.`,
		Args:              args(1, 1, "the name of a user"),
		ValidArgsFunction: a.completeAt(0, userNames),
		RunE: func(cmd *cobra.Command, given []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if _, _, err := c.User(cmd.Context(), given[0]); err != nil { // before anybody has to type
				return err
			}
			session, err := c.Session(cmd.Context())
			if err != nil {
				return err
			}
			current, password, err := a.passwords(cmd, given[0], session.User == given[0], stdin)
			if err != nil {
				return err
			}
			if err := c.ChangePassword(cmd.Context(), given[0], current, password); err != nil {
				return err
			}
			return a.write(fmt.Sprintf("the password of user %s is set\n", given[0]))
		},
	}
	cmd.Flags().BoolVar(&stdin, "stdin", false, "read the password from standard input; to change your own, a line with the current one comes first")
	return cmd
}

// passwords reads a new password, and before it the current one if it is the user's own,
// from standard input, or prompts for them, for the new one twice.
func (a *app) passwords(cmd *cobra.Command, user string, own, stdin bool) (current, password string, err error) {
	if stdin {
		const longest = 4096 // bytes; the server refuses anything longer than a password
		lines := bufio.NewReader(io.LimitReader(a.Stdin, longest))
		if own {
			if current, err = passwordLine(lines, "current"); err != nil {
				return "", "", err
			}
		}
		password, err = passwordLine(lines, "new")
		return current, password, err
	}
	tty, ok := a.Stdin.(*os.File)
	if !ok || !a.interactive() {
		return "", "", usagef(cmd, "there is no terminal to ask at; give the password on standard input, with --stdin")
	}
	if own {
		if current, err = a.readHidden(cmd.Context(), tty, "Current password of "+user+": "); err != nil {
			return "", "", err
		}
	}
	password, err = a.newPassword(cmd, tty, user)
	return current, password, err
}

// passwordLine reads a password from a line.
func passwordLine(lines *bufio.Reader, which string) (string, error) {
	line, err := lines.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the %s password: %w", which, err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", fmt.Errorf("there is no %s password on standard input; nothing was changed", which)
	}
	return line, nil
}

// newPassword prompts for a password twice.
func (a *app) newPassword(cmd *cobra.Command, tty *os.File, user string) (string, error) {
	first, err := a.readHidden(cmd.Context(), tty, "New password of "+user+": ")
	if err != nil {
		return "", err
	}
	again, err := a.readHidden(cmd.Context(), tty, "The same again: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", errors.New("the two are not the same; nothing was changed")
	}
	return first, nil
}

// readHidden reads a line from the terminal without echo. An interrupt leaves the
// terminal as it was.
func (a *app) readHidden(ctx context.Context, tty *os.File, question string) (string, error) {
	fd := int(tty.Fd()) // a descriptor fits
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("asking for the password: %w", err)
	}
	fmt.Fprint(a.Stderr, question)
	type answer struct {
		line []byte
		err  error
	}
	answers := make(chan answer, 1)
	go func() { // a read cannot be interrupted; after an interrupt the process exits regardless
		line, err := term.ReadPassword(fd)
		answers <- answer{line, err}
	}()
	select {
	case got := <-answers:
		fmt.Fprintln(a.Stderr)
		if got.err != nil {
			return "", fmt.Errorf("asking for the password: %w", got.err)
		}
		return string(got.line), nil
	case <-ctx.Done():
		fmt.Fprintln(a.Stderr)
		return "", errors.Join(ctx.Err(), term.Restore(fd, before))
	}
}

func (a *app) userPermissionsCommand() *cobra.Command {
	return listCommand(a, &cobra.Command{
		Use:   "permissions USER|TOKEN",
		Short: "Show what a user or an API token may do",
		Long: `Shows the privileges that a user or an API token (user@realm!name) has on each path: from
all entries of viaduct acl list that concern it, its groups and its roles together. A * is
after privileges that hold below the path, too.`,
		Args:              args(1, 1, "a user or an API token"),
		ValidArgsFunction: a.completeAt(0, userNames),
	}, listing[api.Permission]{
		empty:  "no permissions",
		header: []string{"PATH", "PRIVILEGES"},
		row: func(p api.Permission) []string {
			names := make([]string, len(p.Privileges))
			for i, name := range p.Privileges {
				names[i] = name
				if slices.Contains(p.Propagated, name) {
					names[i] += "*"
				}
			}
			return []string{p.Path, strings.Join(names, ", ")}
		},
		name: func(p api.Permission) string { return p.Path },
	}, func(ctx context.Context, c *client.Client, given []string) ([]api.Permission, error) {
		return c.Permissions(ctx, given[0])
	})
}
