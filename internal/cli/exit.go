package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// Exit codes of the process.
const (
	// ExitOK: done, or nothing to do.
	ExitOK = 0
	// ExitError: it failed.
	ExitError = 1
	// ExitUsage: the command line is wrong.
	ExitUsage = 2
	// ExitChanges: plan or diff with --exit-code found changes.
	ExitChanges = 3
	// ExitDegraded: partly done. Applied, but a node is degraded or did not answer in
	// time; or imported or exported, but something was omitted.
	ExitDegraded = 4
	// ExitConflict: a concurrent change, or other edits are pending.
	ExitConflict = 5
	// ExitPlanErrors: the plan has errors on nodes. An apply of it changes nothing
	// unless errors are allowed.
	ExitPlanErrors = 6
)

const exitHelp = `Exit status:
  0  done, or nothing to do
  1  failed
  2  wrong usage
  3  plan or diff with --exit-code found changes
  4  done in part: applied, but a node is degraded or did not answer in time;
     or imported or exported, but something was left out
  5  conflict: something changed in between, or other edits are pending
  6  the plan asks for something that a node cannot implement; apply changed nothing
     (apply --allow-errors leaves that out and applies the rest)`

// exitError is an error with an exit code. Without err, everything has been reported
// already.
type exitError struct {
	code int
	err  error
}

// Error implements error.
func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

// Unwrap gives the cause.
func (e *exitError) Unwrap() error { return e.err }

// Differs is the error of a comparison that found differences: it ends the process with
// ExitChanges.
func Differs(message string) error { return &exitError{ExitChanges, errors.New(message)} }

// usagef is an error of the command line itself.
func usagef(cmd *cobra.Command, format string, args ...any) error {
	return &exitError{ExitUsage, fmt.Errorf(format+"\nsee %q", append(args, cmd.CommandPath()+" --help")...)}
}

// exitCode returns the code of an error.
func exitCode(err error) int {
	var coded *exitError
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &coded):
		return coded.code
	case api.IsType(err, api.TypeConflict), api.IsType(err, api.TypeStalePlan):
		return ExitConflict
	case api.IsType(err, api.TypePlanErrors):
		return ExitPlanErrors
	}
	return ExitError
}

// args requires a number of arguments; what describes them.
func args(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		switch {
		case len(given) < least && what != "":
			return usagef(cmd, "missing argument: %s takes %s", cmd.CommandPath(), what)
		case most >= 0 && len(given) > most && what == "":
			return usagef(cmd, "unexpected argument %q: %s takes none", given[0], cmd.CommandPath())
		case most >= 0 && len(given) > most:
			return usagef(cmd, "unexpected argument %q: %s takes %s", given[most], cmd.CommandPath(), what)
		}
		return nil
	}
}
