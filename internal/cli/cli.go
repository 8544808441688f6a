package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Config is the environment of the command line. The zero value is that of a process:
// its own streams, environment and clock.
type Config struct {
	// Version is the release, as `version` prints it.
	Version string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	// Token is an API token that the environment gave to this process alone.
	Token string
	// Getenv reads the environment, Now the clock.
	Getenv func(string) string
	Now    func() time.Time
	// Commands are added to the root command, NodeCommands to `node`.
	Commands     []*cobra.Command
	NodeCommands []*cobra.Command
}

// app is what all commands share.
type app struct {
	Config
	// Values of the global flags.
	server, cert, key, ca string
	tokenFile             string
	color                 string

	remarks sync.Mutex
	noticed map[string]bool // notices already shown, under the mutex
	// allKinds is set if the command reads objects of every kind.
	allKinds bool
}

// New returns the root command.
func New(cfg Config) *cobra.Command {
	a := &app{Config: cfg}
	a.complete()
	root := &cobra.Command{
		Use:               "viaduct",
		Short:             "Software-defined network for virtualization clusters",
		Long:              rootHelp,
		Version:           a.Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usagef(c, "%v", err) })
	f := root.PersistentFlags()
	f.StringVar(&a.server, "server", "", "servers, separated by commas: unix:///path/of/api.sock or https://host:port; the next one is used when one does not answer (default: $VIADUCT_SERVER, then the lab $VIADUCT_LAB, then the server of this host)")
	f.StringVar(&a.cert, "cert", "", "client certificate, PEM file (default: $VIADUCT_CERT)")
	f.StringVar(&a.key, "key", "", "key of the client certificate, PEM file (default: $VIADUCT_KEY)")
	f.StringVar(&a.ca, "ca", "", "certificate of the server's CA, PEM file (default: $VIADUCT_CA)")
	f.StringVar(&a.tokenFile, "token-file", "", "file with an API token, USER!NAME=SECRET (default: the token in $VIADUCT_TOKEN)")
	f.StringVar(&a.color, "color", "auto", "colours: auto, always or never")
	_ = root.RegisterFlagCompletionFunc("color", cobra.FixedCompletions([]string{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp))
	root.AddGroup(
		&cobra.Group{ID: groupChange, Title: "Configuration:"},
		&cobra.Group{ID: groupLook, Title: "Inspect:"},
		&cobra.Group{ID: groupRun, Title: "Daemons, nodes and lab:"},
		&cobra.Group{ID: groupAccess, Title: "Access control:"},
	)
	addTo(root, groupChange, a.planCommand(), a.applyCommand(), a.createCommand(), a.setCommand(), a.deleteCommand(), a.discardCommand(), a.undoCommand(), a.rollbackCommand(), a.importCommand(), a.addressCommand(), a.loadBalancerCommand(), a.backplaneCommand(), a.sectorCommand())
	addTo(root, groupLook, a.getCommand(), a.describeCommand(), a.explainCommand(), a.diffCommand(), a.historyCommand(), a.statusCommand(), a.topologyCommand(), a.liveCommand(), a.reachCommand(), a.firewallCommand(), a.eventsCommand(), a.renderCommand(), a.exportCommand())
	addTo(root, groupRun, a.nodeCommand(), a.backupCommand(), a.hookCommand(), a.labCommand())
	addTo(root, groupRun, a.Commands...)
	addTo(root, groupAccess, a.accessCommands()...)
	root.AddCommand(a.versionCommand(), a.manCommand(), a.nameserverCommand())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	strict(root)
	return root
}

const (
	groupChange = "change"
	groupLook   = "look"
	groupRun    = "run"
	groupAccess = "access"
)

func addTo(parent *cobra.Command, group string, cmds ...*cobra.Command) {
	for _, c := range cmds {
		if c.GroupID == "" {
			c.GroupID = group
		}
		parent.AddCommand(c)
	}
}

const rootHelp = `Viaduct turns declared zones, VNets, subnets and guests into running networks on every
node, and repairs drift.

Edits are pending until they are applied; an apply makes a numbered revision, and any
revision can be brought back.

  viaduct plan -f FOLDER     show the changes
  viaduct apply -f FOLDER    make them
  viaduct status             the running revision and the state of every node

` + exitHelp

// complete fills in the defaults of a process.
func (a *app) complete() {
	if a.Stdin == nil {
		a.Stdin = os.Stdin
	}
	if a.Stdout == nil {
		a.Stdout = os.Stdout
	}
	if a.Stderr == nil {
		a.Stderr = os.Stderr
	}
	if a.Getenv == nil {
		a.Getenv = os.Getenv
	}
	if a.Now == nil {
		a.Now = time.Now
	}
}

// Main runs the command line and returns the exit code of the process.
func Main(ctx context.Context, cfg Config, args []string) int {
	root := New(cfg)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return ExitOK
	}
	stderr := cmd.ErrOrStderr()
	var coded *exitError
	if errors.As(err, &coded) && coded.err == nil {
		return coded.code // everything has been reported
	}
	if coded == nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		fmt.Fprintln(stderr, "viaduct: interrupted") //nolint:errcheck // nowhere to tell
		return ExitError
	}
	fmt.Fprintln(stderr, "viaduct: "+strings.TrimPrefix(err.Error(), "viaduct: ")) //nolint:errcheck // nowhere to tell
	return exitCode(err)
}

// group is the action of a command that only has sub-commands: help, or for an unknown
// word an error that suggests the nearest one.
func group(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	if near := model.Nearest(args[0], names); near != "" {
		return usagef(cmd, "unknown command %q; did you mean %s?", args[0], near)
	}
	return usagef(cmd, "unknown command %q", args[0])
}

// terminal reports whether a stream is a terminal.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) // a descriptor fits
}

// interactive reports whether there is a user to prompt.
func (a *app) interactive() bool { return terminal(a.Stdin) && terminal(a.Stderr) }

// confirm asks on a terminal; elsewhere, or with yes, it proceeds.
func (a *app) confirm(ctx context.Context, yes bool, question string) error {
	if yes || !a.interactive() {
		return nil
	}
	fmt.Fprintf(a.Stderr, "%s [y/N] ", question) //nolint:errcheck // the answer tells
	answers := make(chan string, 1)
	go func() { // a read cannot be interrupted; after an interrupt the process exits regardless
		var answer string
		_, _ = fmt.Fscanln(a.Stdin, &answer) // an empty line means no
		answers <- strings.ToLower(answer)
	}()
	select {
	case answer := <-answers:
		if answer == "y" || answer == "yes" {
			return nil
		}
	case <-ctx.Done():
	}
	return errors.New("not confirmed; nothing was changed")
}
