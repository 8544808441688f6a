// Command viaduct is all of Viaduct in one program: the server that stores the
// configuration, the agent that applies it to a node, and the command line client of
// the server.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/cli"
)

// version is set by the linker.
var version = "dev"

func main() {
	// A second signal ends the process at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Main(ctx, config(), os.Args[1:]))
}

// config returns the command line of this program.
func config() cli.Config {
	return cli.Config{
		Version:      version,
		Token:        token(),
		Commands:     []*cobra.Command{upCommand(), serverCommand(), restoreCommand(), agentCommand()},
		NodeCommands: []*cobra.Command{joinCommand()},
	}
}

// token removes the API token from the environment, because child processes must not
// inherit it, and returns it.
func token() string {
	const name = "VIADUCT_TOKEN"
	t := os.Getenv(name)
	_ = os.Unsetenv(name)
	return t
}

// logger returns a logger to standard error; under systemd that is the journal, which
// adds the time itself.
func logger(verbose bool) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	opts := &slog.HandlerOptions{Level: level}
	if os.Getenv("JOURNAL_STREAM") != "" {
		opts.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}
	}
	return slog.New(slog.NewTextHandler(os.Stderr, opts))
}
