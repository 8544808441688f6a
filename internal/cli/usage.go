package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// strict makes a command and its sub-commands end with ExitUsage whenever the command
// line is wrong: an unknown sub-command, too many or too few arguments, a missing flag.
// Directories in flags are made absolute, so that every process that gets them uses the
// same ones.
func strict(cmd *cobra.Command) {
	switch {
	case cmd.Name() == "help" && cmd.Parent() == cmd.Root():
		cmd.Args = helpArgs
	case cmd.HasSubCommands() && !cmd.Runnable():
		cmd.Args, cmd.RunE = cobra.ArbitraryArgs, group
	case cmd.HasSubCommands():
		cmd.Args = noneOf // a command like `agent`, which runs on its own, too
	case cmd.Args == nil && !strings.Contains(cmd.Use, " "):
		cmd.Args = args(0, 0, "")
	}
	check := cmd.Args
	cmd.Args = func(c *cobra.Command, given []string) error {
		if check != nil {
			if err := check(c, given); err != nil {
				return asUsage(c, err)
			}
		}
		if err := c.ValidateRequiredFlags(); err != nil {
			return asUsage(c, err)
		}
		return nil
	}
	cmd.LocalFlags().VisitAll(absolute)
	for _, c := range cmd.Commands() {
		strict(c)
	}
}

// noneOf refuses an unknown sub-command.
func noneOf(cmd *cobra.Command, given []string) error {
	if len(given) == 0 {
		return nil
	}
	return group(cmd, given)
}

// asUsage turns an error into one of the command line itself.
func asUsage(cmd *cobra.Command, err error) error {
	var coded *exitError
	if errors.As(err, &coded) {
		return err
	}
	return usagef(cmd, "%v", err)
}

// helpArgs refuses help on an unknown command.
func helpArgs(cmd *cobra.Command, given []string) error {
	at := cmd.Root()
	for _, word := range given {
		next, rest, err := at.Find([]string{word})
		if err != nil || len(rest) > 0 || next == at {
			return group(at, []string{word})
		}
		at = next
	}
	return nil
}

// longestSocket is the maximum length of the path of a unix socket, in bytes: unix(7).
const longestSocket = 107

// directories are the flags that name a directory, with the length of the longest path
// of a socket below it, in bytes.
var directories = map[string]int{
	"data":         len("/nameserver/control"),
	"agent-data":   len("/nameserver/control"),
	"lab-dir":      len("/default/lb/node1234/run/12345.sock.4194304.tmp"),
	"haproxy-dir":  len("/run/12345.sock.4194304.tmp"), // the name under which HAProxy makes it
	"dnsmasq-root": 0,
	"netns-dir":    0,
	"config":       len("/control"),
}

// absolute makes a directory flag resolve relative paths.
func absolute(f *pflag.Flag) {
	below, ok := directories[f.Name]
	if _, done := f.Value.(directory); ok && !done {
		f.Value = directory{f.Value, below}
	}
}

// directory is the value of such a flag.
type directory struct {
	pflag.Value
	below int
}

// Set implements pflag.Value.
func (d directory) Set(path string) error {
	if path == "" {
		return d.Value.Set(path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if most := longestSocket - d.below; d.below > 0 && len(abs) > most {
		return fmt.Errorf("its full path, %s, has %d bytes, and %d are the most: sockets are made in it, whose paths the kernel limits to %d bytes; choose a directory with a shorter path",
			abs, len(abs), most, longestSocket)
	}
	return d.Value.Set(abs)
}
